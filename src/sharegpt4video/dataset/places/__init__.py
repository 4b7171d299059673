"""Where the work on single videos is done: processes of this machine (``here``), or a cluster (``ray``)."""
