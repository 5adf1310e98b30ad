"""The C side of eSpeak NG: loading it, giving it its data, and calling it (``speak_lib.h``, 1.52)."""

from __future__ import annotations

import atexit
import ctypes
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import BackendError, MissingExtraError
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    import numpy as np

__all__ = ["EspeakVoice", "Library", "Settings", "shared_library"]

_PREFERRED: Mapping[str, str] = MappingProxyType({"en": "en-us"})
"""Codes that several voices claim and for which we choose otherwise than eSpeak's priorities do."""

# speak_lib.h: espeak_AUDIO_OUTPUT, espeakINITIALIZE_*, espeak_PARAMETER, espeak_POSITION_TYPE, flags.
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_OWN_VARIANT = "own"


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """One language or accent that eSpeak NG speaks.

    Attributes:
        code: eSpeak's language code, lower case: ``cmn``, ``en-us``, ``vi-vn-x-south``.
        name: eSpeak's English name for it.
        identifier: The file that defines it, by which the library selects it.
    """

    code: str
    name: str
    identifier: str


@dataclass(frozen=True, slots=True)
class Settings:
    """The parameters of one utterance, as `espeak_SetParameter` takes them."""

    rate_wpm: int
    volume: int
    pitch: int
    pitch_range: int
    seed: int


