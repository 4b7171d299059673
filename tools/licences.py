"""Hold the licences of all installed packages, as their metadata tells them, against a list of those that will do.

    python tools/licences.py [SITE_PACKAGES]

Without a folder it looks at the packages of the Python that runs it. Needs nothing but Python, and exits with 1 if the
licence of a package is unknown or not on the list. Binary wheels may hold more than their metadata tells: see
docs/extras.md.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import metadata

PERMISSIVE = (
    "0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause BSL-1.0 CC0-1.0 CNRI-Python ISC MIT MIT-0 MIT-CMU PSF-2.0 Unlicense"
    " Zlib Apache-2.0-with-LLVM-exception"
)
FILE_BY_FILE = "MPL-2.0"  # what is changed in its own files stays open; programs that use it are free
ALLOWED = frozenset(f"{PERMISSIVE} {FILE_BY_FILE}".split())

EXCEPTIONS = {
    "num2words": ("LGPL-2.1", "Python code, imported by transformers where a processor asks for it, never changed"),
    "nvidia-*": ("NVIDIA", "CUDA's libraries under NVIDIA's terms, which builds of PyTorch for its GPUs bring along"),
    "cuda-*": ("NVIDIA", "parts of the same libraries, under the same terms"),
}
"""Packages (names may have ``*``) that may be there although their licence is not on the list, and why."""

READ_BY_HAND = {
    "axe-playwright-python": ("MIT", "a file LICENSE and no word in the metadata; the axe-core within is MPL-2.0"),
    "antlr4-python3-runtime": ("BSD-3-Clause", "the metadata says no more than BSD"),
}
"""Packages whose metadata says nothing, or not enough: what their licence file says."""

_WORDS = {
    "BSD-3-Clause": "bsd|bsd license|3-clause bsd license|bsd 3-clause license|new bsd|bsd-3-clause license"
    "|bsd 3-clause",
    "Apache-2.0": "apache|apache 2|apache 2.0|apache license|apache license 2.0|apache license, version 2.0|apache 2.0"
    " license|apache software license|apache-2.0 license",
    "MIT": "mit license|mit licence|the mit license",
    "PSF-2.0": "psfl|python software foundation license|psf",
    "ISC": "isc license|isc license (iscl)",
    "MPL-2.0": "mozilla public license 2.0 (mpl 2.0)|mpl 2.0",
    "Unlicense": "the unlicense (unlicense)",
    "Zlib": "zlib/libpng license",
    "LGPL-2.1": "lgpl|gnu library or lesser general public license (lgpl)|gnu lesser general public license v2.1",
}
SPDX = {word: spdx for spdx, words in _WORDS.items() for word in words.split("|")}
"""What packages wrote before there were SPDX expressions."""
_NO_LICENCE = {"osi approved", "dfsg approved"}


@dataclass(frozen=True)
class Licence:
    """The licence of one installed package; ``problem`` is "" if it will do."""

    package: str
    version: str
    expression: str
    problem: str = ""


def licences(places: list[str] | None = None) -> list[Licence]:
    """Those of all packages in some folders (else of this Python), by name."""
    found = {}
    for one in metadata.distributions(path=places) if places else metadata.distributions():
        name = re.sub(r"[-_.]+", "-", one.metadata["Name"] or "").lower()
        if name and name not in found:  # of two, the first one is imported
            found[name] = licence(name, one.version, one.metadata)
    return [found[name] for name in sorted(found)]


def licence(name: str, version: str, told: metadata.PackageMetadata) -> Licence:
    """What a package's metadata says, and what is wrong with that."""
    for pattern, (expression, _) in EXCEPTIONS.items():
        if fnmatch(name, pattern):
            return Licence(name, version, expression)
    expression = READ_BY_HAND[name][0] if name in READ_BY_HAND else _expression(told)
    if not expression:
        said = (told.get("License") or "nothing").strip().split("\n")[0][:60]
        return Licence(
            name, version, "", f"says {said!r} of its licence: read its licence file, and add it to READ_BY_HAND"
        )
    problem = "" if allows(expression) else f"is under {expression}, which is not on the list"
    return Licence(name, version, expression, problem)


def _expression(told: metadata.PackageMetadata) -> str:
    """The SPDX expression; made of the classifiers, or of the old field, where there is none."""
    if expression := told.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rpartition(" :: ")[2] for line in told.get_all("Classifier") or () if line.startswith("License")
    ]
    named = [_spdx(word) for word in classifiers if word.lower() not in _NO_LICENCE]
    old = str(told.get("License") or "").strip()
    if named and all(named):
        return " AND ".join(dict.fromkeys(named))  # which of them may be chosen is not said
    return _spdx(old) or (old if all(part in ALLOWED for part in _parts(old)) else "")


def _spdx(word: str) -> str:
    return word if word in ALLOWED else SPDX.get(word.lower(), "")


def _parts(expression: str) -> list[str]:
    return (
        re.split(r"\s+(?:AND|OR)\s+", re.sub(r"[()]", "", expression.replace(" WITH ", "-with-")))
        if expression
        else [""]
    )


def allows(expression: str) -> bool:
    """Whether an SPDX expression can be kept with what is on the list: all of an ``AND``, one of an ``OR``."""
    text = re.sub(r"\s+WITH\s+", "-with-", expression)
    while inner := re.search(r"\(([^()]*)\)", text):
        text = text[: inner.start()] + ("0BSD" if allows(inner[1]) else "no") + text[inner.end() :]
    choices = re.split(r"\s+OR\s+", text.strip())
    return any(all(part in ALLOWED for part in re.split(r"\s+AND\s+", choice)) for choice in choices)


def lines(found: Iterable[Licence]) -> Iterator[str]:
    """How many packages have which licence, the most frequent first."""
    counts = Counter(one.expression for one in found if one.expression)
    for expression, count in sorted(counts.items(), key=lambda each: (-each[1], each[0])):
        yield f"{count:5}  {expression}"


def main() -> None:
    found = licences(sys.argv[1:] or None)
    print("\n".join(lines(found)))
    wrong = [one for one in found if one.problem]
    for one in wrong:
        print(f"{one.package} {one.version} {one.problem}", file=sys.stderr)
    print(f"licences: {len(found)} packages, {len(wrong)} with a problem")
    sys.exit(1 if wrong or not found else 0)


if __name__ == "__main__":
    main()
