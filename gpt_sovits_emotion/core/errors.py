"""Everything that can go wrong, as one tree of exceptions.

    EmotionError
    ├── AudioError            (ValueError)    unreadable, empty, silent, damaged or over-long audio
    ├── TranscriptError       (ValueError)    a transcript that cannot be read or written
    │   └── NoWordsError                      a transcript in which there is nothing to say
    ├── WhisperModelError     (RuntimeError)  no Whisper model, or one that does not load
    ├── EncoderError          (RuntimeError)  an encoder that is unknown, or that failed on its input
    ├── HeadError             (ValueError)    a head file that is broken
    │   └── HeadMismatchError                 a sound head that does not fit this backend
    ├── ReferenceBankError    (ValueError)    a voice's reference bank that cannot be used
    ├── BackendError             (RuntimeError)  the backend cannot provide, or cannot speak
    ├── CorpusError           (ValueError)    a training corpus that cannot be used
    ├── PluginError           (RuntimeError)  a plug-in of another package is missing, broken, or failed
    ├── OutputError           (OSError)       a result that could not be written
    ├── MissingExtraError     (ImportError)   an optional package that is not installed
    └── ConsentError          (PermissionError)  analysis asked for without consent

Every message says what was found, what was expected, and what to do, in one sentence or two. It is
English: ``str(error)``, which the command line prints as it stands. An error that a person may meet in the
tab says the same in Chinese too (`EmotionError.zh`), and the tab shows the one for its language
(`EmotionError.say`).
"""

from __future__ import annotations

from typing import Protocol

__all__ = [
    "AudioError",
    "BackendError",
    "ConsentError",
    "CorpusError",
    "EmotionError",
    "EncoderError",
    "HeadError",
    "HeadMismatchError",
    "MissingExtraError",
    "NoWordsError",
    "OutputError",
    "PluginError",
    "ReferenceBankError",
    "TranscriptError",
    "WhisperModelError",
]


class InTwoLanguages(Protocol):
    """A sentence in English and Chinese, as `records.Sentence` is one."""

    @property
    def en(self) -> str: ...
    @property
    def zh(self) -> str: ...


class EmotionError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        message: The sentence in two languages (`messages.tr`), or in English; ``str(error)`` is English.
        zh: The same sentence in Chinese, where `message` is English alone and there is one.
    """

    def __init__(self, message: str | InTwoLanguages, *, zh: str | None = None) -> None:
        super().__init__(message if isinstance(message, str) else message.en)
        self.zh = zh if isinstance(message, str) else message.zh

    def say(self, language: str) -> str:
        """Return the sentence in Chinese for ``"zh"`` where there is one, else in English.

        Example:
            >>> HeadError("there is no head 'x'", zh="没有情感模型 'x'").say("zh")
            "没有情感模型 'x'"
            >>> HeadError("there is no head 'x'").say("zh")
            "there is no head 'x'"
        """
        return self.zh if language == "zh" and self.zh is not None else str(self)


class AudioError(EmotionError, ValueError):
    """The audio is unreadable, empty, silent, damaged or too long."""


class TranscriptError(EmotionError, ValueError):
    """A transcript file cannot be read, or a transcript cannot be written in a format."""


class NoWordsError(TranscriptError):
    """A transcript is to be said and has no words."""


class WhisperModelError(EmotionError, RuntimeError):
    """No Whisper model was found, or the one found does not load."""


class EncoderError(EmotionError, RuntimeError):
    """An encoder is unknown, or failed on its input."""


class HeadError(EmotionError, ValueError):
    """A head file is broken: missing parts, wrong shapes, non-finite weights, a lying card."""


class HeadMismatchError(HeadError):
    """A sound head does not fit the encoder or the weights that this backend provides."""


class ReferenceBankError(EmotionError, ValueError):
    """A reference bank is missing, empty, or has no clip that can be used."""


class BackendError(EmotionError, RuntimeError):
    """The backend cannot provide an encoder, or cannot speak what was asked."""


class CorpusError(EmotionError, ValueError):
    """A training corpus is missing, unreadable, or unfit for what was asked."""


class PluginError(EmotionError, RuntimeError):
    """What another package adds is missing, broken, or failed; the message names the package."""


class OutputError(EmotionError, OSError):
    """A result could not be written; nothing half written is left behind."""


class MissingExtraError(EmotionError, ImportError):
    """An optional package is not installed; the message names the extra that brings it."""

    def __init__(
        self, package: str, *, extra: str, purpose: str, purpose_zh: str | None = None
    ) -> None:
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"run  pip install 'gpt-sovits-emotion[{extra}]'",
            zh=f"未安装软件包 {package}（用于：{purpose_zh or purpose}）：请运行  "
            f"pip install 'gpt-sovits-emotion[{extra}]'",
        )


class ConsentError(EmotionError, PermissionError):
    """Analysis was asked for before consent was given."""
