"""Text-to-video: captions that trainers can use, prompts that match them, and training itself.

Everything starts from ``record``. ``manifests`` writes what trainers read, ``budget`` fits a caption to a text encoder,
``profile`` and ``rewrite`` bring prompts into the style of the captions, ``train`` trains a generator and ``sample``
samples from it.
"""
