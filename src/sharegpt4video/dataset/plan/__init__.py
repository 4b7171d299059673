"""What a data set will take, reckoned before it is begun. Begin with ``plan``."""
