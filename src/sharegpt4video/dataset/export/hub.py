"""Pushing an export to the Hugging Face Hub (extra ``hub``)."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import MissingExtra, SettingsError, SG4VError
from ...files import leading_out
from ...given import read_json
from .target import MANIFEST


def push(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    private: bool = True,
    token: str | None = None,
    message: str = "Upload the export",
) -> str:
    """Upload a finished export as a data set of the Hub, creating the repository if needed. Returns its address.

    ``private`` applies only to a newly created repository. Without ``token``, that of ``hf auth login`` is used. Files
    that the Hub already has are not sent again. Raises MissingExtra without huggingface_hub, SettingsError for a folder
    that is not a finished export, SG4VError if the Hub refuses or cannot be reached.
    """
    _check_finished(Path(folder))
    try:
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise MissingExtra("pushing to the Hub", "hub") from error
    api = HfApi(token=token)
    try:
        url = api.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        api.upload_folder(repo_id=repo_id, repo_type="dataset", folder_path=str(folder), commit_message=message)
    except HFValidationError as error:
        raise SettingsError(f"{repo_id}: is not a repository name: {error}") from error
    except (*HfHubHTTPError.__bases__, OSError) as error:  # its base is the error of the HTTP client, whichever it is
        raise SG4VError(f"{repo_id}: the Hub rejected it: {error}; see hf auth whoami, and try again") from error
    return str(url)


def _check_finished(folder: Path) -> None:
    path = folder / MANIFEST
    try:
        said = read_json(path)
    except (OSError, ValueError) as error:
        raise SettingsError(f"{folder}: is no export ({path.name}: {error}); export into it first") from error
    if not said.get("finished"):
        raise SettingsError(f"{folder}: the export in it was not finished; export again with overwrite")
    if link := leading_out(folder):
        raise SettingsError(f"{link}: leads to a file elsewhere, which would be sent; put a copy there, or remove it")
