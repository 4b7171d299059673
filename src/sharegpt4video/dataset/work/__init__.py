"""What happens to each video of a build, here or on a cluster. Begin with ``flow``."""
