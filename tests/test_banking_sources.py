"""What a bank is built from: trainings of GPT-SoVITS, folders, lists, and long recordings."""

from __future__ import annotations

import itertools
import pickle
import zipfile

import numpy as np
import pytest
import torch
from banking_files import clip, talk, training
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.backends.gpt_sovits.experiment import load_hubert, read_experiment
from gpt_sovits_emotion.banks.building import find_sources
from gpt_sovits_emotion.banks.building.recordings import cut_recording, stretches_of
from gpt_sovits_emotion.banks.library.sidecar import sidecar_path
from gpt_sovits_emotion.core.errors import EncoderError, ReferenceBankError
from gpt_sovits_emotion.core.records import Segment
from gpt_sovits_emotion.encoders.pooling import pool

# --- a training ------------------------------------------------------------------------------------


def test_a_training_gives_clips_texts_languages_and_stored_features(tmp_path):
    folder = training(
        tmp_path / "anna",
        [
            ("a.wav", "n i3 h ao3 .", "[2, 2, 1]", "你好."),
            ("b.wav", "HH AH0 L OW1 .", "None", "Hello."),
            ("c.wav", "k o N n i ch i w a", "None", "今日"),
            ("d.wav", "ㅇ ㅏ ㄴ ㄴ ㅕ ㅇ", "None", "안녕"),
            ("e.wav", "Yn Yei5 Yh Yo2", "[2, 2]", "你好"),
        ],
    )
    held = read_experiment(folder)
    assert [(one.text, one.language) for one in held.clips] == [
        ("你好.", "zh"), ("Hello.", "en"), ("今日", "ja"), ("안녕", "ko"), ("你好", "yue"),
    ]  # fmt: skip
    assert all(one.audio == folder / "5-wav32k" / one.name for one in held.clips)
    assert held.clips[0].hubert == folder / "4-cnhubert" / "a.wav.pt"
    found = find_sources(folder)
    assert (found.layout, found.voice, found.n_stored) == ("experiment", "anna", 5)


def test_a_row_of_the_table_cannot_point_out_of_the_folder(tmp_path):
    folder = training(tmp_path / "exp", [("a.wav", "x", "None", "words")])
    with (folder / "2-name2text.txt").open("a", encoding="utf-8") as stream:
        stream.write("../../secret.wav\tx\tNone\tno\nonly\ttwo\n")
    assert [one.name for one in read_experiment(folder).clips] == ["a.wav"]


def test_a_clip_whose_audio_was_deleted_is_still_listed(tmp_path):
    folder = training(
        tmp_path / "exp", [("a.wav", "x", "None", "one"), ("b.wav", "x", "None", "two")]
    )
    (folder / "5-wav32k" / "b.wav").unlink()
    assert [one.audio.exists() for one in read_experiment(folder).clips] == [True, False]


def test_the_checkout_is_found_above_its_logs(tmp_path):
    folder = training(tmp_path / "root" / "logs" / "exp", [("a.wav", "x", "None", "one")])
    assert read_experiment(folder).checkout is None
    (tmp_path / "root" / "GPT_SoVITS").mkdir()
    assert read_experiment(folder).checkout == (tmp_path / "root").resolve()


# --- stored features -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_stored_features_are_pooled_as_the_encoder_pools_its_own(tmp_path, dtype):
    stored = torch.randn(1, 768, 12).to(dtype).requires_grad_()
    torch.save(stored, tmp_path / "x.pt")
    frames = load_hubert(tmp_path / "x.pt")
    expected = stored.detach()[0].T.float().numpy()
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames, expected)
    np.testing.assert_allclose(
        pool([frames]), np.concatenate([expected.mean(0), expected.std(0)]), atol=1e-5
    )


class _Harmful:
    def __reduce__(self):
        return (print, ("code was run",))


@pytest.mark.parametrize(
    ("what", "says"),
    [
        (torch.zeros(1, 1024, 5), "shape"),
        (torch.zeros(768, 5), "shape"),
        (torch.zeros(1, 768, 0), "shape"),
        (torch.full((1, 768, 5), float("nan")), "no numbers"),
        (torch.zeros(1, 768, 1).expand(1, 768, 10_000_000), "frames"),
        ({"a": 1}, "dict"),
    ],
)
def test_other_contents_are_refused_with_a_sentence(tmp_path, what, says):
    torch.save(what, tmp_path / "x.pt")
    with pytest.raises(EncoderError, match=says) as caught:
        load_hubert(tmp_path / "x.pt")
    assert caught.value.zh is not None


def test_no_code_of_a_feature_file_is_run(tmp_path, capsys):
    (tmp_path / "x.pt").write_bytes(pickle.dumps(_Harmful(), protocol=2))
    with pytest.raises(EncoderError):
        load_hubert(tmp_path / "x.pt")
    torch.save({"x": _Harmful()}, tmp_path / "y.pt")
    with pytest.raises(EncoderError):
        load_hubert(tmp_path / "y.pt")
    assert "code was run" not in capsys.readouterr().out


def test_a_small_file_that_unpacks_into_a_huge_one_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", b"\0" * (200 << 20))
    with pytest.raises(EncoderError, match="200 MB"):
        load_hubert(tmp_path / "x.pt")


