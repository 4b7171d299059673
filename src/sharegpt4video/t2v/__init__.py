"""Text-to-video: captions that trainers can really use, prompts that match them, and the training itself.

Everything starts from ``record``. ``manifests`` writes what trainers read, ``budget`` fits a caption to a text encoder,
``profile`` and ``rewrite`` bring prompts into the style of the captions, ``train`` and ``sample`` close the circle.
"""
