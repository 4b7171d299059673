"""The model that is trained: its shape, its weights, which parts learn, what a step costs, what a run needs."""

from importlib.util import find_spec

from ...errors import MissingExtra

for _package in ("torch", "transformers"):
    if find_spec(_package) is None:  # said here, once, for every module of this package
        raise MissingExtra(f"a model to train, or its plan ({_package} is not installed),", "train")
