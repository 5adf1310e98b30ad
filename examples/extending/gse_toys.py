"""One of each kind that gpt-sovits-emotion can be given."""

import csv
import re

import numpy as np

from gpt_sovits_emotion.backends.base import BackendLimits
from gpt_sovits_emotion.banks.library.layouts import ClipEntry, Listing
from gpt_sovits_emotion.banks.library.plans import Placed, Plan
from gpt_sovits_emotion.core.errors import BackendError, EncoderError, TranscriptError
from gpt_sovits_emotion.core.records import Audio, Segment, Sentence, Transcript
from gpt_sovits_emotion.encoders import EncoderName
from gpt_sovits_emotion.training.corpora import Clip, CorpusInfo
from gpt_sovits_emotion.transcripts.lines import Line


class Bands:
    """Encoders `bands:1` to `bands:64`: the energy in so many bands, its mean and deviation over time."""

    def parse(self, encoder_id):
        n_bands = encoder_id.partition(":")[2]
        if not re.fullmatch("[1-9][0-9]?", n_bands) or int(n_bands) > 64:
            raise EncoderError(f"{encoder_id!r} names no number of bands; write bands:8, up to 64")
        return EncoderName("bands", setting=n_bands)

    def borrows(self, name):
        return ""  # no model of a backend; "hubert" would be handed the HuBERT that it has loaded

    def open(self, name, loaded):
        return BandsEncoder(int(name.setting))


class BandsEncoder:
    sampling_rate_hz, frame_rate_hz, input_scaling = 16_000, 50.0, "none"

    def __init__(self, n_bands):
        self.n_bands, self.dim = n_bands, 2 * n_bands
        self.id = f"bands:{n_bands}"
        self.fingerprint = f"{self.id}-1"  # another number wherever the embeddings change

    def encode(self, audios):
        rows = np.empty((len(audios), self.dim), np.float32)
        for row, audio in zip(rows, audios, strict=True):
            if len(audio.samples) < 640:
                raise EncoderError(
                    f"{self.id} needs 0.04 s of audio, and this has {audio.duration_s:.3f} s"
                )
            frames = np.lib.stride_tricks.sliding_window_view(audio.samples, 640)[::320]
            power = np.abs(np.fft.rfft(frames * np.hanning(640), axis=1)) ** 2
            bands = np.array_split(power, self.n_bands, axis=1)
            levels = np.log10([band.mean(axis=1) + 1e-9 for band in bands])
            row[:] = np.concatenate([levels.mean(axis=1), levels.std(axis=1)])
        return rows


class Tones:
    """A backend that sings every text on one note, at the pitch and the loudness of the reference."""

    id, title, voice_mark = "tones", Sentence("a singing machine", "唱歌机"), None
    provides = frozenset({"prosody"})  # of the families of encoders; that one needs nothing
    limits = BackendLimits(frozenset({"en", "zh"}), 3.0, 10.0, False, 24_000, clones_voice=False)

    def __init__(self, address="", overtones="1"):  # --backend tones+http://…, --backend-option
        self.n_overtones = int(overtones)

    def provide(self, family):
        return iter(())

    def synthesise(self, request):
        if request.language not in self.limits.languages:
            raise BackendError(
                f"tones sings en and zh, not {request.language}", zh="只会唱中文和英文"
            )
        t = np.arange(24_000 * max(len(request.text), 8) // 12) / 24_000
        f0_hz = request.reference_prosody.f0_median_hz or 150.0
        harmonics = range(1, self.n_overtones + 2)
        tone = sum(np.sin(2 * np.pi * f0_hz * number * t) / number for number in harmonics)
        return Audio((0.1 * tone).astype(np.float32), 24_000)


def pauses(recording, options, *, progress):
    """A transcriber that knows where somebody speaks, and not what is said."""
    segments, start_s, language = [], None, options.language or "en"
    for at_s in np.arange(0.0, recording.duration_s, 0.2):
        heard = recording.read(at_s, min(at_s + 0.2, recording.duration_s)).samples
        if np.sqrt(np.mean(heard**2)) > 0.003:
            start_s = at_s if start_s is None else start_s
        elif start_s is not None:
            segments.append(Segment(start_s, at_s, f"sound {len(segments) + 1}", language))
            start_s = None
        progress(at_s / recording.duration_s, "listening")
    if start_s is not None:
        segments.append(
            Segment(start_s, recording.duration_s, f"sound {len(segments) + 1}", language)
        )
    return Transcript(tuple(segments), language, "pauses")


class Sheet:
    """A bank that is a folder with clips and a sheet.csv: file, emotion, text."""

    def recognises(self, path):
        return (path / "sheet.csv").is_file()

    def read(self, path):
        with (path / "sheet.csv").open(encoding="utf-8", newline="") as sheet:
            rows = list(csv.DictReader(sheet))
        entries = (ClipEntry(path / row["file"], row["emotion"], row["text"], "") for row in rows)
        return Listing("sheet", path, tuple(entries))

    def plan(self, bank):  # leave it out where such banks are not to be written
        placed = [Placed(clip, f"{n}{clip.path.suffix}") for n, clip in enumerate(bank.usable)]
        quoted = (
            (each.name, each.clip.emotion, each.clip.text.replace('"', '""')) for each in placed
        )
        rows = "".join(f'{name},"{emotion}","{text}"\n' for name, emotion, text in quoted)
        return Plan(tuple(placed), {"sheet.csv": f"file,emotion,text\n{rows}"})


class Toys:
    """A corpus of files named speaker-emotion-number.wav."""

    info = CorpusInfo("toys", "Toys", "en", "CC0-1.0", False, "nobody (2026)", "")

    def read(self, folder):
        for path in sorted(folder.glob("*-*-*.wav")):
            speaker, emotion, text = path.stem.split("-")
            yield Clip(path, speaker, emotion, language="en", text=text)


class Markdown:
    """Transcripts as a table of Markdown."""

    endings = (".md",)

    def to_text(self, transcript, *, language):
        rows = ["| start | end | emotion | words |", "|---|---|---|---|"]
        for each in transcript.segments:
            words = each.text.replace("|", "/")
            times = f"{each.segment.start_s:.2f} | {each.segment.end_s:.2f}"
            rows.append(f"| {times} | {each.label} | {words} |")
        return "\n".join(rows) + "\n"

    def read(self, text, *, name):
        rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in text.splitlines()]
        if len(rows) < 2 or any(len(row) != 4 for row in rows):
            raise TranscriptError(f"{name} is no table of start, end, emotion and words")
        return [
            Line(words, float(start), float(end), label) for start, end, label, words in rows[2:]
        ]
