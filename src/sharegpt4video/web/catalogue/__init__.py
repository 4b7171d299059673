"""The catalogue of a data set: an index beside it, so that a million captions can be filtered and searched at once.

``catalogue.Catalogue`` is what the pages use. Reading order: there, then ``follow`` (how it is kept up to date, part by
part), ``pages`` (how it is asked) and ``filters``. Whatever it holds can be read from the data set again: the folder
may be deleted at any time, and is rebuilt when it is damaged or of another version.
"""
