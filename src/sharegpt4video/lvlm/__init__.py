"""Video-language models of the ShareGPT4Video kind: their input, their checkpoints, talking to them, training them."""