# --- other sources ---------------------------------------------------------------------------------


def test_a_plain_folder_gives_clips_that_nobody_filed(tmp_path):
    one = clip(tmp_path / "clips" / 'a|b "c" 😀.wav')
    one.with_suffix(".txt").write_text("words", encoding="utf-8")
    two = clip(tmp_path / "clips" / "0002.wav")
    found = find_sources(tmp_path / "clips")
    assert found.layout == "clips"
    assert {each.path for each in found.clips} == {one, two}
    assert {each.filed_by for each in found.clips} == {"head"}
    assert {each.text for each in found.clips} == {"words", ""}


def test_what_a_person_filed_stays(tmp_path):
    clip(tmp_path / "bank" / "傲娇" / "1.wav")
    (found,) = find_sources(tmp_path / "bank").clips
    assert (found.emotion, found.filed_by) == ("傲娇", "person")


def test_a_sidecar_stands_for_its_bank(tmp_path):
    clip(tmp_path / "bank" / "1.wav")
    beside = sidecar_path(tmp_path / "bank")
    assert find_sources(beside).path == tmp_path / "bank"


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_nothing_to_build_from_is_said(tmp_path, kind):
    if kind == "empty":
        (tmp_path / kind).mkdir()
    with pytest.raises(ReferenceBankError) as caught:
        find_sources(tmp_path / kind)
    assert "training" in str(caught.value)
    assert caught.value.zh is not None


# --- long recordings -------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.floats(0.05, 3.0), st.floats(0.3, 9.0)), min_size=0, max_size=20))
def test_every_stretch_is_as_long_as_a_reference_must_be(pieces):
    at_s, segments = 0.0, []
    for pause_s, length_s in pieces:
        segments.append(Segment(at_s + pause_s, at_s + pause_s + length_s, ""))
        at_s += pause_s + length_s
    end_s = at_s + 0.5
    stretches = stretches_of(tuple(segments), end_s)
    for start_s, stop_s in stretches:
        assert 3.0 <= stop_s - start_s <= 10.0
        assert start_s >= 0
        assert stop_s <= end_s + 1e-3
    assert all(a[1] <= b[0] + 2e-3 for a, b in itertools.pairwise(stretches))
    for segment in segments:  # what is long enough by itself is never lost
        if segment.duration_s >= 3.0:
            middle_s = (segment.start_s + segment.end_s) / 2
            assert any(start_s <= middle_s <= stop_s for start_s, stop_s in stretches)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([(1.0, 3.0), (3.5, 5.0)], [(1.0, 5.0)]),  # short ones join over a short pause
        ([(1.0, 5.0), (5.5, 9.0)], [(1.0, 5.0), (5.5, 9.0)]),  # long ones do not
        ([(2.0, 4.5), (8.0, 12.0)], [(1.745, 4.755), (8.0, 12.0)]),  # widened into the silence
        ([(0.0, 1.0)], []),  # too short even then
    ],
)
def test_golden_stretches(pieces, expected):
    segments = tuple(Segment(start_s, end_s, "") for start_s, end_s in pieces)
    assert stretches_of(segments, 20.0) == expected


@pytest.fixture
def recording(tmp_path):
    return talk(tmp_path / "my talk.wav")


def test_a_recording_is_cut_into_a_folder_beside_it_and_only_once(recording):
    before = recording.read_bytes()
    cutting = cut_recording(recording)
    assert cutting.folder == recording.with_name("my talk.bank")
    clips = sorted(cutting.folder.glob("*.wav"))
    assert len(clips) >= 4
    clips[1].unlink()  # a person throws one out
    assert cut_recording(recording).note == cutting.note
    assert sorted(cutting.folder.glob("*.wav")) == [clips[0], *clips[2:]]
    assert recording.read_bytes() == before


def test_a_cutting_that_was_stopped_goes_on(recording, tmp_path):
    asked = iter([False, False, True])
    with pytest.raises(ReferenceBankError, match="stopped"):
        cut_recording(recording, to=tmp_path / "there", cancelled=lambda: next(asked))
    assert len(list((tmp_path / "there").glob("*.wav"))) == 2
    cut_recording(recording, to=tmp_path / "there")
    whole = cut_recording(recording, to=tmp_path / "again")
    names = sorted(path.name for path in whole.folder.glob("*.wav"))
    assert sorted(path.name for path in (tmp_path / "there").glob("*.wav")) == names
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == (whole.folder / name).read_bytes()


def test_clips_never_go_among_other_files(recording, tmp_path):
    clip(tmp_path / "full" / "x.wav")
    with pytest.raises(ReferenceBankError, match="was not cut out"):
        cut_recording(recording, to=tmp_path / "full")
    cut_recording(recording, to=tmp_path / "mine")
    other = clip(tmp_path / "other.wav", 8.0)
    with pytest.raises(ReferenceBankError, match="another recording"):
        cut_recording(other, to=tmp_path / "mine")


def test_a_recording_without_long_speech_is_refused(tmp_path):
    short = clip(tmp_path / "short.wav", 1.0)
    with pytest.raises(ReferenceBankError, match="is spoken for 3 s"):
        cut_recording(short)
    assert not (tmp_path / "short.bank").exists()
