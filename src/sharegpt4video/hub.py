"""Whether a model of the Hugging Face Hub can be had, told in seconds.

Where the Hub cannot be reached, its library asks for each of a model's files six times, which takes minutes.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ANSWER_SECONDS = 5.0


def is_downloaded(path: str, files: str = "*.safetensors") -> bool:
    """Whether a model of the Hub lies in its cache on this machine, by what the Hub's library documents."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()
    snapshots = cache / f"models--{path.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob(f"*/{files}"))


def out_of_reach(model: str) -> str:
    """Why a model can neither be read here nor fetched; "" for a folder, for one in the cache, and if the Hub answers.

    Any answer will do, a refusal too: what it means is told when the model is loaded.
    """
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")  # then nothing is asked
    if offline or Path(model).expanduser().is_dir() or is_downloaded(model, "*"):
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
