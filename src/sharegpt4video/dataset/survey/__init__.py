"""One cheap look at every video, before any model is asked. Begin with ``survey``."""
