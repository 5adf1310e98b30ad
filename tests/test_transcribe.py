"""Hearing, without any real model: finding models, blocks, speech, guards, segments, the wiring.

What a real Whisper makes of real audio is in ``test_transcribe_real.py``.
"""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bilingual import check_says_the_same
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.records import Word
from gpt_sovits_emotion.transcription import (
    NO_MODEL,
    TranscribeOptions,
    checkout_models_dir,
    find_local_model,
    find_model,
    hub,
    known_models,
    loading,
    models,
    recogniser,
    segment_speech,
    speech,
    transcribe,
)
from gpt_sovits_emotion.transcription.blocks import blocks, quietest_s
from gpt_sovits_emotion.transcription.guards import guard
from gpt_sovits_emotion.transcription.heard import Heard, JoinedTime, plain_text, speech_share
from gpt_sovits_emotion.transcription.segmentation import segments_of
from gpt_sovits_emotion.transcription.speech import BY_LOUDNESS, Stretch

RATE_HZ = 16_000


# --- options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"beam_size": 0}, "beam_size"),
        ({"cpu_threads": -1}, "cpu_threads"),
        ({"max_segment_s": 0.5}, "max_segment_s"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_options_out_of_range_are_named(wrong, names):
    with pytest.raises(ValueError, match=names):
        TranscribeOptions(**wrong)


# --- finding models --------------------------------------------------------------------------------


def make_model_folder(folder: Path, *, without: str = "") -> Path:
    folder.mkdir(parents=True)
    for part in ("config.json", "tokenizer.json", "vocabulary.txt"):
        if part != without:
            (folder / part).write_text("{}")
    if without != "model.bin":
        (folder / "model.bin").write_bytes(bytes(20_000))
    return folder


@pytest.fixture(autouse=True)
def _empty_hub(monkeypatch, tmp_path):
    """No test meets the cache of the person who runs it, or the network."""
    monkeypatch.setattr(hub, "cached_folder", lambda name, cache_dir=None: None)
    monkeypatch.setattr(models, "installed_folder", lambda: None)

    def unreachable(name, cache_dir, *, progress):
        raise hub.UnreachableError("https://hub.test does not answer", "https://hub.test 没有应答")

    monkeypatch.setattr(hub, "download", unreachable)


def test_a_folder_named_by_the_user_comes_first(tmp_path):
    named = make_model_folder(tmp_path / "mine")
    found = find_model(str(named), models_dir=tmp_path / "not there", checkout=tmp_path)
    assert (found.folder, found.origin, found.source) == (named, "folder", "faster-whisper:mine")


def test_models_dir_comes_before_the_checkout_and_the_checkout_before_the_hub(tmp_path):
    in_checkout = make_model_folder(checkout_models_dir(tmp_path) / "faster-whisper-small")
    assert find_model("small", checkout=tmp_path).folder == in_checkout
    assert find_model("small", checkout=tmp_path).origin == "checkout"
    in_dir = make_model_folder(tmp_path / "models" / "small")
    found = find_model("small", models_dir=tmp_path / "models", checkout=tmp_path)
    assert (found.folder, found.origin) == (in_dir, "models_dir")
    assert found.source == "faster-whisper:small"


def test_models_dir_may_be_a_model_itself(tmp_path):
    folder = make_model_folder(tmp_path / "one")
    assert find_model("small", models_dir=folder).folder == folder


def test_the_cache_comes_before_a_download(tmp_path, monkeypatch):
    cached = make_model_folder(tmp_path / "snapshot")
    monkeypatch.setattr(hub, "cached_folder", lambda name, cache_dir=None: cached)
    assert find_model("small").origin == "cache"


def test_a_download_is_used_and_its_progress_told(tmp_path, monkeypatch):
    fetched = make_model_folder(tmp_path / "fetched")
    told = []

    def download(name, cache_dir, *, progress):
        progress(0.5, "half")
        return fetched

    monkeypatch.setattr(hub, "download", download)
    found = find_model("small", progress=lambda fraction, doing: told.append((fraction, doing)))
    assert (found.folder, found.origin) == (fetched, "download")
    assert told == [(0.5, "half")]


@pytest.mark.parametrize("part", ["config.json", "model.bin", "tokenizer.json", "vocabulary.txt"])
def test_an_incomplete_folder_says_what_it_lacks(tmp_path, part):
    folder = make_model_folder(tmp_path / "broken", without=part)
    with pytest.raises(WhisperModelError, match=part.partition(".")[0]) as caught:
        find_model(str(folder))
    assert "\n" not in str(caught.value)


def test_an_incomplete_folder_in_a_checkout_is_not_passed_over(tmp_path):
    make_model_folder(checkout_models_dir(tmp_path) / "faster-whisper-tiny", without="model.bin")
    with pytest.raises(WhisperModelError, match=r"lacks model\.bin") as caught:
        find_model("tiny", checkout=tmp_path)
    check_says_the_same(caught.value)


def test_a_git_lfs_pointer_is_not_taken_for_weights(tmp_path):
    folder = make_model_folder(tmp_path / "pointer")
    (folder / "model.bin").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WhisperModelError, match="only 43 bytes"):
        find_model(str(folder))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("smal", "near ones are small"),
        ("./nowhere", "is not there"),
        ("~/nowhere/model", "is not there"),
        ("small", "hub.test does not answer"),
        ("someone/some-model", "hub.test does not answer"),
    ],
)
def test_a_model_that_is_nowhere_is_one_sentence(name, says, tmp_path):
    with pytest.raises(WhisperModelError, match=says) as caught:
        find_model(name, checkout=tmp_path)
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)


