"""The training configurations that come with the package, in ``sharegpt4video/configs``."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ..checking import did_you_mean
from ..errors import InputMissing, SettingsError

FOLDER = Path(str(resources.files("sharegpt4video"))) / "configs"
T2V = FOLDER / "t2v"
"""Those for video generators."""


def config_names(folder: Path = FOLDER) -> list[str]:
    """The names of the configurations that come with the package, such as ``tiny``."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def find_config(path: str | Path, folder: Path = FOLDER) -> Path:
    """The file to read: ``path`` itself where it exists, else the package's own configuration of that name.

    ``tiny``, ``tiny.yaml`` and ``configs/tiny.yaml`` all name the same one, wherever the package is installed.
    Raises SettingsError if there is neither.
    """
    path = Path(path)
    if path.is_file():
        return path
    name = path.name.removesuffix(".yaml")
    if path.parent in (Path(), Path("configs")) and name in config_names(folder):
        return folder / f"{name}.yaml"
    names = ", ".join(config_names(folder))
    missing = SettingsError if str(path) == name else InputMissing  # a misspelt name, or a file that is not there
    raise missing(
        f"{path}: no such file, and not one of the configurations of the package ({names})"
        + did_you_mean(name, config_names(folder))
    )
