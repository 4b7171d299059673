"""What ``sg4v web`` serves, to whom, and within which limits."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from ..checking import Limits as Bounds
from ..checking import wrong_values
from ..cores import cores
from ..errors import SettingsError

_SAMPLE = Path(__file__).parent / "sample" / "park.mp4"
_SAMPLE_IN_CLONE = Path(__file__).parents[3] / "examples" / "park.mp4"


def sample_video() -> Path | None:
    """The video that the start page offers; None where this installation has none."""
    return next((path for path in (_SAMPLE, _SAMPLE_IN_CLONE) if path.is_file()), None)


@dataclass(frozen=True)
class Limits:
    """What one client, one job and all of them together may take."""

    upload_bytes: int = 512_000_000
    """Largest file that may be uploaded or fetched."""
    stored_bytes: int = 4 << 30
    """All uploads and previews together; the oldest that nobody uses go first."""
    max_seconds: float = 3600.0
    """Longest part of a video that is captioned at once."""
    max_pixels: int = 7680 * 4320
    """Largest picture that is decoded; checked before the first one is."""
    memory_bytes: int = 3 << 30
    """Address space of a process that decodes. Models that run inside it (hf, vllm, lvlm) are not held to it."""
    jobs: int = 0
    """Captions made at the same time. 0: one for every two cores."""
    queued: int = 200
    """Captions that may wait."""
    jobs_per_client: int = 8
    """Captions, waiting or running, of one browser or address."""
    requests_per_minute: int = 600
    """Requests that start work, of one browser or address; a burst of as many is let through."""
    job_seconds: float = 3600.0
    """How long making one caption may take."""
    short_seconds: float = 120.0
    """How long looking at a file, a preview, a summary or an answer may take."""
    silence_seconds: float = 30.0
    """How long a client may be silent in the middle of a request."""
    linger_seconds: float = 4.0
    """How long a job runs on after its last watcher has left; time enough to reload a page."""
    unwatched_seconds: float = 30.0
    """How long a job runs that nobody has asked about."""
    keep_seconds: float = 3600.0
    """How long finished captions and unused uploads are kept."""
    kept_captions: int = 200
    """How many finished captions are kept at most."""

    @property
    def jobs_at_once(self) -> int:
        return self.jobs or max(cores() // 2, 1)


@dataclass(frozen=True)
class WebSettings:
    """Where the pages are served, what they may open, and with which models.

    host, port   where to listen
    token        what a browser or an API client has to show; "" for nobody, which only loopback may have
    public       serve everybody without a token: for a hosted demo. Then nothing of this machine may be served
    roots        folders whose videos may be opened
    dataset      a data set to browse; compare: two of them
    models       names as for ``sg4v caption --model``; the first is the default
    profile      a file by ``sg4v t2v profile``: prompts are re-captioned in the style of its captions
    allow_urls   fetch videos from http addresses, never from private ones
    hosts        names of this machine that a browser may use, besides its addresses
    embedded_in  origins whose pages may show these in a frame
    sample       the video that the start page offers
    access_log   one line a request on stderr

    Raises SettingsError, listing every problem.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Bounds(0, 65535)] = 8317
    token: str = field(default="", repr=False)
    public: bool = False
    roots: tuple[Path, ...] = ()
    dataset: str = ""
    compare: tuple[str, str] | None = None
    models: tuple[str, ...] = ("embedded",)
    profile: Path | None = None
    allow_urls: bool = False
    hosts: tuple[str, ...] = ()
    embedded_in: tuple[str, ...] = ()
    sample: Path | None = field(default_factory=sample_video)
    access_log: bool = False
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        problems = list(wrong_values(self).values())
        if not self.public and not self.token and not self.is_loopback:
            problems.append(f"{self.host} can be reached from other machines, so a token is needed")
        if self.public and (self.roots or self.dataset or self.compare or self.allow_urls):
            problems.append("what is public serves uploads alone: no folders, no data sets, no addresses")
        problems += [f"{root}: no such folder" for root in self.roots if not root.is_dir()]
        if not self.models:
            problems.append("name at least one model, such as embedded")
        if problems:
            raise SettingsError("; ".join(problems))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def host_names(self) -> frozenset[str]:
        """The names, besides addresses, that a request may be addressed to."""
        own = () if self.is_loopback else (self.host, socket.gethostname(), socket.getfqdn())
        return frozenset(name.lower() for name in ("localhost", *own, *self.hosts))
