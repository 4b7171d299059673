"""The exceptions of the package. Each message says what was wrong, in which video or file, and what to do now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .foreign import without_secrets

if TYPE_CHECKING:
    from .records import VideoCaption


class SG4VError(Exception):
    """Anything this package refuses to do, with a message meant for the user: no key or password is in it."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(without_secrets(each) if isinstance(each, str) else each for each in arguments))


class VideoError(SG4VError):
    """A video cannot be opened, or nothing of the wanted part can be decoded."""


class VLMError(SG4VError):
    """A model cannot answer and asking again will not help: wrong key, unknown model, server gone."""


class ModelUnavailable(VLMError):
    """Nobody answers. The request may be as good as any: it is asked again by the next run."""


class ModelDenied(ModelUnavailable):
    """No request of this run can be answered: the key, the account, the model's name or the address is wrong."""


class CaptionInterrupted(VLMError):
    """The model gave up half-way; ``caption`` holds every step that was finished before that."""

    def __init__(self, message: str, caption: VideoCaption) -> None:
        super().__init__(message)
        self.caption = caption


class SettingsError(SG4VError, ValueError):
    """Settings that contradict each other or name something unknown; every problem is in the one message."""


class StorageError(SG4VError):
    """A data set, a reply cache or an output file cannot be read or written: full disk, no permission, damage."""


class MissingExtra(SG4VError, ImportError):
    """An optional package is needed. The message is the line that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional package; install it with: pip install 'sharegpt4video[{extra}]'")
        self.extra = extra
