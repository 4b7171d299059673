"""Which videos are kept, decided from stored scores. Begin with ``filters``, then ``select``."""
