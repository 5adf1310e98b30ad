"""Embedding a corpus: versions, what is left out, batches by length, processes; nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import REPOSITORY, voiced

from gpt_sovits_emotion.audio import open_recording, read_clip, write_wav
from gpt_sovits_emotion.core.errors import BackendError, CorpusError, EncoderError
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.testing import FAKE_DIM, FakeEncoder
from gpt_sovits_emotion.training.augmentation import COPIES, Augmentation, copies_for
from gpt_sovits_emotion.training.corpora import Corpus, read_corpus
from gpt_sovits_emotion.training.embed import embed_corpus, embed_in_processes

FAST = {"fast": Augmentation(speed=1.1)}


class Counting(FakeEncoder):
    """Counts the audios that it was given, and remembers how they came together."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []

    @property
    def n_heard(self) -> int:
        return sum(map(len, self.batches))

    def encode(self, audios):
        self.batches.append([audio.duration_s for audio in audios])
        return super().encode(audios)


class Batching(Counting):
    batch_s = 6.0


def make_corpus(folder: Path, n_clips: int = 4, *, seconds=lambda number: 0.6) -> Corpus:
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["path,speaker,emotion,text"]
    for number in range(n_clips):
        audio = Audio(voiced(seconds(number), f0_hz=100.0 + 7 * number), 16_000)
        write_wav(folder / f"{number}.wav", audio)
        rows.append(f"{number}.wav,s{number % 2},{'angry' if number % 3 else 'sad'},text {number}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return read_corpus(folder)


# --- what comes out --------------------------------------------------------------------------------


def test_every_clip_and_copy_is_embedded_in_the_order_of_the_corpus(tmp_path) -> None:
    corpus, encoder = make_corpus(tmp_path / "c"), ProsodyEncoder()
    told: list[float] = []
    data = embed_corpus(
        corpus, encoder, copies=FAST, progress=lambda share, doing: told.append(share)
    )
    audios = [read_clip(clip.path) for clip in corpus.clips]
    np.testing.assert_array_equal(data.embeddings, encoder.encode(audios))
    np.testing.assert_array_equal(data.once, encoder.once.encode(audios))
    altered = [FAST["fast"].apply(audio) for audio in audios]
    np.testing.assert_array_equal(data.copies["fast"], encoder.once.encode(altered))
    assert data.labels.tolist() == ["sad", "angry", "angry", "sad"]
    assert data.speakers.tolist() == ["s0", "s1", "s0", "s1"]
    assert data.texts.tolist() == [f"text {number}" for number in range(4)]
    assert set(data.corpora.tolist()) == {"c"}
    assert data.skipped == ()
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_only_prosody_is_trained_on_copies(tmp_path) -> None:
    assert copies_for("prosody") == COPIES
    for loaded in ("hubert:6", "sovits.style", "sovits.posterior", "prosody+hubert:6"):
        assert not copies_for(loaded)
    assert not embed_corpus(make_corpus(tmp_path / "c"), FakeEncoder()).copies


class Averaging(Counting):
    """Hears a clip at two speeds."""

    speeds = (1.0, 1.25)

    def __init__(self) -> None:
        super().__init__()
        self.once = Counting()
        self.once.fingerprint = "fake-once"


def test_an_encoder_that_averages_is_trained_on_single_passes(tmp_path) -> None:
    corpus = make_corpus(tmp_path / "c")
    encoder = Averaging()
    copies = {"quick": Augmentation(speed=1.25), "noise": Augmentation(snr_db=10.0)}
    with FeatureCache(tmp_path / "cache") as cache:
        data = embed_corpus(corpus, encoder, copies=copies, cache=cache)
        again = embed_corpus(corpus, encoder, copies={}, cache=cache)
    assert encoder.n_heard == 0  # the mean is taken of what one pass gives
    assert encoder.once.n_heard == 4 * 3  # the quick copy is one of the passes
    audios = [read_clip(clip.path) for clip in corpus.clips]
    np.testing.assert_array_equal(data.once, encoder.once.encode(audios))
    np.testing.assert_array_equal(
        data.embeddings, np.mean([data.versions[0], data.copies["quick"]], axis=0)
    )
    assert list(data.copies) == ["quick", "noise"]
    np.testing.assert_array_equal(data.versions[0], data.once)
    np.testing.assert_array_equal(again.embeddings, data.embeddings)
    assert not again.copies


def test_an_encoder_that_hears_more_than_8_khz_is_given_it_from_the_file(tmp_path) -> None:
    class Wide(FakeEncoder):
        sampling_rate_hz = 32_000

        def __init__(self) -> None:
            self.heard: list[Audio] = []

        def encode(self, audios):
            self.heard.extend(audios)
            return super().encode(audios)

    t = np.arange(32_000) / 32_000
    corpus = make_corpus(tmp_path / "c", 1)
    bright = 0.2 * np.sin(2 * np.pi * 11_000 * t) + 0.1 * np.sin(2 * np.pi * 300 * t)
    write_wav(corpus.clips[0].path, Audio(bright.astype(np.float32), 32_000))
    encoder = Wide()
    embed_corpus(corpus, encoder)
    (audio,) = encoder.heard
    with open_recording(corpus.clips[0].path, also_at_hz=32_000) as recording:
        wanted = recording.read(sampling_rate_hz=32_000)
    np.testing.assert_array_equal(audio.samples, wanted.samples)
    spectrum = np.abs(np.fft.rfft(audio.samples))
    assert spectrum.argmax() == pytest.approx(11_000, abs=2)


def test_of_a_very_long_clip_the_first_minute_speaks_as_in_tagging(tmp_path) -> None:
    encoder = Counting()
    embed_corpus(make_corpus(tmp_path / "c", 1, seconds=lambda _: 75.0), encoder)
    assert encoder.batches == [[60.0]]


def test_alterations_do_what_they_say() -> None:
    t = np.arange(16_000) / 16_000
    tone = Audio((0.3 * np.sin(2 * np.pi * 200 * t)).astype(np.float32), 16_000)
    fast = Augmentation(speed=1.06).apply(tone)
    assert fast.duration_s == pytest.approx(1 / 1.06, abs=1e-3)
    spectrum = np.abs(np.fft.rfft(fast.samples))
    assert spectrum.argmax() / fast.duration_s == pytest.approx(212, abs=2)

    rng = np.random.default_rng(0)
    noise = Audio(0.1 * rng.standard_normal(16_000).astype(np.float32), 16_000)
    power = np.abs(np.fft.rfft(Augmentation(cutoff_hz=3000.0).apply(noise).samples)) ** 2
    assert power[4500:].mean() < 1e-3 * power[:2500].mean()

    added = Augmentation(snr_db=20.0).apply(tone).samples - tone.samples
    ratio_db = 20 * np.log10(tone.samples.std() / added.std())
    assert ratio_db == pytest.approx(20, abs=0.3)
    np.testing.assert_array_equal(Augmentation().apply(tone).samples, tone.samples)
    spelled = [alteration.spelled for alteration in (Augmentation(), *COPIES.values())]
    assert len(set(spelled)) == len(spelled)


# --- what cannot be embedded -----------------------------------------------------------------------


def test_a_few_unreadable_clips_are_left_out_and_named(tmp_path) -> None:
    corpus = make_corpus(tmp_path / "c", 40)
    corpus.clips[3].path.write_bytes(b"RIFF, or so it says")
    corpus.clips[8].path.unlink()
    cache = FeatureCache(tmp_path / "cache")
    for _ in range(2):
        data = embed_corpus(corpus, FakeEncoder(), copies=FAST, cache=cache)
        assert data.embeddings.shape == data.copies["fast"].shape == (38, FAKE_DIM)
        assert data.texts.tolist() == [f"text {n}" for n in range(40) if n not in (3, 8)]
        assert len(data.skipped) == 2
        for name, sentence in zip(("3.wav", "8.wav"), data.skipped, strict=True):
            assert name in sentence.en
            assert name in sentence.zh
    kept = [clip for number, clip in enumerate(corpus.clips) if number not in (3, 8)]
    alone = embed_corpus(replace(corpus, clips=tuple(kept)), FakeEncoder(), copies=FAST)
    np.testing.assert_array_equal(data.embeddings, alone.embeddings)


def test_values_that_are_no_numbers_count_as_unreadable_and_are_not_kept(tmp_path) -> None:
    class Broken(FakeEncoder):
        def encode(self, audios):
            rows = super().encode(audios)
            rows[[audio.duration_s < 0.55 for audio in audios], 3] = np.nan
            return rows

    corpus = make_corpus(tmp_path / "c", 40, seconds=lambda number: 0.5 if number == 7 else 0.6)
    with FeatureCache(tmp_path / "cache") as cache:
        data = embed_corpus(corpus, Broken(), cache=cache)
        assert len(data.embeddings) == 39
        assert data.skipped == (
            Sentence(
                "7.wav: the encoder 'fake' gives values that are no numbers",
                "7.wav：编码器 'fake' 给出的值不是有效数字",
            ),
        )
        assert len(embed_corpus(corpus, FakeEncoder(), cache=cache).embeddings) == 40


def test_a_clip_of_which_a_copy_is_too_short_is_left_out_whole(tmp_path) -> None:
    corpus = make_corpus(tmp_path / "c", 21, seconds=lambda number: 0.6 if number else 0.21)
    data = embed_corpus(corpus, ProsodyEncoder(), copies={"faster": Augmentation(speed=1.3)})
    assert len(data.embeddings) == len(data.copies["faster"]) == 20
    assert "0.wav: a segment of 0.16 s is too short" in data.skipped[0].en


@pytest.mark.parametrize("batching", [False, True], ids=["one by one", "in batches"])
def test_more_than_one_unreadable_clip_in_twenty_is_an_error(tmp_path, batching) -> None:
    corpus = make_corpus(tmp_path / "c", 40)
    for number in range(3):
        corpus.clips[number].path.write_bytes(b"no sound")
    with pytest.raises(CorpusError, match=r"3 of 40 clips .*5%; the first: .*0\.wav") as caught:
        embed_corpus(corpus, Batching() if batching else Counting())
    check_says_the_same(caught.value)


def test_what_is_not_the_clips_fault_is_no_clips_problem(tmp_path) -> None:
    class Exhausted(FakeEncoder):
        def encode(self, audios):
            raise BackendError("the graphics card has no memory left")

    with pytest.raises(BackendError, match="no memory left"):
        embed_corpus(make_corpus(tmp_path / "c"), Exhausted())


# --- nothing twice ---------------------------------------------------------------------------------


def test_embeddings_are_found_by_content(tmp_path) -> None:
    corpus, encoder = make_corpus(tmp_path / "c", 2), Counting()
    cache = FeatureCache(tmp_path / "cache")
    first = embed_corpus(corpus, encoder, copies=FAST, cache=cache)
    assert encoder.n_heard == 4
    again = embed_corpus(corpus, encoder, copies=FAST, cache=cache)
    assert encoder.n_heard == 4
    np.testing.assert_array_equal(first.embeddings, again.embeddings)
    np.testing.assert_array_equal(first.copies["fast"], again.copies["fast"])

    corpus.clips[0].path.rename(tmp_path / "c" / "elsewhere.wav")
    moved = replace(corpus.clips[0], path=tmp_path / "c" / "elsewhere.wav")
    embed_corpus(replace(corpus, clips=(moved,)), encoder, copies=FAST, cache=cache)
    assert encoder.n_heard == 4  # the same sounds under another name

    moved.path.write_bytes(corpus.clips[1].path.read_bytes())
    changed = embed_corpus(replace(corpus, clips=(moved,)), encoder, copies=FAST, cache=cache)
    assert encoder.n_heard == 4
    np.testing.assert_array_equal(changed.embeddings[0], first.embeddings[1])


def test_only_what_is_missing_is_embedded(tmp_path) -> None:
    corpus, encoder, cache = make_corpus(tmp_path / "c"), Counting(), FeatureCache(tmp_path)
    embed_corpus(corpus, encoder, cache=cache)
    assert encoder.n_heard == 4
    embed_corpus(corpus, encoder, copies=FAST, cache=cache)
    assert encoder.n_heard == 8  # the copies alone
    write_wav(corpus.clips[2].path, Audio(voiced(0.9), 16_000))
    embed_corpus(corpus, encoder, copies=FAST, cache=cache)
    assert encoder.batches[-1] == pytest.approx([0.9, 0.9 / 1.1], abs=1e-3)
    assert encoder.n_heard == 10


def test_other_weights_and_other_encoders_are_embedded_anew(tmp_path) -> None:
    corpus, cache = make_corpus(tmp_path / "c", 2), FeatureCache(tmp_path / "cache")
    first, second, third = Counting(), Counting(), Counting()
    second.fingerprint, third.id = "fake-2", "fake:2"  # type: ignore[misc]
    for encoder in (first, second, third):
        embed_corpus(corpus, encoder, cache=cache)
    assert [encoder.n_heard for encoder in (first, second, third)] == [2, 2, 2]


def test_the_parts_of_a_fused_encoder_are_embedded_and_kept_one_by_one(tmp_path) -> None:
    corpus, cache = make_corpus(tmp_path / "c", 3), FeatureCache(tmp_path / "cache")
    one, other = Counting(), Counting()
    other.id, other.fingerprint = "other", "other-1"  # type: ignore[misc]
    embed_corpus(corpus, one, cache=cache)
    told: list[float] = []
    data = embed_corpus(
        corpus,
        FusedEncoder([one, other]),
        cache=cache,
        progress=lambda share, doing: told.append(share),
    )
    assert (one.n_heard, other.n_heard) == (3, 3)
    assert data.embeddings.shape == (3, 2 * FAKE_DIM)
    assert told == sorted(told)
    assert told[-1] == 1.0
    audios = [read_clip(clip.path) for clip in corpus.clips]
    np.testing.assert_array_equal(data.embeddings, FusedEncoder([one, other]).encode(audios))


def test_a_run_that_is_stopped_goes_on_at_the_clip_where_it_was(tmp_path) -> None:
    corpus, encoder = make_corpus(tmp_path / "c", 6), Counting()

    def stop(share: float, doing: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with FeatureCache(tmp_path / "cache") as cache, pytest.raises(KeyboardInterrupt):
        embed_corpus(corpus, encoder, cache=cache, progress=stop)
    assert encoder.n_heard == 3
    with FeatureCache(tmp_path / "cache") as cache:
        data = embed_corpus(corpus, encoder, cache=cache)
    assert encoder.n_heard == 6
    np.testing.assert_array_equal(data.embeddings, embed_corpus(corpus, encoder).embeddings)


_SLOW_RUN = """
import sys, time
from gpt_sovits_emotion.testing import FakeEncoder
from gpt_sovits_emotion.training.corpora import read_corpus
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache

class Slow(FakeEncoder):
    def encode(self, audios):
        time.sleep(0.4)
        return super().encode(audios)

embed_corpus(
    read_corpus(sys.argv[1]), Slow(), cache=FeatureCache(sys.argv[2]),
    progress=lambda share, doing: print(doing, flush=True),
)
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_killed_run_loses_a_second_at_most(tmp_path) -> None:
    corpus, encoder = make_corpus(tmp_path / "c", 12), Counting()
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW_RUN, str(tmp_path / "c"), str(tmp_path / "cache")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if "7.wav" in line:  # the eighth: about 3 s of work are behind it
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    with FeatureCache(tmp_path / "cache") as cache:
        embed_corpus(corpus, encoder, cache=cache)
        assert not cache.warnings
    assert 4 <= encoder.n_heard <= 8


# --- batches ---------------------------------------------------------------------------------------


def test_clips_of_similar_length_are_embedded_together(tmp_path) -> None:
    lengths_s = [0.5, 2.0, 0.6, 1.9, 0.5, 2.1, 0.6, 2.0, 0.5, 0.6]
    corpus = make_corpus(tmp_path / "c", 10, seconds=lengths_s.__getitem__)
    encoder = Batching()
    data = embed_corpus(corpus, encoder)
    one_by_one = embed_corpus(corpus, Counting())
    np.testing.assert_array_equal(data.embeddings, one_by_one.embeddings)
    assert encoder.n_heard == 10
    assert len(encoder.batches) <= 4
    for batch in encoder.batches:
        assert max(batch) * len(batch) <= Batching.batch_s
    padded_s = sum(max(batch) * len(batch) for batch in encoder.batches)
    assert padded_s < 1.4 * sum(lengths_s)


def test_one_bad_clip_does_not_spoil_its_batch(tmp_path) -> None:
    class Picky(Batching):
        def encode(self, audios):
            if any(audio.duration_s < 0.55 for audio in audios):
                raise EncoderError("a segment is too short", zh="片段太短")
            return super().encode(audios)

    corpus = make_corpus(tmp_path / "c", 21, seconds=lambda number: 0.5 if number == 4 else 0.6)
    corpus.clips[4].path.rename(tmp_path / "c" / "short.wav")
    clips = list(corpus.clips)
    clips[4] = replace(clips[4], path=tmp_path / "c" / "short.wav")
    data = embed_corpus(replace(corpus, clips=tuple(clips)), Picky())
    assert len(data.embeddings) == 20
    assert data.skipped == (Sentence("short.wav: a segment is too short", "short.wav：片段太短"),)


# --- processes -------------------------------------------------------------------------------------


def test_processes_give_what_one_process_gives_and_leave_nobody_behind(tmp_path) -> None:
    corpus = make_corpus(tmp_path / "c", 21)
    corpus.clips[5].path.write_bytes(b"no sound")
    told: list[float] = []
    together = embed_corpus(
        corpus,
        ProsodyEncoder(),
        copies=FAST,
        cache=FeatureCache(tmp_path / "cache"),
        n_jobs=2,
        progress=lambda share, doing: told.append(share),
    )
    alone = embed_corpus(corpus, ProsodyEncoder(), copies=FAST)
    np.testing.assert_allclose(together.embeddings, alone.embeddings, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(together.copies["fast"], alone.copies["fast"], rtol=1e-4, atol=1e-4)
    assert together.skipped == alone.skipped
    assert told[-1] == 1.0
    assert not _children()


def test_stopping_ends_the_processes(tmp_path) -> None:
    def stop(share: float, doing: str) -> None:
        if doing.startswith("embedding"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_corpus(make_corpus(tmp_path / "c", 12), ProsodyEncoder(), n_jobs=2, progress=stop)
    assert not _children()


def test_a_process_that_dies_costs_its_clip_and_is_replaced(tmp_path, monkeypatch) -> None:
    from gpt_sovits_emotion.core import workers as interpreters

    fatal = tmp_path / "fatal.wav"
    corpus = make_corpus(tmp_path / "c", 3)
    deadly = (
        "import gpt_sovits_emotion.training.embed as own, os; usual = own.embed_clip; "
        "own.embed_clip = lambda path, *others: "
        "os._exit(3) if path.name == 'fatal.wav' else usual(path, *others); serve()"
    )
    start = interpreters._START.removesuffix("serve()") + deadly
    monkeypatch.setattr(interpreters, "_START", start)
    tasks = [(0, fatal, FAST), *((n + 1, clip.path, FAST) for n, clip in enumerate(corpus.clips))]
    answers = dict(embed_in_processes(tasks, n_jobs=1))
    assert answers[0] == Sentence(
        "fatal.wav: the process that embedded it ended with code 3",
        "fatal.wav：处理它的进程异常结束（代码 3）",
    )
    assert [answers[n].shape for n in (1, 2, 3)] == [(1, ProsodyEncoder().dim)] * 3
    assert not _children()


_TASKS = Path(f"/proc/{os.getpid()}/task")
_started_before: set[int] = set()


@pytest.fixture(autouse=True)
def _those_of_other_tests() -> None:
    """Other tests leave processes of their own, such as a browser's driver."""
    _started_before.clear()
    if _TASKS.is_dir():
        _started_before.update(_all_children())


def _children() -> set[int]:
    """Processes that this test has started and that still run."""
    if not _TASKS.is_dir():
        pytest.skip("no /proc to look for processes in")
    deadline = time.monotonic() + 120  # long, for a machine that is busy
    while True:
        found = _all_children() - _started_before
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def _all_children() -> set[int]:
    return {
        int(number)
        for task in _TASKS.iterdir()
        for number in (task / "children").read_text().split()
    }