def test_the_sentence_says_where_to_put_a_model(tmp_path):
    with pytest.raises(WhisperModelError) as caught:
        find_model("small", checkout=tmp_path, allow_download=False)
    assert str(checkout_models_dir(tmp_path) / "faster-whisper-small") in str(caught.value)
    assert "switched off" in str(caught.value)
    assert "已关闭下载" in caught.value.say("zh")
    check_says_the_same(caught.value)


def test_the_sentence_names_the_extra_that_brings_a_model():
    for name in ("auto", "small", "base"):
        with pytest.raises(WhisperModelError, match=r"hub\.test does not answer") as caught:
            find_model(name)
        assert "pip install 'gpt-sovits-emotion[offline]'" in str(caught.value)
        check_says_the_same(caught.value)


def test_auto_takes_small_then_base_then_fetches_small(tmp_path, monkeypatch):
    fetched = []

    def download(name, cache_dir, *, progress):
        fetched.append(name)
        return make_model_folder(tmp_path / "fetched")

    monkeypatch.setattr(hub, "download", download)
    found = find_model("auto", checkout=tmp_path)
    assert (found.name, found.origin, fetched) == ("small", "download", ["small"])

    installed = make_model_folder(tmp_path / "installed")
    monkeypatch.setattr(models, "installed_folder", lambda: installed)
    found = find_model("auto", checkout=tmp_path)
    assert (found.folder, found.origin) == (installed, "installed")
    assert found.source == "faster-whisper:base"

    cached = make_model_folder(tmp_path / "cached")
    monkeypatch.setattr(
        hub, "cached_folder", lambda name, cache_dir=None: cached if name == "base" else None
    )
    assert find_model("auto", checkout=tmp_path).origin == "cache"

    base = make_model_folder(checkout_models_dir(tmp_path) / "faster-whisper-base")
    assert find_model("auto", checkout=tmp_path).folder == base

    small = make_model_folder(tmp_path / "models" / "small")
    found = find_model("auto", models_dir=tmp_path / "models", checkout=tmp_path)
    assert (found.folder, found.source) == (small, "faster-whisper:small")
    assert fetched == ["small"]


def test_auto_takes_a_models_dir_that_is_a_model_under_its_own_name(tmp_path):
    folder = make_model_folder(tmp_path / "faster-whisper-medium")
    found = find_model("auto", models_dir=folder)
    assert (found.folder, found.source) == (folder, "faster-whisper:medium")


def test_the_installed_base_comes_after_the_cache_and_before_the_hub(tmp_path, monkeypatch):
    installed, cached = (make_model_folder(tmp_path / name) for name in ("installed", "cached"))
    monkeypatch.setattr(models, "installed_folder", lambda: installed)
    monkeypatch.setattr(hub, "download", lambda *_, **__: pytest.fail("was downloaded"))
    for name in ("base", "Systran/faster-whisper-base"):
        found = find_model(name)
        assert (found.name, found.folder, found.origin) == ("base", installed, "installed")
    monkeypatch.setattr(hub, "cached_folder", lambda name, cache_dir=None: cached)
    assert find_model("base").folder == cached


def test_a_local_model_is_found_or_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "download", lambda *_, **__: pytest.fail("was downloaded"))
    for name in ("small", "auto", "no-such-size", "someone/some-model", "./nowhere"):
        assert find_local_model(name, checkout=tmp_path) is None
    folder = make_model_folder(checkout_models_dir(tmp_path) / "faster-whisper-small")
    assert find_local_model("small", checkout=tmp_path).folder == folder
    assert find_local_model("auto", checkout=tmp_path).folder == folder
    assert find_local_model(str(folder)).origin == "folder"


