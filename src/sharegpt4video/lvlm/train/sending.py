"""Sending a merged model to the Hugging Face Hub (extra ``hub``)."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import InputMissing, MissingExtra, SettingsError, SG4VError
from ...files import leading_out


def push(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool = True,
    token: str | None = None,
    message: str = "Upload the model",
) -> str:
    """Upload a folder that ``merge`` wrote as a model of the Hub; makes the repository if there is none.

    Returns its address. ``private`` counts only for a repository that is made. Without ``token`` the one of
    ``hf auth login`` is used. Raises SettingsError for a folder that holds no model, MissingExtra without
    huggingface_hub, SG4VError when the Hub refuses or cannot be reached.
    """
    missing = [name for name in ("config.json", "README.md") if not (Path(folder) / name).is_file()]
    if missing or not list(Path(folder).glob("*.safetensors")):
        raise InputMissing(f"{folder}: not a merged model (no {', '.join(missing) or 'weights'}); see sg4v train merge")
    if link := leading_out(Path(folder)):
        raise SettingsError(f"{link}: leads to a file elsewhere, which would be sent; put a copy there, or remove it")
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtra("pushing to the Hub", "hub") from error
    api = HfApi(token=token)
    try:
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=repo_id, folder_path=str(folder), commit_message=message)
    except HFValidationError as error:
        raise SettingsError(f"{repo_id}: is not a repository name: {error}") from error
    except (*HfHubHTTPError.__bases__, OSError) as error:  # its base is the error of the HTTP client, whichever it is
        raise SG4VError(f"{repo_id}: the Hub rejected it: {error}; see hf auth whoami, and try again") from error
    return str(url)
