"""The exceptions of the package. Each message says what was wrong, in which video or file, and what to do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .foreign import without_secrets

if TYPE_CHECKING:
    from .records import VideoCaption


class SG4VError(Exception):
    """Base class of this package's errors. The message is meant for the user and never contains a key or password."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(without_secrets(each) if isinstance(each, str) else each for each in arguments))


class VideoError(SG4VError):
    """A video cannot be opened, or nothing in the requested part can be decoded."""


class VLMError(SG4VError):
    """A model cannot answer and asking again will not help: wrong key, unknown model, server gone."""


class ModelUnavailable(VLMError):
    """The model does not answer, through no fault of the request. The next run asks again."""


class ModelDenied(ModelUnavailable):
    """No request can be answered: the key, the account, the model's name or the address is wrong."""


class CaptionInterrupted(VLMError):
    """The model stopped answering half-way; ``caption`` has every step finished before that."""

    def __init__(self, message: str, caption: VideoCaption) -> None:
        super().__init__(message)
        self.caption = caption


class SettingsError(SG4VError, ValueError):
    """Settings contradict each other or name something unknown; the message lists every problem."""


class InputMissing(SettingsError):
    """A file or folder that was named to be read is not there."""


class StorageError(SG4VError):
    """A data set, a reply cache or an output file cannot be read or written: full disk, no permission, damage."""


class MissingExtra(SG4VError, ImportError):
    """An optional package is needed. The message has the command that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package; install it with: pip install 'sharegpt4video[{extra}]'")
        self.extra = extra
