"""What holds for all tests."""

import functools
import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main
import typer.testing
from hypothesis import settings

from dealing import FileByFile, place
from sharegpt4video.cores import ordinary_priority

# A busy machine is no defect.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

# Typer makes all commands anew for each call, which takes longer than many a call; they keep nothing between two.
typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)

# What is started in the background of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileByFile | None:
    return FileByFile(config, log) if config.getvalue("dist") == "loadfile" else None


# A million objects of imported modules are there to stay: each search for garbage among them would take half a second.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        items.sort(key=place)


@pytest.fixture(autouse=True)
def no_priority_is_left() -> Iterator[None]:
    """Tests that encode AV1 by themselves would leave theirs to all that come after them in this process."""
    with ordinary_priority():
        yield
