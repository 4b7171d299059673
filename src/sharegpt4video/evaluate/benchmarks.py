"""The benchmarks, by name. To add one: a module with one ``Benchmark`` value, and a line here."""

from __future__ import annotations

import difflib

from ..errors import SettingsError
from .base import Benchmark
from .camerabench import CAMERABENCH
from .captions.capability import CAPABILITY
from .captions.captionqa import CAPTIONQA
from .captions.dream import DREAM
from .captions.vdc import VDC
from .mvbench import MVBENCH
from .tempcompass import TEMPCOMPASS
from .timelens import TIMELENS
from .videobench import VIDEOBENCH
from .videomme import VIDEOMME
from .videomme_v2 import VIDEOMME_V2

BENCHMARKS: dict[str, Benchmark] = {
    "tempcompass": TEMPCOMPASS,
    "mvbench": MVBENCH,
    "videobench": VIDEOBENCH,
    "videomme": VIDEOMME,
    "videommev2": VIDEOMME_V2,
    "camerabench": CAMERABENCH,
    "timelens": TIMELENS,
    "dream": DREAM,
    "vdc": VDC,
    "capability": CAPABILITY,
    "captionqa": CAPTIONQA,
}


def benchmark_named(name: str) -> Benchmark:
    """The benchmark of that name, ignoring case and hyphens. Raises SettingsError for an unknown one."""
    plain = name.lower().replace("-", "").replace("_", "")
    if plain in BENCHMARKS:
        return BENCHMARKS[plain]
    near = difflib.get_close_matches(plain, BENCHMARKS, n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    raise SettingsError(f"no benchmark is called {name!r}{meant}; known are: {', '.join(BENCHMARKS)}")
