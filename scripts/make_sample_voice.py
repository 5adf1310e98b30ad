"""Make the demo's recordings and the demo's voice: all synthetic, all by eSpeak NG.

    python scripts/make_sample_voice.py make
    python scripts/make_sample_voice.py check
    python scripts/make_sample_voice.py words
    python scripts/make_sample_voice.py search

``make`` writes into ``gpt_sovits_emotion/sample_data``:

- ``voice_bank/<emotion>/<language>.flac`` with its text in a ``.txt`` beside it, and ``voice.yaml``, which
  says that the voice is synthetic and how it was made: the reference bank that the demo speaks with;
- ``sample_zh.flac`` and ``sample_en.flac``: another synthetic speaker, eight sentences each, acted;
- ``sample_zh.truth.yaml`` and ``sample_en.truth.yaml``: what is said when, and what was meant.

How the two speakers act (``scripts/sample_voice/settings.yaml``) was searched with the shipped head
``prosody-emodb``: ``search`` does it again. So that this head hears the intended emotion in them was the
aim of the search, and no finding: the demo shows the path, and is no measure of accuracy. ``check`` prints
what the head hears in the sample, and in the embedded host's resynthesis of it with the bank; ``words``
what the Whisper base of the demo writes down of it, and how many characters of that are wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml
from sample_voice.acting import (
    EMOTIONS,
    SENTENCES_PATH,
    Delivery,
    Sentences,
    Speaker,
    act,
    as_stored,
    flac_of,
    read_settings,
    write_settings,
)
from sample_voice.search import (
    LANGUAGES,
    Listener,
    bank_texts,
    middle_deliveries,
    search,
    spoken_with,
)

from gpt_sovits_emotion.backends.embedded import EmbeddedBackend
from gpt_sovits_emotion.backends.espeak import Espeak
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.files import write_bytes, write_text
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import find_head, head_folders

HEAD = "prosody-emodb"
SAMPLE_DATA = SENTENCES_PATH.parent

# The sample's eight sentences, in order: what is meant, and which of the emotion's sentences is said.
PLAYED = (
    ("neutral", 1),
    ("happy", 1),
    ("angry", 1),
    ("sad", 1),
    ("neutral", 2),
    ("fearful", 1),
    ("bored", 1),
    ("disgusted", 1),
)
PAUSES_S = (0.7, 0.8, 0.6, 0.8, 0.7, 0.6, 0.75)
EDGE_S = 0.4

SPEAKERS: Mapping[str, Speaker] = {
    "bank": Speaker(f0_hz=125.0, formant_scale=1.0, flutter=6, roughness=3),
    "sample": Speaker(f0_hz=190.0, formant_scale=1.12, flutter=6, roughness=3),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("make", "check", "words", "search"))
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--sweeps", type=int, default=4, help="of the search, over all emotions")
    parser.add_argument(
        "--trials", type=int, default=25, help="of the search, per emotion and sweep"
    )
    parser.add_argument(
        "--afresh", action="store_true", help="search from the middle of the bounds"
    )
    options = parser.parse_args(arguments)
    try:
        if options.command == "make":
            make(SAMPLE_DATA)
        elif options.command == "check":
            check(SAMPLE_DATA)
        elif options.command == "words":
            words(SAMPLE_DATA)
        else:
            find(
                seed=options.seed,
                n_sweeps=options.sweeps,
                n_trials=options.trials,
                afresh=options.afresh,
            )
    except EmotionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


# --- make ------------------------------------------------------------------------------------------


def make(into: Path) -> None:
    """Write the bank and the two samples into a folder."""
    espeak, sentences, settings = Espeak(), Sentences.read(), read_settings()
    speaker, deliveries = settings["bank"]
    for emotion in EMOTIONS:
        for language in LANGUAGES:
            audio, text = bank_texts(
                espeak,
                sentences,
                language=language,
                emotion=emotion,
                speaker=speaker,
                delivery=deliveries[emotion],
            )
            path = into / "voice_bank" / emotion / f"{language}.flac"
            write_bytes(path, flac_of(audio))
            write_text(path.with_suffix(".txt"), text + "\n")
    write_text(into / "voice_bank" / "voice.yaml", _voice_yaml())
    speaker, deliveries = settings["sample"]
    for language in LANGUAGES:
        audio, truth = _sample(espeak, sentences, language, speaker, deliveries)
        write_bytes(into / f"sample_{language}.flac", flac_of(audio))
        write_text(into / f"sample_{language}.truth.yaml", truth)


def _sample(
    espeak: Espeak,
    sentences: Sentences,
    language: str,
    speaker: Speaker,
    deliveries: Mapping[str, Delivery],
) -> tuple[Audio, str]:
    rate_hz = 16_000
    parts = [np.zeros(round(EDGE_S * rate_hz), np.float32)]
    entries = []
    for (emotion, number), pause_s in zip(PLAYED, (*PAUSES_S, EDGE_S), strict=True):
        text = sentences.text(language, emotion, number)
        audio = act(espeak, text, language=language, speaker=speaker, delivery=deliveries[emotion])
        start_s = sum(map(len, parts)) / rate_hz
        entries.append(
            {
                "start_s": round(start_s, 3),
                "end_s": round(start_s + audio.duration_s, 3),
                "text": text,
                "intended": emotion,
            }
        )
        parts += [audio.samples, np.zeros(round(pause_s * rate_hz), np.float32)]
    held = {
        "made_by": "python scripts/make_sample_voice.py make",
        "speaker": "synthetic: eSpeak NG, no one's voice",
        "note": f"the acting was searched with the head {HEAD}; no measure of accuracy",
        "language": language,
        "segments": entries,
    }
    truth = yaml.safe_dump(held, allow_unicode=True, sort_keys=False, width=100)
    return Audio(np.concatenate(parts), rate_hz), truth


def _voice_yaml() -> str:
    return (
        "voice: eSpeak NG (synthetic)\n"
        "synthetic: true\n"
        "made_with: eSpeak NG 1.52 (a formant synthesiser; no one's voice)\n"
        "made_by: python scripts/make_sample_voice.py make\n"
        "note: >-\n"
        "  The pitch, range, rate, breath and spectral tilt of each emotion were searched so that the head\n"
        f"  {HEAD} hears the emotion in what the embedded host makes of these clips\n"
        "  (python scripts/make_sample_voice.py search). The bank shows the path through the program;\n"
        "  it is no measure of accuracy.\n"
    )


# --- search ----------------------------------------------------------------------------------------


def find(*, seed: int, n_sweeps: int, n_trials: int, afresh: bool) -> None:
    """Search how both speakers act, and write ``settings.yaml``.

    Args:
        seed: Of the random steps.
        n_sweeps: How often all emotions are gone through.
        n_trials: Steps per emotion and sweep.
        afresh: Start in the middle of the bounds and not from the settings that are there.
    """
    espeak, sentences, listener = Espeak(), Sentences.read(), _listener()
    backend = EmbeddedBackend(listener.measure)

    def sample(emotion: str, language: str, delivery: Delivery) -> list[Audio]:
        speaker = SPEAKERS["sample"]
        return [
            as_stored(act(espeak, text, language=language, speaker=speaker, delivery=delivery))
            for text in _played_texts(sentences, language, emotion)
        ]

    def resynthesis(emotion: str, language: str, delivery: Delivery) -> list[Audio]:
        clip, _ = bank_texts(
            espeak,
            sentences,
            language=language,
            emotion=emotion,
            speaker=SPEAKERS["bank"],
            delivery=delivery,
        )
        clip = as_stored(clip)
        return [
            spoken_with(backend, listener, clip, text=text, language=language, scratch=scratch)
            for text in _played_texts(sentences, language, emotion)
        ]

    found = (
        {role: (speaker, middle_deliveries()) for role, speaker in SPEAKERS.items()}
        if afresh
        else {role: (SPEAKERS[role], held[1]) for role, held in read_settings().items()}
    )
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for role, render in (("sample", sample), ("bank", resynthesis)):
            start = found["sample"][1] if afresh and role == "bank" else found[role][1]
            deliveries = search(
                listener,
                start,
                render,
                seed=seed,
                n_sweeps=n_sweeps,
                n_trials=n_trials,
                report=_reporter(role),
            )
            found[role] = (SPEAKERS[role], deliveries)
            write_settings(found, head_id=HEAD)


def _played_texts(sentences: Sentences, language: str, emotion: str) -> list[str]:
    return [sentences.text(language, meant, number) for meant, number in PLAYED if meant == emotion]


def _reporter(role: str) -> Callable[[str], None]:
    return lambda line: print(f"{role}: {line}", flush=True)


def _listener() -> Listener:
    encoder = ProsodyEncoder()
    head = find_head(HEAD, head_folders())
    head.check_encoder(encoder.id, dim=encoder.dim, fingerprint=encoder.fingerprint)
    return Listener(head, encoder)


# --- check -----------------------------------------------------------------------------------------


def check(folder: Path) -> None:
    """Print what the head hears in the samples and in their resynthesis with the bank."""
    from gpt_sovits_emotion.audio import open_recording, read_clip
    from gpt_sovits_emotion.backends.base import SynthesisRequest
    from gpt_sovits_emotion.banks import choose, load_bank

    listener, bank = _listener(), load_bank(folder / "voice_bank")
    backend = EmbeddedBackend(listener.measure)
    for language in LANGUAGES:
        truth = yaml.safe_load((folder / f"sample_{language}.truth.yaml").read_text("utf-8"))
        with open_recording(folder / f"sample_{language}.flac") as recording:
            audios = [
                recording.read(entry["start_s"], entry["end_s"]) for entry in truth["segments"]
            ]
        tagged = listener.probabilities(np.stack([listener.embed(audio) for audio in audios]))
        outputs = []
        for entry, row in zip(truth["segments"], tagged, strict=True):
            wanted = listener.head.decide(row, mode="speaker")
            clip = choose(bank, wanted=wanted, language=language).pick
            prosody = listener.measure(read_clip(clip.path))
            outputs.append(
                backend.synthesise(SynthesisRequest(entry["text"], language, clip, prosody))
            )
        again = listener.probabilities(np.stack([listener.embed(audio) for audio in outputs]))
        for entry, row, output in zip(truth["segments"], tagged, again, strict=True):
            one, other = (listener.head.decide(each, mode="speaker") for each in (row, output))
            print(
                f"{language}  meant {entry['intended']:10}heard {one:10}{row.max():.2f}   "
                f"resynthesis heard {other:10}{output.max():.2f}   "
                f"{'survived' if one == other else 'lost'}"
            )


# --- words -----------------------------------------------------------------------------------------


def words(folder: Path) -> None:
    """Print what Whisper base writes of the samples, told the language and not, and the characters wrong."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.core.character_errors import character_error_rate
    from gpt_sovits_emotion.transcription import TranscribeOptions, transcribe

    for language in LANGUAGES:
        truth = yaml.safe_load((folder / f"sample_{language}.truth.yaml").read_text("utf-8"))
        wanted = " ".join(entry["text"] for entry in truth["segments"])
        for told in (language, None):
            options = TranscribeOptions(model="base", language=told, allow_download=False)
            with open_recording(folder / f"sample_{language}.flac") as recording:
                transcript = transcribe(recording, options)
            text = " ".join(segment.text for segment in transcript.segments)
            print(
                f"{language}  {'told' if told else 'detected'} {transcript.language}: "
                f"{character_error_rate(wanted, text):.1%} of the characters wrong\n    {text}"
            )


if __name__ == "__main__":
    sys.exit(main())
