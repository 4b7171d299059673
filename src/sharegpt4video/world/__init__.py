"""A closed world: short rendered videos whose every fact is known, their captions, questions and an exact checker.

``scenes`` holds the facts, ``sampling`` draws them, ``render`` shows them, ``captions`` and ``questions`` tell and ask
about them, ``check`` reads them back from pixels, ``files`` writes whole sets.
"""
