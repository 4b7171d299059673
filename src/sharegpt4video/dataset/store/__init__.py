"""Where a data set lies: tables of Parquet parts, locks, and how far it is. Begin with ``store``."""
