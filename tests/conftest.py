"""What holds for all tests."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from sharegpt4video.cores import ordinary_priority

# A busy machine is no defect.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# What is started in the background of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def no_priority_is_left() -> Iterator[None]:
    """Tests that encode AV1 by themselves would leave theirs to all that come after them in this process."""
    with ordinary_priority():
        yield