def test_a_models_dir_that_is_another_model_is_not_taken_for_the_one_wanted(tmp_path):
    folder = make_model_folder(tmp_path / "faster-whisper-medium")
    assert find_local_model("base", models_dir=folder) is None
    assert find_local_model("medium", models_dir=folder).folder == folder


def test_a_local_model_that_is_broken_is_said(tmp_path):
    make_model_folder(checkout_models_dir(tmp_path) / "faster-whisper-tiny", without="model.bin")
    with pytest.raises(WhisperModelError, match=r"lacks model\.bin"):
        find_local_model("tiny", checkout=tmp_path)


def test_a_missing_models_dir_is_named(tmp_path):
    with pytest.raises(WhisperModelError, match="gone is not there") as caught:
        find_model("small", models_dir=tmp_path / "gone")
    check_says_the_same(caught.value)


def test_sizes_are_known():
    assert {"tiny", "small", "large-v3-turbo"} <= set(known_models())


class TestHub:
    """The real `hub` functions, against a hub that is not there or a fake one."""

    @pytest.fixture(autouse=True)
    def _real(self, monkeypatch):
        monkeypatch.undo()

    def test_a_dead_hub_fails_fast(self, monkeypatch, tmp_path):
        import huggingface_hub

        class DeadApi:
            def model_info(self, repository, *, timeout, files_metadata):
                assert timeout <= 10
                raise OSError("no route to host")

        monkeypatch.setattr(huggingface_hub, "HfApi", DeadApi)
        with pytest.raises(hub.UnreachableError, match="does not answer") as caught:
            hub.download("small", tmp_path, progress=lambda fraction, doing: None)
        assert caught.value.why.zh.endswith("没有应答")

    def test_a_download_fetches_what_is_wanted_and_no_more(self, monkeypatch, tmp_path):
        import huggingface_hub

        names = ("config.json", "model.bin", "vocabulary.txt", "README.md", "tokenizer.json")
        siblings = [SimpleNamespace(rfilename=name, size=10) for name in names]
        fetched = []

        class Api:
            def model_info(self, repository, **options):
                assert repository == "Systran/faster-whisper-small"
                return SimpleNamespace(siblings=siblings, sha="abc")

        def fetch(repository, file, *, revision, cache_dir):
            assert revision == "abc"
            fetched.append(file)
            return str(tmp_path / "snapshot" / file)

        monkeypatch.setattr(huggingface_hub, "HfApi", Api)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
        folder = hub.download("small", tmp_path, progress=lambda fraction, doing: None)
        assert folder == tmp_path / "snapshot"
        assert "README.md" not in fetched
        assert {"model.bin", "vocabulary.txt"} <= set(fetched)

    def test_stopping_does_not_wait_for_the_download(self, monkeypatch, tmp_path):
        import huggingface_hub

        never = threading.Event()
        api = SimpleNamespace(
            model_info=lambda repository, **options: SimpleNamespace(
                siblings=[SimpleNamespace(rfilename="model.bin", size=10)], sha="abc"
            )
        )
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        monkeypatch.setattr(
            huggingface_hub, "hf_hub_download", lambda *_, **__: never.wait(30) or "x/y"
        )

        def stop(fraction, doing):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            hub.download("small", tmp_path, progress=stop)
        never.set()

    def test_the_cache_is_looked_into(self, monkeypatch, tmp_path):
        from huggingface_hub import constants

        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
        assert hub.cached_folder("small") is None
        cache = tmp_path / "cache"
        snapshot = cache / "models--Systran--faster-whisper-small" / "snapshots" / "abc"
        make_model_folder(snapshot)
        (snapshot.parents[1] / "refs").mkdir()
        (snapshot.parents[1] / "refs" / "main").write_text("abc")
        assert hub.cached_folder("small", cache) == snapshot


# --- loading ---------------------------------------------------------------------------------------


def test_damaged_weights_are_one_sentence(tmp_path):
    folder = make_model_folder(tmp_path / "damaged")
    with pytest.raises(WhisperModelError, match="does not load") as caught:
        loading.load_model(find_model(str(folder)), device="cpu")
    assert "\n" not in str(caught.value)


def test_an_unknown_compute_type_names_the_supported_ones(tmp_path):
    folder = make_model_folder(tmp_path / "any")
    with pytest.raises(WhisperModelError, match=r"supported are .*float32"):
        loading.load_model(find_model(str(folder)), device="cpu", compute_type="int3")


