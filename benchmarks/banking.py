"""Building a bank: how long it takes, what a kill costs, how well intruders are told, and noise estimated.

    python benchmarks/banking.py --clips DIR --n 2000       how long a build takes, of a training made of DIR
    python benchmarks/banking.py --clips DIR --kills 50     kill -9 at random moments; is the result the same?
    python benchmarks/banking.py --intruders NAME=DIR …     AUC of the consistency on labelled corpora
    python benchmarks/banking.py --noise DIR                estimated against true signal-to-noise ratio

Everything is made in a folder of its own, which is deleted.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_AUDIO = {".wav", ".flac"}
_BUILD = (
    "import sys; from pathlib import Path; "
    "from gpt_sovits_emotion.banks.building import build_bank, engines_to_listen; "
    "build_bank(Path(sys.argv[1]), engines=engines_to_listen(sys.argv[2]), n_jobs=int(sys.argv[3]))"
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/banking.py", description=__doc__)
    parser.add_argument(
        "--clips", type=Path, help="folder of audio files to make a training folder of"
    )
    parser.add_argument("--n", type=int, default=2000, help="how many clips it has")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--head", default="prosody-emodb", help="id or folder of the prosody head")
    parser.add_argument("--intruders", nargs="*", default=(), metavar="NAME=DIR")
    parser.add_argument("--noise", type=Path, metavar="DIR")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        if given.clips is not None:
            folder = make_experiment(Path(scratch) / "exp", given.clips, given.n)
            if given.kills:
                compare_after_kills(folder, given.head, given.kills, given.jobs)
            else:
                time_builds(folder, given.head, given.jobs)
    for pair in given.intruders:
        name, _, where = pair.partition("=")
        tell_intruders(name, Path(where))
    if given.noise is not None:
        estimate_noise(given.noise)


# --- a training folder -----------------------------------------------------------------------------


def make_experiment(folder: Path, clips: Path, n_clips: int) -> Path:
    """Make what GPT-SoVITS keeps of a training: clips at 32 kHz, texts, and random features."""
    import soundfile
    import soxr
    import torch

    paths = sorted(path for path in clips.rglob("*") if path.suffix in _AUDIO)
    random.Random(0).shuffle(paths)
    for name in ("4-cnhubert", "5-wav32k"):
        (folder / name).mkdir(parents=True)
    rows, total_s = [], 0.0
    for number in range(n_clips):
        samples, rate_hz = soundfile.read(
            paths[number % len(paths)], dtype="float32", always_2d=True
        )
        samples = soxr.resample(samples.mean(axis=1), rate_hz, 32_000)
        samples = np.roll(samples, 7 * (number // len(paths)))  # no two clips are the same
        total_s += len(samples) / 32_000
        name = f"clip_{number:05d}.wav"
        soundfile.write(folder / "5-wav32k" / name, samples, 32_000, subtype="PCM_16")
        features = torch.randn(1, 768, len(samples) // 640, requires_grad=True)
        torch.save(features, folder / "4-cnhubert" / f"{name}.pt")
        rows.append(f"{name}\tHH AH0 L OW1\tNone\tThe words of this clip are not known.\n")
    (folder / "2-name2text.txt").write_text("".join(rows), encoding="utf-8")
    print(f"{n_clips} clips, {total_s / 60:.0f} min of audio")
    return folder


def make_stored_head(folder: Path) -> Path:
    """Make a head on HuBERT's last layer with random weights."""
    from gpt_sovits_emotion.heads import save_head
    from gpt_sovits_emotion.heads.card import EncoderSpec
    from gpt_sovits_emotion.testing import fake_card, fake_tensors

    spec = EncoderSpec("hubert:12", 1536, "hubert-of-nobody", 16_000, "mean and deviation")
    save_head(folder, fake_card(id="stored", encoder=spec), fake_tensors(dim=1536))
    return folder


def run_build(folder: Path, head: str | Path, n_jobs: int) -> float:
    """Build in a process of its own; return how many seconds it took, start-up included."""
    began_s = time.monotonic()
    command = [sys.executable, "-c", _BUILD, str(folder), str(head), str(n_jobs)]
    subprocess.run(command, check=True)
    return time.monotonic() - began_s


def forget(folder: Path) -> None:
    """Delete what builds have left in a folder."""
    for path in folder.glob("*gpt_sovits_emotion.bank*"):
        path.unlink()


def time_builds(folder: Path, head: str, n_jobs: int) -> None:
    """Time a build with each kind of head, and the build after it, which has nothing to do."""
    stored = make_stored_head(folder.parent / "stored")
    for title, which in (("hubert:12 on stored features", stored), (head, head)):
        forget(folder)
        first_s = run_build(folder, which, n_jobs)
        again_s = run_build(folder, which, n_jobs)
        print(
            f"  {title:32} {first_s:6.1f} s, again {again_s:5.1f} s ({n_jobs} processes)",
            flush=True,
        )


