"""What the user names, as a stream of videos with ids; opened in place wherever they lie. Begin with ``sources``."""
