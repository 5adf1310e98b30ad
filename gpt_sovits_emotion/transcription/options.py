"""What a person can choose about hearing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.records import Transcript

__all__ = [
    "AS_HEARD",
    "AUTO",
    "FASTER_WHISPER",
    "NO_MODEL",
    "SCRIPTS",
    "SIMPLIFIED",
    "TRADITIONAL",
    "TranscribeOptions",
]

AUTO = "auto"
"""The model name that asks for what is here: small, else base, else small is fetched."""

FASTER_WHISPER = "faster-whisper"
"""The transcriber that comes with this package."""

NO_MODEL = "none"
"""The model name that asks for stretches of speech without words."""

SIMPLIFIED, TRADITIONAL, AS_HEARD = "simplified", "traditional", "as-heard"
SCRIPTS = (SIMPLIFIED, TRADITIONAL, AS_HEARD)
"""The characters in which Chinese is written down; `AS_HEARD` mixes both, as Whisper does."""


@dataclass(frozen=True, slots=True)
class TranscribeOptions:
    """Which Whisper model hears, and how.

    Attributes:
        model: A size (``small``, ``large-v3-turbo``, …), a folder, a name on the Hugging Face hub
            (``Systran/faster-whisper-small``), `AUTO` or `NO_MODEL`.
        models_dir: A folder of models to look into first; a download goes there too.
        checkout: Root of a GPT-SoVITS checkout, whose ``tools/asr/models/`` is looked into.
        language: Code of the language spoken; None to detect it.
        beam_size: Hypotheses kept while decoding; 1 is greedy, 5 is Whisper's own choice.
        vad: Leave out what Silero's voice activity detection takes for no speech.
        word_times: Find a time for every word.
        device: ``auto``, ``cpu`` or ``cuda``.
        compute_type: ``auto`` or a CTranslate2 type: ``int8``, ``float16``, ``float32``, ….
        allow_download: Fetch a model that is nowhere on this machine.
        cpu_threads: Threads on the CPU; 0 leaves it to CTranslate2.
        max_segment_s: Longest segment; a longer one is split, so that each has one emotion.
        chinese: One of `SCRIPTS`.
        initial_prompt: Text that Whisper takes for what went before each window: it goes on in its style and
            spelling.
        hotwords: Names and words that are likely to be said.
        transcriber: Who transcribes: `FASTER_WHISPER`, the name of one that a plug-in adds, or one itself
            (`transcribers.Transcriber`).

    Raises:
        ValueError: A number is out of its range, or a choice is none of those there are.
    """

    model: str = AUTO
    models_dir: Path | None = None
    checkout: Path | None = None
    language: str | None = None
    beam_size: int = 5
    vad: bool = True
    word_times: bool = True
    device: str = "auto"
    compute_type: str = "auto"
    allow_download: bool = True
    cpu_threads: int = 0
    max_segment_s: float = 12.0
    chinese: str = SIMPLIFIED
    initial_prompt: str = ""
    hotwords: str = ""
    transcriber: str | Callable[..., Transcript] = FASTER_WHISPER

    def __post_init__(self) -> None:
        if self.beam_size < 1:
            raise ValueError(f"beam_size is {self.beam_size}; it must be 1 or more")
        if self.cpu_threads < 0:
            raise ValueError(f"cpu_threads is {self.cpu_threads}; it must be 0 or more")
        if self.max_segment_s < 2.0:
            raise ValueError(f"max_segment_s is {self.max_segment_s}; it must be 2 or more")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ValueError(f"device is {self.device!r}; it must be auto, cpu or cuda")
        if self.chinese not in SCRIPTS:
            raise ValueError(f"chinese is {self.chinese!r}; it must be one of {', '.join(SCRIPTS)}")
