"""What decodes strangers' files and asks models: in processes with limits, in a queue, watched."""