class _VoiceStruct(ctypes.Structure):
    """``espeak_VOICE`` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_SynthCallback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Library:
    """One initialised eSpeak NG; every call into it holds its lock.

    Attributes:
        sampling_rate_hz: Rate of everything it says.
        voices: eSpeak's code -> voice.
        code_of: Every code that a voice answers to -> eSpeak's code.
        variants: Names of its voice variants.
    """

    def __init__(self, library_path: Path, data_path: Path) -> None:
        try:
            self._c = ctypes.CDLL(str(library_path))
        except OSError as error:
            raise BackendError(
                tr(
                    "eSpeak NG's library did not load ({error}); reinstall the package espeakng-loader "
                    "for this platform",
                    error=error,
                )
            ) from error
        self._lock = threading.Lock()
        self._chunks: list[bytes] = []
        self._interruption: BaseException | None = None
        self._c.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceStruct))
        self._c.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        folder = _linked_data_folder(data_path)
        self._own_variant_path = folder / "voices" / "!v" / _OWN_VARIANT
        self.sampling_rate_hz = self._initialise(folder)
        # Kept as an attribute: C holds the pointer for as long as the library lives.
        self._callback = _SynthCallback(self._receive)
        self._c.espeak_SetSynthCallback(self._callback)
        self.voices, self.code_of = self._list_voices(data_path)
        variants = (data_path / "voices" / "!v").iterdir()
        self.variants = frozenset(path.name for path in variants if path.is_file())

    def say(
        self, text: bytes, voice: EspeakVoice, *, variant: str, definition: str, settings: Settings
    ) -> np.ndarray:
        """Return ``(n_samples,)`` float32 of UTF-8 `text` that ends with a zero byte.

        Args:
            text: What to say.
            voice: Of the language.
            variant: Name of one of `variants`, or "".
            definition: Instead of a variant, the lines of a voice file of our own, or "".
            settings: How to say it.
        """
        import numpy as np

        with self._lock:
            if definition:
                self._own_variant_path.write_text(definition, encoding="utf-8")
                variant = _OWN_VARIANT
            name = f"{voice.identifier}+{variant}" if variant else voice.identifier
            self._chunks.clear()
            self._interruption = None
            self._check(self._c.espeak_SetVoiceByName(name.encode()), f"select the voice {name}")
            for parameter, value in (
                (_RATE, settings.rate_wpm),
                (_VOLUME, settings.volume),
                (_PITCH, settings.pitch),
                (_RANGE, settings.pitch_range),
            ):
                self._check(self._c.espeak_SetParameter(parameter, value, 0), "take its settings")
            self._c.espeak_ng_SetRandSeed(settings.seed)
            status = self._c.espeak_Synth(
                text, ctypes.c_size_t(len(text)), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            pcm = b"".join(self._chunks)
            self._chunks.clear()
            if self._interruption is not None:
                raise self._interruption
            self._check(status, "say the text")
        return np.frombuffer(pcm, dtype=np.int16).astype(np.float32) / 32768.0

    def _receive(self, samples: object, n_samples: int, events: object) -> int:
        # An exception cannot pass through C: ctypes would print it and drop it. Ctrl-C lands here, as
        # this is the only Python that runs during synthesis; 1 tells eSpeak to stop.
        try:
            if samples and n_samples > 0:
                self._chunks.append(ctypes.string_at(samples, 2 * n_samples))  # type: ignore[arg-type]
        except BaseException as error:
            self._interruption = error
            return 1
        return 0

    def _initialise(self, folder: Path) -> int:
        rate_hz = int(
            self._c.espeak_Initialize(
                _AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(folder), _INITIALIZE_DONT_EXIT
            )
        )
        if rate_hz <= 0:
            raise BackendError(
                tr(
                    "eSpeak NG could not read its data in {folder}; its path must be shorter than 160 "
                    "bytes (and of plain Latin letters on Windows): set TMPDIR to such a folder",
                    folder=folder,
                )
            )
        return rate_hz

    def _list_voices(self, data_path: Path) -> tuple[Mapping[str, EspeakVoice], Mapping[str, str]]:
        listed = self._c.espeak_ListVoices(None)
        voices: dict[str, EspeakVoice] = {}
        claims: dict[str, tuple[int, str]] = {}
        index = 0
        while listed[index]:
            struct = listed[index].contents
            index += 1
            identifier = struct.identifier.decode()
            languages = _language_list(struct.languages)
            code = languages[0][1]
            if (
                code in voices
            ):  # two writings of one language (yue): the file's name tells them apart
                code = identifier.rpartition("/")[2].casefold()
            if not _has_dictionary(data_path, identifier, code):
                continue
            voices[code] = EspeakVoice(code, struct.name.decode().strip(), identifier)
            for priority, claimed in languages:
                # Lower numbers come first (espeak-ng, docs/voices.md); among equals, the first listed.
                if claimed not in claims or priority < claims[claimed][0]:
                    claims[claimed] = (priority, code)
        code_of = {claimed: code for claimed, (_, code) in claims.items()}
        code_of |= {code: code for code in voices}
        code_of |= {wide: code for wide, code in _PREFERRED.items() if code in voices}
        return MappingProxyType(voices), MappingProxyType(code_of)

    def _check(self, status: int, doing: str) -> None:
        if status != 0:
            raise BackendError(
                tr(
                    "eSpeak NG could not {doing} (its status is {status})",
                    doing=doing,
                    status=status,
                )
            )


def _language_list(address: int) -> list[tuple[int, str]]:
    """Read "a list of pairs of (byte) priority + (string) language", closed by a zero byte."""
    languages: list[tuple[int, str]] = []
    while priority := ctypes.string_at(address, 1)[0]:
        code = ctypes.string_at(address + 1)
        languages.append((priority, code.decode().casefold()))
        address += 1 + len(code) + 1
    return languages


def _has_dictionary(data_path: Path, identifier: str, code: str) -> bool:
    # The wheel lists a few languages (fo, kaa) without their dictionary; they would stay silent. MBROLA
    # voices ("mb/…") need a program that the wheel does not hold, and have no file under lang/.
    definition = data_path / "lang" / identifier
    if not definition.is_file():
        return False
    named = re.search(r"^dictionary\s+(\S+)", definition.read_text(encoding="utf-8"), re.MULTILINE)
    name = named.group(1) if named else code.split("-")[0]
    return (data_path / f"{name}_dict").is_file()


def _linked_data_folder(data_path: Path) -> Path:
    """Make a scratch folder that stands for `data_path` and has room for a voice file of our own.

    eSpeak NG finds a variant by name inside its data folder only, and takes no data folder whose path
    fills its buffer of 160 bytes, as that of a virtual environment may. The folder holds links (copies
    where links are not allowed) and goes when the process ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="espeak-")) / "espeak-ng-data"
    atexit.register(shutil.rmtree, folder.parent, ignore_errors=True)
    variants = folder / "voices" / "!v"
    try:
        variants.mkdir(parents=True)
        held = [path for path in data_path.iterdir() if path.name != "voices"]
        for source, into in (
            *((path, folder) for path in held),
            *((path, variants) for path in (data_path / "voices" / "!v").iterdir()),
        ):
            _link(source, into / source.name)
    except OSError as error:
        raise BackendError(
            tr(
                "the scratch folder {folder} for eSpeak NG's data could not be made ({strerror}); set "
                "TMPDIR to a folder with 20 MB of room",
                folder=folder,
                strerror=error.strerror or error,
            )
        ) from error
    return folder


def _link(source: Path, target: Path) -> None:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
    except OSError:  # Windows without the right to make links
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)


_library: Library | None = None
_library_lock = threading.Lock()


def shared_library() -> Library:
    """Return this process's eSpeak NG, loading it on the first call.

    Raises:
        MissingExtraError: The wheel ``espeakng-loader`` is not installed.
        BackendError: The library does not load or does not find its data.
    """
    global _library
    with _library_lock:
        if _library is None:
            try:
                import espeakng_loader
            except ImportError as error:
                raise MissingExtraError(
                    "espeakng-loader",
                    extra="demo",
                    purpose="the demo voice",
                    purpose_zh="演示声音",
                ) from error
            _library = Library(
                Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())
            )
        return _library
