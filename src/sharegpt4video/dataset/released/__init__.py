"""Files in the layout of the released ShareGPT4Video data set: audited, and brought into ours. Begin with ``audit``."""
