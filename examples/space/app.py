"""A Hugging Face Space that captions what people upload. Its only other file is requirements.txt."""

from sharegpt4video.web.spaces import launch

if __name__ == "__main__":
    launch()
