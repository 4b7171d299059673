"""From a folder of videos to a data set people can train on."""