def test_cuda_that_is_not_there_is_said(tmp_path, monkeypatch):
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    folder = make_model_folder(tmp_path / "any")
    with pytest.raises(WhisperModelError, match="no CUDA device"):
        loading.load_model(find_model(str(folder)), device="cuda")


def test_loaded_models_are_kept_and_the_oldest_dropped(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(loading, "_open", lambda key, device: opened.append(key.folder) or object())
    loading.forget_models()
    one, two, three = (
        find_model(str(make_model_folder(tmp_path / name))) for name in ("one", "two", "three")
    )
    first = loading.load_model(one, device="cpu")
    assert loading.load_model(one, device="cpu") is first
    loading.load_model(two, device="cpu")
    loading.load_model(one, device="cpu")
    loading.load_model(three, device="cpu")  # drops two, which was used longest ago
    assert loading.load_model(one, device="cpu") is first
    loading.load_model(two, device="cpu")
    assert [folder.name for folder in opened] == ["one", "two", "three", "two"]
    loading.forget_models()


# --- blocks ----------------------------------------------------------------------------------------


def test_the_quietest_place_is_found():
    samples = np.random.default_rng(0).standard_normal(10 * RATE_HZ).astype(np.float32)
    samples[6 * RATE_HZ : 7 * RATE_HZ] *= 0.01
    assert 6.2 <= quietest_s(samples, RATE_HZ) <= 6.8
    assert quietest_s(samples[:1600], RATE_HZ) == pytest.approx(0.05)


def test_blocks_cover_a_recording_and_are_cut_in_pauses():
    rng = np.random.default_rng(1)
    samples = 0.1 * rng.standard_normal(100 * RATE_HZ).astype(np.float32)
    pauses_s = (27.0, 55.0, 80.0)
    for pause_s in pauses_s:
        samples[int(pause_s * RATE_HZ) : int((pause_s + 0.5) * RATE_HZ)] = 0
    with recording_from_samples(samples, RATE_HZ) as recording:
        found = list(blocks(recording, block_s=30.0))
    assert found[0][0] == 0.0
    assert found[-1][1] == pytest.approx(100.0)
    for (_, end_s), (start_s, _) in itertools.pairwise(found):
        assert end_s == start_s
        assert any(pause_s <= end_s <= pause_s + 0.5 for pause_s in pauses_s)
    assert all(end_s - start_s <= 30.0 + 1e-6 for start_s, end_s in found)


def test_a_short_recording_is_one_block():
    tone = 0.1 * np.sin(np.arange(RATE_HZ) / 10.0).astype(np.float32)
    with recording_from_samples(tone, RATE_HZ) as recording:
        assert list(blocks(recording)) == [(0.0, 1.0)]


# --- joined time -----------------------------------------------------------------------------------

STRETCHES = (Stretch(1.0, 3.0), Stretch(10.0, 11.0), Stretch(20.0, 25.0))


def test_joined_time_goes_back_to_the_recording():
    time = JoinedTime(STRETCHES)
    assert time.duration_s == pytest.approx(8.0)
    assert [time.original(at_s) for at_s in (0.5, 2.2, 7.9)] == pytest.approx([1.5, 10.2, 24.9])
    # At a joint a beginning lies behind what was left out, an end before it.
    assert time.original(2.0) == 10.0
    assert time.original(2.0, is_end=True) == 3.0
    assert [time.joined(at_s) for at_s in (0.0, 1.5, 5.0, 10.2, 30.0)] == pytest.approx(
        [0.0, 0.5, 2.0, 2.2, 8.0]
    )


@given(st.floats(0, 8))
def test_joined_time_stays_in_what_was_heard(at_s):
    time = JoinedTime(STRETCHES)
    for is_end in (False, True):
        found_s = time.original(at_s, is_end=is_end)
        assert any(one.holds(found_s) for one in STRETCHES)
        assert time.joined(found_s) == pytest.approx(at_s, abs=2e-3)


def test_speech_share():
    assert speech_share(STRETCHES, 1.0, 3.0) == pytest.approx(1.0)
    assert speech_share(STRETCHES, 2.0, 4.0) == pytest.approx(0.5)
    assert speech_share(STRETCHES, 5.0, 9.0) == 0.0
    assert speech_share(STRETCHES, 5.0, 5.0) == 0.0


# --- guards ----------------------------------------------------------------------------------------


def heard(
    text, start_s=0.0, end_s=3.0, *, sure=True, share=1.0, words=(), language="en", nobody=0.01
):
    return Heard(
        start_s,
        end_s,
        text,
        language,
        tuple(words),
        -0.2 if sure else -1.1,
        nobody,
        1.2,
        share,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Thanks for watching!",
        "Thank you for watching.",
        "Please like and subscribe",
        "字幕由Amara.org社区提供",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "谢谢大家观看",
        "Untertitel im Auftrag des ZDF",
        "ご視聴ありがとうございました",
    ],
)
def test_phantoms_go_only_when_whisper_was_unsure_or_nobody_spoke(text):
    for doubtful in (heard(text, sure=False), heard(text, share=0.1), heard(text, nobody=0.9)):
        kept, removed = guard([doubtful])
        assert not kept
        assert [one.text for one in removed] == [text]
        assert removed[0].reason
    kept, removed = guard([heard(text)])
    assert len(kept) == 1
    assert not removed


