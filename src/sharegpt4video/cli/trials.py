"""The trials of ``sg4v doctor``: importing packages, decoding, running networks, using a GPU.

Each is Python code that runs in another process, because something broken may crash the process that uses it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping

LIMIT_SECONDS = 300.0

_CHILD = """
import json, os, sys
told = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # what packages print is not an answer
given = json.load(sys.stdin)
sys.path[:] = given["path"]
for name, code in given["trials"].items():
    problem = ""
    try:
        exec(code, {})
    except BaseException as error:
        problem = f"{type(error).__name__}: {error}"[:500]
    print(json.dumps([name, problem]), file=told, flush=True)
os._exit(0)  # skip exit handlers: a broken one says nothing about the trials
"""


def tried(trials: Mapping[str, str], limit_seconds: float = LIMIT_SECONDS) -> dict[str, str]:
    """Run each trial; what went wrong, by its name ("" if nothing did)."""
    waiting, problems = dict(trials), dict.fromkeys(trials, "")
    while waiting:
        answers, end = _run(waiting, limit_seconds)
        problems |= answers
        waiting = {name: code for name, code in waiting.items() if name not in answers}
        if waiting:  # the process ended in the middle of the next one
            culprit = next(iter(waiting))
            problems[culprit] = end
            del waiting[culprit]
    return problems


def _run(trials: Mapping[str, str], limit_seconds: float) -> tuple[dict[str, str], str]:
    """The problems of the trials that finished in one process, and how the process ended."""
    command = [sys.executable, "-W", "ignore", "-c", _CHILD]
    given = json.dumps({"path": sys.path, "trials": trials}).encode()
    try:
        ended = subprocess.run(
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=limit_seconds, check=False
        )
        answers, code = ended.stdout, ended.returncode
        end = f"the process ended with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
    except subprocess.TimeoutExpired as late:
        answers, end = late.stdout or b"", f"did not finish within {limit_seconds:g} seconds"
    whole = answers.decode("utf-8", "replace").rpartition("\n")[0]
    return dict(json.loads(line) for line in whole.splitlines()), end
