"""``python -m sharegpt4video`` is ``sg4v``."""

from .cli import main

if __name__ == "__main__":
    main()