def test_ordinary_doubtful_speech_is_kept():
    kept, removed = guard([heard("I do not know what he said.", sure=False)])
    assert len(kept) == 1
    assert not removed


def test_text_over_no_speech_goes_when_unsure():
    kept, removed = guard([heard("So.", share=0.0)])
    assert not kept
    assert "no speech" in removed[0].reason


def test_a_repeated_text_goes_when_unsure_and_stays_when_sure():
    sure = [heard("No way, not again.", 3.0 * i, 3.0 * i + 2) for i in range(4)]
    assert guard(sure) == (sure, [])
    unsure = [heard("No way, not again.", 3.0 * i, 3.0 * i + 2, sure=False) for i in range(4)]
    kept, removed = guard(unsure)
    assert len(kept) == 1
    assert len(removed) == 3
    assert "same text" in removed[0].reason


def test_text_that_nobody_can_say_so_fast_goes():
    kept, removed = guard([heard("我们明天终于可以一起去海边了", 0.0, 0.5, language="zh")])
    assert not kept
    assert "more text" in removed[0].reason
    kept, removed = guard([heard("我们明天终于可以一起去海边了", 0.0, 2.0, language="zh")])
    assert len(kept) == 1
    assert not removed


def test_a_loop_is_cut_back_to_one():
    text = "I am here. " + "and then we go " * 6
    words = [Word(0.3 * i, 0.3 * i + 0.3, f" {word}") for i, word in enumerate(text.split())]
    kept, removed = guard([heard(text.strip(), 0.0, 9.0, words=words)])
    assert plain_text(kept[0].text) == "iamhereandthenwego"
    assert plain_text("".join(word.text for word in kept[0].words)) == "iamhereandthenwego"
    assert kept[0].end_s < 3.0
    assert "6 times" in removed[0].reason
    assert removed[0].start_s > 0


@pytest.mark.parametrize(
    "text", ["ha ha ha ha ha", "不不不不不", "No, no, no, no!", "哈哈哈哈哈哈"]
)
def test_people_do_repeat_themselves(text):
    one = heard(text, 0.0, 3.0)
    assert guard([one]) == ([one], [])


def test_a_shorter_loop_goes_when_unsure():
    kept, removed = guard([heard("Let it go! " * 4, 0.0, 6.0, sure=False)])
    assert plain_text(kept[0].text) == "letitgo"
    assert "4 times" in removed[0].reason


def test_marks_alone_are_no_text():
    kept, removed = guard([heard("...")])
    assert not kept
    assert len(removed) == 1


# --- segments --------------------------------------------------------------------------------------


def spaced_words(n, *, start_s=0.0, word_s=0.4, gap_s=0.1, mark_every=0):
    words = []
    for i in range(n):
        mark = "." if mark_every and (i + 1) % mark_every == 0 else ""
        begin = start_s + i * (word_s + gap_s)
        words.append(Word(begin, begin + word_s, f" word{i}{mark}", 0.9))
    return words


def from_words(words, text=None):
    spelled = "".join(word.text for word in words).strip()
    return heard(text or spelled, words[0].start_s, words[-1].end_s, words=words)


def test_a_long_segment_is_split_at_sentences():
    words = spaced_words(60, mark_every=15)
    segments = segments_of([from_words(words)], duration_s=40.0, max_segment_s=12.0)
    assert all(segment.duration_s <= 12.0 for segment in segments)
    assert "".join(word.text for one in segments for word in one.words) == "".join(
        word.text for word in words
    )
    assert all(segment.text.endswith(".") for segment in segments)


