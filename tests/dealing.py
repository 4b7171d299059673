"""How tests are dealt to processes that run side by side: file by file, those first that take longest.

So what the tests of a file share is made once, and no process is left with a long file when the others have ended.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/browser/",)
"""Folders whose files share what takes long to make (a browser, a server, data sets): one process takes all of them."""

LONGEST = (
    "tests/browser/",
    "tests/dataset/test_build_kills.py",
    "tests/test_journey.py",
    "tests/cli/test_app.py",
    "tests/dataset/test_cluster.py",
    "tests/dataset/test_cluster_nodes.py",
    "tests/dataset/survey/test_survey.py",
    "tests/dataset/test_build.py",
    "tests/lvlm/data/test_loader.py",
    "tests/test_docs.py",
    "tests/lvlm/train/",
    "tests/web/",
    "tests/contract/test_place.py",
    "tests/dataset/test_whole_way.py",
    "tests/dataset/test_build_again.py",
    "tests/lvlm/",
    "tests/test_proof_understanding.py",
    "tests/t2v/test_export.py",
    "tests/t2v/test_obeys.py",
    "tests/video/",
    "tests/vlm/",
    "tests/test_tour.py",
    "tests/test_offline.py",
    "tests/test_project_files.py",
    "tests/cli/",
    "tests/dataset/",
)
"""Files, or folders of them, by how long they take; the others come after them."""


class FileByFile(LoadFileScheduling):
    """Gives each process one file after the other, or all of a folder that is to stay together."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), super()._split_scope(nodeid))


def place(item: Any) -> int:
    """When a test is dealt, as a number to sort by."""
    return next((at for at, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))