# --- kills -----------------------------------------------------------------------------------------


def compare_after_kills(folder: Path, head: str, n_kills: int, n_jobs: int) -> None:
    """Kill builds at random moments, let them finish, and compare with a build that nobody disturbed."""
    took_s = run_build(folder, head, n_jobs)
    wanted = sidecar_without_date(folder)
    chance = random.Random(0)
    print(f"undisturbed: {took_s:.1f} s")
    n_equal = 0
    for number in range(n_kills):
        forget(folder)
        moment_s = chance.uniform(0.2, 0.95) * took_s
        command = [sys.executable, "-c", _BUILD, str(folder), str(head), str(n_jobs)]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            process.wait(moment_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        run_build(folder, head, n_jobs)
        equal = sidecar_without_date(folder) == wanted
        n_equal += equal
        print(
            f"  {number + 1:3d}: killed after {moment_s:5.2f} s, {'equal' if equal else 'DIFFERENT'}",
            flush=True,
        )
    print(f"{n_equal} of {n_kills} resumed banks equal the undisturbed one")


def sidecar_without_date(folder: Path) -> str:
    """Return a sidecar's bytes but for the date."""
    path = folder / "gpt_sovits_emotion.bank.json"
    date = json.loads(path.read_text(encoding="utf-8"))["built_at"]
    return path.read_text(encoding="utf-8").replace(date, "")


# --- consistency -----------------------------------------------------------------------------------


def tell_intruders(name: str, folder: Path, *, n_banks: int = 6, most: int = 60) -> None:
    """Put a few clips of others into each speaker's clips, and measure how well they are told."""
    from sklearn.metrics import roc_auc_score

    from gpt_sovits_emotion.banks.building.consistency import DOUBTFUL, consistency
    from gpt_sovits_emotion.banks.building.hearing import Question
    from gpt_sovits_emotion.banks.building.processes import hear_all
    from gpt_sovits_emotion.training.corpora import read_corpus

    corpus = read_corpus(folder)
    questions = [(i, Question(clip.path, False)) for i, clip in enumerate(corpus.clips)]
    heard = {i: one.rows["voice"] for i, one in hear_all(questions, n_jobs=2) if one.rows}
    kept = sorted(heard)
    rows = np.stack([heard[i] for i in kept])
    speakers = np.array([corpus.clips[i].speaker for i in kept])
    for share in (0.05, 0.1):
        rng = np.random.default_rng(0)
        areas, own, others = [], [], []
        for speaker in np.unique(speakers):
            for number in range(n_banks):
                theirs = np.flatnonzero(speakers == speaker)
                theirs = rng.choice(theirs, min(most, len(theirs)), replace=False)
                strangers = np.unique(speakers[speakers != speaker])
                if number % 2:  # all of one other speaker
                    strangers = rng.choice(strangers, 1)
                pool = np.flatnonzero(np.isin(speakers, strangers))
                strange = rng.choice(pool, max(round(share * len(theirs)), 1), replace=False)
                scores = consistency(rows[np.concatenate([theirs, strange])])
                assert scores is not None
                is_own = np.arange(len(scores)) < len(theirs)
                areas.append(roc_auc_score(is_own, scores))
                own += list(scores[is_own])
                others += list(scores[~is_own])
        print(
            f"  {name:10} {share:4.0%} intruders: AUC {np.mean(areas):.3f}, doubted: "
            f"{np.mean(np.array(own) < DOUBTFUL):.1%} of the speaker's own clips, "
            f"{np.mean(np.array(others) < DOUBTFUL):.0%} of the intruders",
            flush=True,
        )


# --- noise -----------------------------------------------------------------------------------------


def estimate_noise(folder: Path, *, n_clips: int = 100) -> None:
    """Add white noise to clips and compare the estimate with the truth."""
    from gpt_sovits_emotion.audio import read_clip
    from gpt_sovits_emotion.banks.building.hearing import estimate_snr_db

    paths = sorted(path for path in folder.rglob("*") if path.suffix in _AUDIO)
    random.Random(0).shuffle(paths)
    rng = np.random.default_rng(0)
    clips = [read_clip(path).samples for path in paths[:n_clips]]
    print(f"  as they are: {np.median([estimate_snr_db(each) or 0 for each in clips]):.1f} dB")
    for true_db in (5.0, 10.0, 15.0, 20.0, 30.0):
        found = []
        for samples in clips:
            frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
            powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
            active = powers[powers >= np.quantile(powers, 0.95) / 100].mean()
            noise = rng.standard_normal(len(samples)) * np.sqrt(active / 10 ** (true_db / 10))
            found.append(estimate_snr_db((samples + noise).astype(np.float32)) or 0.0)
        low, middle, high = np.percentile(found, (10, 50, 90))
        print(f"  {true_db:4.0f} dB: {middle:5.1f} ({low:.1f} to {high:.1f})", flush=True)


if __name__ == "__main__":
    main()