def test_a_long_pause_splits():
    words = [*spaced_words(3), *spaced_words(3, start_s=5.0)]
    segments = segments_of([from_words(words)], duration_s=10.0, max_segment_s=12.0)
    assert len(segments) == 2
    assert segments[0].end_s == pytest.approx(1.4)
    assert segments[1].start_s == pytest.approx(5.0)


def test_without_words_a_long_text_is_split_at_its_marks():
    text = "One two three four five. Six seven eight nine ten, eleven twelve. And so on it goes."
    segments = segments_of([heard(text, 0.0, 30.0)], duration_s=30.0, max_segment_s=12.0)
    assert len(segments) == 3
    assert " ".join(segment.text for segment in segments) == text
    assert segments[0].text.endswith(".")


def test_short_neighbours_are_joined_unless_a_sentence_ends():
    pieces = [heard("And", 0.0, 0.3), heard("then he left.", 0.4, 2.0), heard("Oh!", 2.1, 2.5)]
    segments = segments_of(pieces, duration_s=3.0, max_segment_s=12.0)
    assert [segment.text for segment in segments] == ["And then he left.", "Oh!"]


def test_edges_snap_to_the_speech_they_lie_in():
    segments = segments_of(
        [heard("hello there", 1.2, 2.0), heard("again, my friend", 4.0, 6.0)],
        duration_s=7.0,
        max_segment_s=12.0,
        speech=[Stretch(1.0, 2.2), Stretch(3.0, 6.1)],
    )
    assert (segments[0].start_s, segments[0].end_s) == (1.0, 2.2)
    assert segments[1].start_s == pytest.approx(3.6)  # no further than 0.4 s
    assert segments[1].end_s == pytest.approx(6.1)


def test_edges_in_silence_snap_to_the_speech_next_to_them():
    words = [Word(0.8, 1.6, " hello"), Word(1.6, 2.4, " there.")]
    (segment,) = segments_of(
        [from_words(words)], duration_s=4.0, max_segment_s=12.0, speech=[Stretch(1.0, 2.2)]
    )
    assert (segment.start_s, segment.end_s) == (1.0, 2.2)
    assert (segment.words[0].start_s, segment.words[-1].end_s) == (1.0, 2.2)


word_lists = st.lists(
    st.tuples(st.floats(-1, 40), st.floats(-0.5, 15), st.sampled_from([" a", " b.", "我", " c,"])),
    max_size=25,
)


@settings(max_examples=200)
@given(st.lists(word_lists, max_size=4), st.booleans())
def test_segments_are_always_ordered_apart_and_within(lists, with_words):
    pieces = []
    for one in lists:
        words = [Word(start, start + length, text) for start, length, text in one]
        if words and with_words:
            pieces.append(from_words(words, text="".join(word.text for word in words).strip()))
        elif words:
            pieces.append(
                heard(
                    "".join(word.text for word in words),
                    *sorted(words[0].start_s + np.array([0, 20.0])),
                )
            )
    segments = segments_of(
        pieces, duration_s=30.0, max_segment_s=12.0, speech=[Stretch(0.5, 9.0), Stretch(12.0, 29.0)]
    )
    time_s = 0.0
    for segment in segments:
        assert time_s <= segment.start_s < segment.end_s <= 30.0
        assert segment.duration_s <= 12.0 + 1e-6
        time_s = segment.end_s
        inner_s = segment.start_s
        for word in segment.words:
            assert inner_s <= word.start_s <= word.end_s <= segment.end_s
            inner_s = word.start_s


# --- speech without words --------------------------------------------------------------------------


def fake_speech(monkeypatch, stretches):
    """Let voice activity be found at fixed times, whatever the samples."""

    def speech_in(samples, sampling_rate_hz, *, min_pause_s, pad_s):
        return list(stretches)

    monkeypatch.setattr(speech, "speech_in", speech_in)


def tone(duration_s, level=0.1):
    t = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return (level * np.sin(2 * np.pi * 220 * t)).astype(np.float32)


def test_a_short_clip_stays_one_segment(monkeypatch):
    fake_speech(monkeypatch, [Stretch(0.2, 1.5), Stretch(2.2, 4.6)])
    with recording_from_samples(tone(5.0), RATE_HZ) as recording:
        transcript = segment_speech(recording)
    assert [(one.start_s, one.end_s) for one in transcript.segments] == [(0.0, 5.0)]
    assert transcript.source == NO_MODEL
    assert transcript.segments[0].text == ""


