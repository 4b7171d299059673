"""Whether a model of the Hugging Face Hub can be had, told in seconds.

Where the Hub cannot be reached, its library asks for each of a model's files six times, which takes minutes.
"""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ANSWER_SECONDS = 5.0


def is_downloaded(path: str, files: str = "*.safetensors") -> bool:
    """Whether a model of the Hub lies in its cache on this machine, by what the Hub's library documents."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    caches = {os.environ.get("HF_HUB_CACHE") or str(Path(home, "hub")), str(_loaded("HF_HUB_CACHE") or "")} - {""}
    folders = [Path(cache).expanduser() / f"models--{path.replace('/', '--')}" / "snapshots" for cache in caches]
    return any(any(folder.glob(f"*/{files}")) for folder in folders)


def _loaded(constant: str) -> Any:
    """What the Hub's library goes by, if it is loaded: a program may have set it otherwise than the environment."""
    return getattr(sys.modules.get("huggingface_hub.constants"), constant, None)


def out_of_reach(model: str) -> str:
    """Why a model can neither be read here nor fetched; "" for a folder, for one in the cache, and if the Hub answers.

    Any answer will do, a refusal too: what it means is told when the model is loaded.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    if offline or _loaded("HF_HUB_OFFLINE") or Path(model).expanduser().is_dir() or is_downloaded(model, "*"):
        return ""
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    if not hub.startswith(("http://", "https://")):
        return ""
    try:
        urlopen(Request(hub, method="HEAD"), timeout=ANSWER_SECONDS).close()
    except HTTPError:
        return ""
    except OSError as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, ssl.SSLError):  # the library may know other certificates
            return ""
        why = getattr(reason, "strerror", "") or str(reason)
        return f"there is no folder {model!r} here, and {hub} cannot be reached to fetch it ({why})"
    return ""


def need_within_reach(model: str) -> None:
    """Raises OSError, as the loaders of transformers and diffusers do, for what is `out_of_reach`."""
    if problem := out_of_reach(model):
        raise OSError(f"{problem}; check the name and the connection")


def fetched(model: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The folder in the Hub's cache with a model's files of these names, which are downloaded if they are not there.

    Raises OSError and ValueError as the Hub's library does, and OSError for a connection that breaks off as well, for
    which that library has errors of its HTTP library (httpx) and of its downloader (RuntimeError).
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(model, revision=revision, allow_patterns=list(patterns)))
    except (OSError, ValueError):
        raise
    except (*HfHubHTTPError.__bases__, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise OSError(f"the download broke off ({reason}); run it again: complete files are kept") from error
