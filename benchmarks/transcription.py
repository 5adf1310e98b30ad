"""Are the words right, and do they stand where they were spoken? What does it cost?

    python benchmarks/transcription.py [--seeds 0 1 2] [--variants plain lead gap two] [--systems ...]
                                       [--model base] [--language given|detected] [--show]
    python benchmarks/transcription.py --processes [--model base] [--minutes 10]

Recordings are joined from clips of ``$GPT_SOVITS_EMOTION_CORPORA`` or ``../shared/data`` (see `joined`) and
written down by plain faster-whisper, by it with its ``vad_filter``, by its ``BatchedInferencePipeline`` and
by `gpt_sovits_emotion.transcription`, with the same model, beam (5), type (int8) and one thread. What is
printed is Markdown; in brackets are 95 % intervals over recordings (bootstrap). With ``--processes``,
`annotate` as a whole, words and emotion, beside a process of plain faster-whisper, on minutes of EmoDB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy reads it

import numpy as np
from joined import VARIANTS, Joined, Measured, Text, join, measure

from gpt_sovits_emotion.audio import open_recording
from gpt_sovits_emotion.transcription import TranscribeOptions, find_model, transcribe
from gpt_sovits_emotion.transcription.loading import load_model

DATA = Path(
    os.environ.get(
        "GPT_SOVITS_EMOTION_CORPORA", Path(__file__).resolve().parents[2] / "shared" / "data"
    )
)
CORPORA = ("emodb", "ravdess", "nemo", "crema_d")
PAIRS = (("emodb", "ravdess"), ("nemo", "crema_d"))
SYSTEMS = ("plain", "vad_filter", "batched", "ours")
BEAM = 5
TIMED = {"without_timestamps": False}

Hear = Callable[[Path, "str | None"], list[Text]]


@dataclass(frozen=True, slots=True)
class Run:
    """One system on one recording."""

    joined: Joined
    measured: Measured
    texts: list[Text]
    cpu_s: float
    wall_s: float


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="base", help="size or folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--clips", type=int, default=15, help="per recording")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--corpora", nargs="+", default=list(CORPORA))
    parser.add_argument("--language", choices=("given", "detected"), default="detected")
    parser.add_argument("--show", action="store_true", help="print what was written")
    parser.add_argument("--processes", action="store_true", help="compare whole processes")
    parser.add_argument("--minutes", type=float, default=10.0, help="of audio for --processes")
    options = parser.parse_args(arguments)
    if options.processes:
        _compare_processes(find_model(options.model).folder, options.minutes)
        return
    hearers = _hearers(options.model)
    for variant in options.variants:
        recordings = [
            join(DATA, names, n_clips=options.clips, seed=seed, variant=variant)
            for names in (PAIRS if variant == "two" else [(name,) for name in options.corpora])
            for seed in options.seeds
        ]
        given = options.language == "given" and variant != "two"
        runs = {
            system: [_run(hearers[system], joined, given=given) for joined in recordings]
            for system in options.systems
        }
        _print_table(variant, runs)
        if options.show:
            _print_texts(runs)


def _hearers(name: str) -> dict[str, Hear]:
    """Load the model once and return each way to hear with it."""
    from faster_whisper import BatchedInferencePipeline

    found = find_model(name)
    model = load_model(found, device="cpu", compute_type="int8", cpu_threads=1)
    batched = BatchedInferencePipeline(model)

    def fast(how: Callable) -> Hear:
        def hear(path: Path, language: str | None) -> list[Text]:
            segments, info = how(str(path), language=language, beam_size=BEAM, word_timestamps=True)
            return [Text(one.start, one.end, one.text, info.language) for one in segments]

        return hear

    def ours(path: Path, language: str | None) -> list[Text]:
        options = TranscribeOptions(
            model=str(found.folder),
            language=language,
            beam_size=BEAM,
            device="cpu",
            compute_type="int8",
            cpu_threads=1,
        )
        with open_recording(path) as recording:
            segments = transcribe(recording, options).segments
        return [Text(one.start_s, one.end_s, one.text, one.language) for one in segments]

    return {
        "plain": fast(model.transcribe),
        "vad_filter": fast(lambda path, **how: model.transcribe(path, vad_filter=True, **how)),
        # Without times of segments its segments are windows, each with a dozen of sentences.
        "batched": fast(lambda path, **how: batched.transcribe(path, **how, **TIMED)),
        "ours": ours,
    }


def _run(hear: Hear, joined: Joined, *, given: bool) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        path = joined.write(Path(folder) / "joined.wav")
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        texts = hear(path, joined.sentences[0].language if given else None)
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return Run(joined, measure(joined, texts), texts, cpu_s, wall_s)


_PLAIN = """
import sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=1)
segments, _ = model.transcribe(sys.argv[2], beam_size=5, word_timestamps=True)
print(len(list(segments)))
"""


def _compare_processes(folder: Path, minutes: float) -> None:
    """Print time and memory of whole processes on one recording, one after the other."""
    n_clips = round(minutes * 60 / 3.9)  # a clip of EmoDB and its pause
    joined = join(DATA, ("emodb",), n_clips=n_clips, seed=0)
    print(
        f"\n{joined.duration_s / 60:.1f} min of EmoDB\n\n| | CPU | wall | peak memory |\n|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as place:
        path = joined.write(Path(place) / "joined.wav")
        annotate = ["-m", "gpt_sovits_emotion", "annotate", str(path), "--offline", "--json"]
        for name, command in (
            ("plain faster-whisper", ["-c", _PLAIN, str(folder), str(path)]),
            ("`annotate`", [*annotate, "--device", "cpu", "--whisper", str(folder)]),
        ):
            started = time.perf_counter()
            process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise SystemExit(f"{name} failed")
            cpu_s = usage.ru_utime + usage.ru_stime
            wall_s = time.perf_counter() - started
            print(f"| {name} | {cpu_s:.1f} s | {wall_s:.1f} s | {usage.ru_maxrss / 1024:.0f} MiB |")


def _print_table(variant: str, runs: dict[str, list[Run]]) -> None:
    first = next(iter(runs.values()))
    total_s = sum(run.joined.duration_s for run in first)
    print(f"\n**{variant}**: {len(first)} recordings, {total_s / 60:.1f} min\n")
    print("| | CER | sentences placed | lost | in its language | CPU s/s | wall s/s |")
    print("|---|---|---|---|---|---|---|")
    for system, own in runs.items():
        n_said = [len(run.joined.sentences) for run in own]
        n_placed = [sum(run.measured.placed) for run in own]
        n_right = [run.measured.n_languages_right for run in own]
        n_letters = [sum(len(said.text) for said in run.joined.sentences) for run in own]
        n_wrong = [run.measured.error * n for run, n in zip(own, n_letters, strict=True)]
        print(
            f"| {system} | {_share(n_wrong, n_letters)} | {_share(n_placed, n_said)} "
            f"| {sum(run.measured.lost_s for run in own):.1f} s "
            f"| {sum(n_right) / sum(n_said):.3f} "
            f"| {sum(run.cpu_s for run in own) / total_s:.4f} "
            f"| {sum(run.wall_s for run in own) / total_s:.4f} |",
            flush=True,
        )


def _share(parts: Sequence[float], wholes: Sequence[float]) -> str:
    """Return a share over all recordings with its 95 % interval."""
    part, whole = np.asarray(parts, float), np.asarray(wholes, float)
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(part), (2000, len(part)))
    low, high = np.percentile(part[drawn].sum(1) / whole[drawn].sum(1), [2.5, 97.5])
    return f"{part.sum() / whole.sum():.3f} [{low:.3f}-{high:.3f}]"


def _print_texts(runs: dict[str, list[Run]]) -> None:
    for system, own in runs.items():
        for run in own:
            error, placed = run.measured.error, run.measured.placed
            print(f"\n{system}: {run.joined.name}: CER {error:.3f}, placed {np.mean(placed):.3f}")
            for said, is_placed in zip(run.joined.sentences, placed, strict=True):
                mark = " " if is_placed else "!"
                print(f"  {mark} {said.start_s:7.2f} {said.end_s:7.2f}  {said.text}")
            for one in run.texts:
                print(f"      {one.start_s:7.2f} {one.end_s:7.2f}  [{one.language}] {one.text}")


if __name__ == "__main__":
    main()