def test_a_short_clip_with_a_long_pause_is_two(monkeypatch):
    fake_speech(monkeypatch, [Stretch(0.2, 2.0), Stretch(4.0, 6.0)])
    with recording_from_samples(tone(6.5), RATE_HZ) as recording:
        assert len(segment_speech(recording).segments) == 2


def test_long_silent_edges_of_a_clip_are_left_out(monkeypatch):
    fake_speech(monkeypatch, [Stretch(3.0, 5.0)])
    with recording_from_samples(tone(9.0), RATE_HZ) as recording:
        (only,) = segment_speech(recording).segments
    assert (only.start_s, only.end_s) == pytest.approx((2.85, 5.15))


def test_a_long_stretch_is_split_where_it_is_quietest(monkeypatch):
    fake_speech(monkeypatch, [Stretch(0.5, 19.5)])
    samples = tone(20.0)
    samples[round(11.0 * RATE_HZ) : round(11.5 * RATE_HZ)] *= 0.02
    with recording_from_samples(samples, RATE_HZ) as recording:
        segments = segment_speech(recording).segments
    assert len(segments) == 2
    assert 11.0 <= segments[0].end_s <= 11.5
    assert segments[0].end_s == segments[1].start_s


def test_pauses_part_a_long_recording(monkeypatch):
    spoken = [Stretch(4.0 * i, 4.0 * i + 3.0) for i in range(8)]
    fake_speech(monkeypatch, spoken)
    with recording_from_samples(tone(32.0), RATE_HZ) as recording:
        segments = segment_speech(recording).segments
    assert len(segments) == 8


def test_without_speech_what_is_loud_is_taken_and_said(monkeypatch):
    fake_speech(monkeypatch, [])
    samples = np.concatenate([tone(3.0, 0.2), tone(8.0, 0.0005), tone(4.0, 0.2)])
    with recording_from_samples(samples, RATE_HZ) as recording:
        transcript = segment_speech(recording)
    assert transcript.source == BY_LOUDNESS
    assert len(transcript.segments) == 2
    assert transcript.segments[0].end_s == pytest.approx(3.15, abs=0.1)
    assert transcript.segments[1].start_s == pytest.approx(10.85, abs=0.1)


def test_silero_itself_hears_no_speech_in_a_hum():
    with recording_from_samples(tone(4.0), RATE_HZ) as recording:
        transcript = segment_speech(recording)
    assert transcript.source == BY_LOUDNESS
    assert [(one.start_s, one.end_s) for one in transcript.segments] == [(0.0, 4.0)]


def test_progress_may_stop_the_search():
    def stop(fraction, doing):
        raise KeyboardInterrupt

    with (
        recording_from_samples(tone(4.0), RATE_HZ) as recording,
        pytest.raises(KeyboardInterrupt),
    ):
        segment_speech(recording, progress=stop)


# --- the wiring, with a fake recogniser ------------------------------------------------------------


