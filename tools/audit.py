"""Ask for known vulnerabilities of all installed packages, and say plainly what could not be asked.

    python tools/audit.py [--required] [OPTION ...]

Runs pip-audit (which must be installed) over the packages of the Python that runs it; options are passed on to it.
Exits with 1 for a known vulnerability. Where the service does not answer, as behind a mirror of PyPI without it,
nothing is audited: that is said, and is an error only with ``--required``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import Any

ACCEPTED: dict[str, str] = {}
"""Vulnerabilities that do not count here, by their id, and why."""


def asked(options: list[str]) -> tuple[list[dict[str, Any]], str]:
    """What pip-audit says of each package, and what it complains of."""
    ignored = [word for one in ACCEPTED for word in ("--ignore-vuln", one)]
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--desc", "off", "--progress-spinner", "off"]
    places = [] if "--path" in options else ["--path", sysconfig.get_path("purelib")]
    ended = subprocess.run([*command, *ignored, *places, *options], capture_output=True, text=True, check=False)
    complaint = (ended.stderr.strip().splitlines() or [f"pip-audit ended with {ended.returncode}"])[-1]
    try:
        return list(json.loads(ended.stdout)["dependencies"]), complaint
    except (ValueError, KeyError, TypeError):
        return [], complaint


def report(packages: list[dict[str, Any]], complaint: str) -> tuple[list[str], int, int]:
    """What is said, how many packages were audited, and how many vulnerabilities were found."""
    audited = [one for one in packages if "skip_reason" not in one]
    said = [
        f"{one['name']} {one['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for one in audited
        for flaw in one["vulns"]
    ]
    found = len(said)
    if not audited:
        reason = packages[0]["skip_reason"] if packages else complaint
        said.append(f"audit: NOTHING was audited, as the vulnerability service does not answer here ({reason})")
    elif skipped := sorted(one["name"] for one in packages if "skip_reason" in one):
        said.append(f"audit: not known to the service, and not audited: {', '.join(skipped)}")
    said.append(f"audit: {len(audited)} of {len(packages)} packages, {found} known vulnerabilities")
    return said, len(audited), found


def main() -> None:
    options = sys.argv[1:]
    required = "--required" in options
    said, audited, found = report(*asked([one for one in options if one != "--required"]))
    print("\n".join(said), flush=True)
    sys.exit(1 if found or (required and not audited) else 0)


if __name__ == "__main__":
    main()