class FakeExtractor:
    sampling_rate = RATE_HZ
    nb_max_frames = 3000

    def __call__(self, samples, **_):
        return np.zeros((80, len(samples) // 160 + 1), np.float32)


class FakeWhisper:
    """Says "one two." in every window of audio it is given, in the language it was asked for.

    What is detected where comes from `heard_language`, which is asked with the length of what is judged.
    """

    def __init__(self, *, languages=("en", "zh", "de")):
        self.feature_extractor = FakeExtractor()
        self.model = SimpleNamespace(is_multilingual=True, detect_language=self._detect)
        self.supported_languages = ["en", "fr", "zh", "de"]
        self.hf_tokenizer = SimpleNamespace(
            token_to_id=lambda token: 1 if token[2:-2] in languages else None
        )
        self.asked = []
        self.n_encoded = 0
        self.heard_language = lambda length_s: "en"

    def encode(self, features):
        from ctranslate2 import StorageView

        self.n_encoded += 1
        return StorageView.from_array(np.zeros((1, 1500, 4), np.float32))

    def _detect(self, encoding):
        code = self.heard_language(encoding.shape[1] / 50)
        return [[(f"<|{code}|>", 0.98), ("<|nn|>", 0.02)]]

    def transcribe(self, samples, **options):
        self.asked.append((len(samples) / RATE_HZ, options))
        info = SimpleNamespace(language=options["language"] or "en", language_probability=0.99)

        def segments():
            words = [
                SimpleNamespace(start=0.5, end=1.0, word=" one", probability=0.9),
                SimpleNamespace(start=1.0, end=1.5, word=" two.", probability=0.8),
            ]
            yield SimpleNamespace(
                start=0.5,
                end=1.5,
                text=" one two.",
                words=words,
                avg_logprob=-0.1,
                no_speech_prob=0.0,
                compression_ratio=1.0,
            )

        return segments(), info


@pytest.fixture
def fake_whisper(monkeypatch, tmp_path):
    fake = FakeWhisper()
    folder = make_model_folder(tmp_path / "fake")
    monkeypatch.setattr(recogniser, "load_model", lambda found, **options: fake)
    return fake, TranscribeOptions(model=str(folder))


def fake_blocks(monkeypatch, times_s):
    monkeypatch.setattr(recogniser, "blocks", lambda recording: iter(times_s))


def fake_speech_found(monkeypatch, stretches):
    monkeypatch.setattr(recogniser, "speech_in", lambda samples, rate, **_: list(stretches))


def test_times_are_those_of_the_recording(fake_whisper, monkeypatch):
    fake, options = fake_whisper
    fake_blocks(monkeypatch, [(0.0, 60.0), (60.0, 120.0)])
    fake_speech_found(monkeypatch, [Stretch(5.0, 6.0), Stretch(15.0, 16.0)])
    told = []
    with recording_from_samples(tone(120.0), RATE_HZ) as recording:
        transcript = transcribe(recording, options, progress=lambda f, doing: told.append(f))
    # All four stretches fit into one window: of each pause two seconds are kept, a second at each side.
    ((heard_s, asked),) = [one for one in fake.asked if one[0] > 4]
    assert heard_s == pytest.approx(0.5 + 4 * 1.0 + 3 * 2.0 + 0.5)
    assert asked["language"] == "en"
    first = transcript.segments[0]
    # The window begins at 4.5 s; 0.5 s into it is 5 s, where the speech begins.
    assert first.text == "one two."
    assert (first.start_s, first.end_s) == (5.0, 6.0)
    assert transcript.language == "en"
    assert transcript.source == "faster-whisper:fake"
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0)


def test_a_block_without_speech_is_not_heard(fake_whisper, monkeypatch):
    fake, options = fake_whisper
    monkeypatch.setattr(recogniser, "speech_in", lambda samples, rate, **_: [])
    with recording_from_samples(tone(5.0), RATE_HZ) as recording:
        transcript = transcribe(recording, options)
    assert transcript.segments == ()
    assert transcript.language == ""
    assert fake.asked == []


def test_without_vad_all_is_heard_and_silences_are_watched(fake_whisper):
    fake, options = fake_whisper
    options = TranscribeOptions(model=options.model, vad=False, word_times=False, language="zh-CN")
    with recording_from_samples(tone(5.0), RATE_HZ) as recording:
        transcript = transcribe(recording, options)
    ((heard_s, asked),) = fake.asked
    assert heard_s == pytest.approx(5.0)
    assert asked["hallucination_silence_threshold"] == 2.0
    assert asked["language"] == "zh"
    assert transcript.segments[0].words == ()


def test_a_language_that_the_model_lacks_is_one_sentence(fake_whisper):
    _, options = fake_whisper
    options = TranscribeOptions(model=options.model, language="fr")
    with (
        recording_from_samples(tone(2.0), RATE_HZ) as recording,
        pytest.raises(WhisperModelError, match="it knows en, zh, de"),
    ):
        transcribe(recording, options)


def test_what_progress_raises_stops_the_work(fake_whisper):
    _, options = fake_whisper

    class StopError(Exception):
        pass

    def stop(fraction, doing):
        if doing == "listening":
            raise StopError

    with recording_from_samples(tone(2.0), RATE_HZ) as recording, pytest.raises(StopError):
        transcribe(recording, TranscribeOptions(model=options.model, vad=False), progress=stop)


def test_a_failure_while_listening_is_one_sentence(fake_whisper, monkeypatch):
    fake, options = fake_whisper

    def out_of_memory(samples, **_):
        raise RuntimeError("CUDA failed with error out of memory")

    monkeypatch.setattr(fake, "transcribe", out_of_memory)
    with (
        recording_from_samples(tone(2.0), RATE_HZ) as recording,
        pytest.raises(WhisperModelError, match="out of memory"),
    ):
        transcribe(recording, TranscribeOptions(model=options.model, vad=False))


def test_the_model_none_finds_speech_without_words(monkeypatch):
    fake_speech(monkeypatch, [Stretch(0.2, 3.0)])
    with recording_from_samples(tone(3.5), RATE_HZ) as recording:
        transcript = transcribe(recording, TranscribeOptions(model=NO_MODEL, language="zh"))
    assert transcript.source == NO_MODEL
    assert transcript.language == "zh"
