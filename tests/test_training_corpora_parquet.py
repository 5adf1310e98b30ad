"""Corpora in Parquet files, laid out as the Hugging Face hub has them; CSEMOTIONS among them."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from gpt_sovits_emotion.audio import read_clip, write_wav
from gpt_sovits_emotion.cli.corpora import corpora as command
from gpt_sovits_emotion.core.errors import CorpusError, MissingExtraError, OutputError
from gpt_sovits_emotion.core.files import CACHE_VARIABLE
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.training.corpora import check, open_corpora, read_corpus, unpack_corpus
from gpt_sovits_emotion.training.corpora import parquet_rows as rows_module
from gpt_sovits_emotion.training.corpora.parquet_columns import read_hub_card

RATE_HZ = 16_000
AUDIO = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> list[bytes]:
    """WAV files of 0.5 s, each of another pitch."""
    path = tmp_path_factory.mktemp("tones") / "tone.wav"
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    made = []
    for number in range(60):
        samples = 0.2 * np.sin(2 * np.pi * (150 + 5 * number) * t)
        write_wav(path, Audio(samples.astype(np.float32), RATE_HZ))
        made.append(path.read_bytes())
    return made


def lay(path: Path, columns: dict, *, features: dict | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pyarrow.table(columns)
    if features is not None:
        held = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": held})
    pyarrow.parquet.write_table(table, path, **options)
    return path


def audio_of(tones: list[bytes], names: list[str | None] | None = None) -> pyarrow.Array:
    names = names or [f"{number}.wav" for number in range(len(tones))]
    return pyarrow.array(
        [{"bytes": data, "path": name} for data, name in zip(tones, names, strict=True)], AUDIO
    )


def csemotions(root: Path, tones: list[bytes]) -> Path:
    """Lay out a small data set as AIDC-AI/CSEMOTIONS is: two shards, its columns, its names."""
    emotions = ("angry", "fearful", "happy", "neutral", "playfulness", "sad", "surprise")
    for shard in range(2):
        own = tones[28 * shard : 28 * (shard + 1)]
        lay(
            root / "data" / f"train-0000{shard}-of-00002.parquet",
            {
                "audio": audio_of(own),
                "text": [f"第{number % 7}句。" for number in range(28)],
                "emotion": [emotions[number % 7] for number in range(28)],
                "speaker": [("female001", "male002")[number // 14] for number in range(28)],
            },
            features={
                "audio": {"_type": "Audio"},
                "emotion": {"dtype": "string", "_type": "Value"},
            },
            row_group_size=10,
        )
    (root / "README.md").write_text(
        "---\ndataset_info:\n  features:\n  - name: audio\n    dtype: audio\n---\n# CSEMOTIONS\n",
        encoding="utf-8",
    )
    return root


def said(corpus) -> list[str]:
    assert all(warning.zh and warning.zh != warning.en for warning in corpus.warnings)
    return [warning.en for warning in corpus.warnings]


# --- CSEMOTIONS ------------------------------------------------------------------------------------


@pytest.mark.parametrize("named", ["{root}", "csemotions={root}", "CSEmotions={root}"])
def test_csemotions_is_read_and_known_by_name(tmp_path, cache, tones, named):
    root = csemotions(tmp_path / "CSEMOTIONS", tones)
    told: list[float] = []
    (corpus,) = open_corpora(
        [named.format(root=root)], progress=lambda done, doing: told.append(done)
    )
    assert (corpus.name, corpus.info.id, corpus.info.licence) == (
        "csemotions",
        "csemotions",
        "Apache-2.0",
    )
    assert len(corpus.clips) == 56
    assert corpus.speakers == ("female001", "male002")
    assert corpus.emotions == (
        "angry", "fearful", "happy", "neutral", "playfulness", "sad", "surprised",
    )  # fmt: skip
    assert corpus.languages == ("zh",)
    assert not corpus.train_only
    first, last = corpus.clips[0], corpus.clips[-1]
    assert (first.label, first.text, first.gender) == ("angry", "第0句。", "female")
    assert (last.label, last.emotion, last.gender) == ("surprise", "surprised", "male")
    assert [clip.path.read_bytes() for clip in corpus.clips] == tones[:56]
    assert read_clip(first.path).duration_s == pytest.approx(0.5)
    assert corpus.unpacked is not None
    assert corpus.unpacked.parent == cache / "corpora"
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert corpus.warnings == ()
    assert sorted(path.name for path in root.rglob("*")) == [
        "README.md", "data", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet",
    ]  # fmt: skip
    assert check([corpus], ["angry", "happy", "sad", "neutral"])[0].en.startswith(
        "24 clips of other"
    )


def test_audio_is_unpacked_once(tmp_path, tones, monkeypatch):
    root = csemotions(tmp_path / "csemotions", tones)
    corpus = read_corpus(root)
    times = {clip.path: clip.path.stat().st_mtime_ns for clip in corpus.clips}
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # what is unpacked needs it no more
    again = read_corpus(root)
    assert again == corpus
    assert {clip.path: clip.path.stat().st_mtime_ns for clip in again.clips} == times


def test_a_run_that_was_stopped_goes_on(tmp_path, tones):
    root = csemotions(tmp_path / "csemotions", tones)

    def stop(done: float, doing: str) -> None:
        if done > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus(root, progress=stop)
    there = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.wav")}
    assert 10 < len(there) < 28
    corpus = read_corpus(root)
    assert len(corpus.clips) == 56
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert not list((tmp_path / "cache").rglob(".writing-*"))


@pytest.mark.parametrize("dictionary", [True, False])
def test_a_file_of_many_row_groups_is_never_in_memory_whole(tmp_path, tones, dictionary):
    n_clips, n_bytes = 48, 500_000
    clips = [np.random.default_rng(seed).bytes(n_bytes) for seed in range(n_clips)]
    lay(
        tmp_path / "mine" / "x.parquet",
        {"audio": audio_of(clips), "emotion": ["sad"] * n_clips, "speaker": ["a"] * n_clips},
        row_group_size=4,
        use_dictionary=dictionary,
    )
    del clips
    before = pyarrow.total_allocated_bytes()
    held: list[int] = []
    read_corpus(
        tmp_path / "mine",
        progress=lambda done, doing: held.append(pyarrow.total_allocated_bytes() - before),
    )
    assert max(held) < n_clips * n_bytes / 2
    assert held[-1] == 0


@pytest.mark.parametrize("damage", ["gone", "short", "rows"])
def test_what_is_damaged_in_the_cache_is_made_again(tmp_path, tones, damage):
    root = csemotions(tmp_path / "csemotions", tones)
    corpus = read_corpus(root)
    path = corpus.clips[3].path
    if damage == "gone":
        path.unlink()
    elif damage == "short":
        path.write_bytes(b"RIFF")
    else:
        (path.parent / "rows.json").write_text('{"version": 1, "rows": [{"audio": 3}]}')
    assert read_corpus(root) == corpus
    assert path.read_bytes() == tones[3]


def test_a_parquet_file_that_changed_is_unpacked_anew(tmp_path, tones):
    root = tmp_path / "mine"
    path = root / "train.parquet"
    lay(path, {"audio": audio_of(tones[:1]), "emotion": ["sad"], "speaker": ["a"]})
    (before,) = read_corpus(root).clips
    lay(path, {"audio": audio_of(tones[1:3]), "emotion": ["happy", "sad"], "speaker": ["a", "b"]})
    after = read_corpus(root).clips
    assert [clip.emotion for clip in after] == ["happy", "sad"]
    assert before.path.read_bytes() == tones[0]
    assert after[0].path.read_bytes() == tones[1]


def test_the_hub_cache_is_read_by_either_folder(tmp_path, tones):
    store = tmp_path / "datasets--AIDC-AI--CSEMOTIONS"
    snapshot = store / "snapshots" / ("0" * 39 + "a")
    blobs = csemotions(tmp_path / "blobs", tones)
    (snapshot / "data").mkdir(parents=True)
    for path in (blobs / "data").iterdir():
        (snapshot / "data" / path.name).symlink_to(path)
    (store / "snapshots" / ("0" * 39 + "b")).mkdir()
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text(snapshot.name)
    for folder in (store, snapshot):
        corpus = read_corpus(folder)
        assert corpus.name == "csemotions"
        assert len(corpus.clips) == 56


def test_a_folder_of_csemotions_without_parquet_files_says_how_they_are_had(tmp_path):
    with pytest.raises(CorpusError, match=r"no Parquet files.* hf download AIDC-AI/CSEMOTIONS "):
        open_corpora([f"csemotions={tmp_path}"])


# --- columns ---------------------------------------------------------------------------------------


def test_class_numbers_take_their_names_from_the_file(tmp_path, tones):
    names = ["anger", "joy"]
    lay(
        tmp_path / "mine" / "en" / "train-00000-of-00001.parquet",
        {
            "clip": audio_of(tones[:4]),
            "label": [0, 1, -1, 2],
            "actor_id": [7, 8, 7, 8],
            "Transcription": ["a", "b", "c", "d"],
            "locale": ["en-US"] * 4,
            "sex": [1, 0, 1, 0],
        },
        features={
            "clip": {"_type": "Audio"},
            "label": {"names": names, "_type": "ClassLabel"},
            "sex": {"names": ["female", "male"], "_type": "ClassLabel"},
        },
    )
    corpus = read_corpus(tmp_path / "mine")
    assert [
        (clip.emotion, clip.label, clip.speaker, clip.text, clip.language, clip.gender)
        for clip in corpus.clips
    ] == [("angry", "anger", "7", "a", "en", "male"), ("happy", "joy", "8", "b", "en", "female")]
    assert said(corpus) == ["2 rows were passed over: the number of the class has no name"]


def test_rows_without_a_speaker_are_counted_where_others_have_one(tmp_path, tones):
    speakers = pyarrow.array(
        [3.0, None, 4.0, float("nan")]
    )  # as pandas writes whole numbers with gaps
    lay(
        tmp_path / "mine" / "x.parquet",
        {"audio": audio_of(tones[:4]), "emotion": ["sad"] * 4, "spk_id": speakers},
    )
    corpus = read_corpus(tmp_path / "mine")
    assert corpus.speakers == ("3", "4")
    assert said(corpus) == ["2 rows were passed over: without a speaker, whom others name"]


def test_class_numbers_take_their_names_from_the_card(tmp_path, tones):
    root = tmp_path / "mine"
    lay(root / "data" / "test.parquet", {"audio": audio_of(tones[:2]), "label": [1, 0]})
    with pytest.raises(CorpusError, match=r"labels in label \(int64\), whose values have no names"):
        read_corpus(root)
    (root / "README.md").write_text(
        "---\npretty_name: My voices\nlicense: cc-by-nc-4.0\nlanguage: [pl]\ndataset_info:\n  features:\n"
        "  - name: label\n    dtype:\n      class_label:\n        names:\n          '0': sad\n"
        "          '1': calm\n---\ntext\n",
        encoding="utf-8",
    )
    corpus = read_corpus(root)
    assert [clip.emotion for clip in corpus.clips] == ["calm", "sad"]
    assert corpus.info.title == "My voices"
    assert corpus.info.licence == "cc-by-nc-4.0 by its README.md"
    assert corpus.info.non_commercial
    assert corpus.languages == ("pl",)
    assert corpus.speakers == ("mine",)
    assert said(corpus)[0].startswith("no column says who speaks")
    (root / "corpus.yaml").write_text("licence: CC BY 4.0\n")
    assert read_corpus(root).info.licence == "CC BY 4.0"


@pytest.mark.parametrize(
    "head",
    [
        "---\na: [\n---\n",
        "---\n- a\n---\n",
        "---\na: &x [1]\nb: *x\n---\n",
        "---\na: 2024-13-45\n---\n",
        "---\na: " + "[" * 40 + "]" * 40 + "\n---\n",
        b"\xff\xfe",
    ],
)
def test_a_damaged_card_stops_nothing(tmp_path, tones, head):
    root = tmp_path / "mine"
    lay(root / "x.parquet", {"audio": audio_of(tones[:1]), "emotion": ["sad"], "speaker": ["a"]})
    (root / "README.md").write_bytes(head if isinstance(head, bytes) else head.encode())
    corpus = read_corpus(root)
    assert len(corpus.clips) == 1
    assert said(corpus)[0].startswith("the head of README.md cannot be read")


def test_a_card_without_a_head_says_nothing(tmp_path):
    assert read_hub_card(tmp_path).class_names == {}
    (tmp_path / "README.md").write_text("# mine\n")
    assert read_hub_card(tmp_path) == read_hub_card(tmp_path / "none")


def test_configurations_and_splits_are_taken_together_and_once(tmp_path, tones):
    root = tmp_path / "mine"
    for config, split, numbers in (
        ("all", "train", (0, 1)),
        ("all", "test", (2,)),
        ("few", "train", (1,)),
    ):
        lay(
            root / config / f"{split}-00000-of-00001.parquet",
            {
                "audio": audio_of(
                    [tones[number] for number in numbers], ["same.wav"] * len(numbers)
                ),
                "emotion": ["sad"] * len(numbers),
                "speaker": [f"s{number}" for number in numbers],
            },
        )
    lay(root / "words" / "train.parquet", {"word": ["a"]})
    corpus = read_corpus(root, layout="parquet")
    assert sorted(clip.path.read_bytes() for clip in corpus.clips) == sorted(tones[:3])
    assert len({clip.path for clip in corpus.clips}) == 3
    passed, twice = said(corpus)
    assert passed.startswith("passed over: ")
    assert "has no column with audio (its columns: word); expected one called audio" in passed
    assert twice == "1 row holds audio, speaker and emotion of another row: taken once"


@pytest.mark.parametrize("kind", [pyarrow.binary(), pyarrow.large_binary()])
def test_bare_bytes_are_audio_too(tmp_path, tones, kind):
    lay(
        tmp_path / "mine" / "x.parquet",
        {"audio": pyarrow.array(tones[:1], kind), "emotion": ["sad"], "path": ["elsewhere.wav"]},
    )
    (clip,) = read_corpus(tmp_path / "mine").clips
    assert clip.path.read_bytes() == tones[0]


def test_paths_in_the_folder_are_read_where_they_lie(tmp_path, tones):
    root = tmp_path / "mine"
    for number, name in enumerate(("audio/0.wav", "data/1.wav", "2.wav")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(tones[number])
    (tmp_path / "out.wav").write_bytes(tones[9])
    paths = [
        "audio\\0.wav", "1.wav", "../2.wav", "../../out.wav", "/etc/passwd", "C:\\x.wav", "gone.wav",
        "https://example.org/1.wav", "hf://datasets/a/b/1.wav", None, "\0",
    ]  # fmt: skip
    lay(
        root / "data" / "train.parquet",
        {"file": paths, "emotion": ["sad"] * len(paths), "speaker": ["a"] * len(paths)},
    )
    corpus = read_corpus(root)
    assert [clip.path.relative_to(root).as_posix() for clip in corpus.clips] == [
        "audio/0.wav", "data/1.wav", "2.wav",
    ]  # fmt: skip
    assert corpus.unpacked is None
    assert said(corpus) == [
        "4 rows were passed over: the path leads out of the data set's folder",
        "1 row was passed over: the file that the path names is not in the data set's folder",
        "2 rows were passed over: the audio is an address on the network, and nothing is fetched from "
        "there; fetch it, and put paths in the column",
        "1 row was passed over: without audio",
    ]
    (root / "gone.wav").write_bytes(tones[8])  # a file that came later is found
    assert len(read_corpus(root).clips) == 4


def test_names_in_the_table_make_no_paths(tmp_path, cache, tones):
    names = ["../../../escaped.wav", str(tmp_path / "escaped.flac"), "a/b.wav", "a/b.wav", None]
    lay(
        tmp_path / "mine" / "x.parquet",
        {"audio": audio_of(tones[:5], names), "emotion": ["sad"] * 5, "speaker": list("abcde")},
    )
    corpus = read_corpus(tmp_path / "mine")
    assert [clip.path.name for clip in corpus.clips] == [f"{n:06d}.wav" for n in range(5)]
    assert len({clip.path.parent for clip in corpus.clips}) == 1
    assert not list(tmp_path.rglob("escaped*"))


def test_rows_without_audio_or_label_are_counted(tmp_path, tones):
    rows = [
        {"bytes": tones[0], "path": None},
        None,
        {"bytes": None, "path": None},
        {"bytes": b"", "path": ""},
    ]
    rows += [{"bytes": tones[1], "path": "1.wav"}] * 2
    lay(
        tmp_path / "mine" / "x.parquet",
        {
            "audio": pyarrow.array(rows, AUDIO),
            "emotion": ["sad", "sad", "sad", "sad", None, "  "],
            "speaker": ["a"] * 6,
        },
    )
    corpus = read_corpus(tmp_path / "mine")
    assert len(corpus.clips) == 1
    assert said(corpus) == [
        "3 rows were passed over: without audio",
        "2 rows were passed over: without an emotion",
    ]


# --- bad input -------------------------------------------------------------------------------------


def one_row(tones: list[bytes], **columns) -> dict:
    return {"audio": audio_of(tones[:1]), "emotion": ["sad"]} | columns


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"audio": [1.5]}, r"has no column with audio \(its columns: audio, emotion\)"),
        ({"emotion": [[0.1, 0.9]]}, r"labels in emotion \(list<.*, whose values have no names"),
        ({"emotion": [3]}, r"labels in emotion \(int64\), whose values have no names"),
        ({"emotion": [None]}, r"whose values have no names"),
        ({"emotion": [" "]}, r"no row of the Parquet files in .* \(1 row: without an emotion\)"),
    ],
)
def test_a_table_without_audio_or_emotions_is_one_sentence(tmp_path, tones, columns, message):
    lay(tmp_path / "mine" / "x.parquet", one_row(tones, **columns))
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus(tmp_path / "mine")
    assert "\n" not in str(caught.value)
    assert caught.value.say("zh") != str(caught.value)


@pytest.mark.parametrize("part", [0, 3, 0.5, 0.99])
def test_a_file_that_is_cut_short_says_so(tmp_path, tones, part):
    path = lay(tmp_path / "mine" / "x.parquet", one_row(tones))
    whole = path.read_bytes()
    path.write_bytes(whole[: part if part > 1 else round(part * len(whole))])
    with pytest.raises(
        CorpusError, match=r"x\.parquet cannot be read as a Parquet file; .*fetch it again"
    ):
        read_corpus(tmp_path / "mine")


def test_a_damaged_page_says_so(tmp_path, tones):
    path = lay(tmp_path / "mine" / "x.parquet", one_row(tones), compression="zstd")
    data = bytearray(path.read_bytes())
    data[100:5000] = bytes(4900)
    path.write_bytes(data)
    with pytest.raises(CorpusError, match="cannot be read as a Parquet file"):
        read_corpus(tmp_path / "mine")


def test_a_damaged_name_of_a_column_says_so(tmp_path, tones):
    path = lay(tmp_path / "mine" / "x.parquet", one_row(tones, speaker=["a"]))
    path.write_bytes(path.read_bytes().replace(b"speaker", b"\xffpeaker"))
    with pytest.raises(CorpusError, match="cannot be read as a Parquet file"):
        read_corpus(tmp_path / "mine")


def test_a_pointer_of_git_lfs_says_so(tmp_path):
    (tmp_path / "x.parquet").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    with pytest.raises(CorpusError, match=r"pointer of Git LFS .* git lfs pull"):
        read_corpus(tmp_path)


def test_without_pyarrow_the_extra_is_named(tmp_path, tones, monkeypatch):
    lay(tmp_path / "mine" / "x.parquet", one_row(tones))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'gpt-sovits-emotion\[parquet\]'"):
        read_corpus(tmp_path / "mine")


def test_too_small_a_disk_is_said_before_anything_is_written(tmp_path, cache, tones, monkeypatch):
    lay(tmp_path / "mine" / "x.parquet", one_row(tones))

    class Usage:
        free = 1000

    monkeypatch.setattr(rows_module.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(OutputError, match=r"0\.0 GB are free; free some, or .* unpack --to"):
        read_corpus(tmp_path / "mine")
    assert not cache.exists()


@pytest.mark.parametrize("layout", ["parquet", "csemotions"])
def test_a_folder_that_is_not_there_is_said(tmp_path, layout):
    with pytest.raises(CorpusError, match="there is no folder"):
        read_corpus(tmp_path / "none", layout=layout)
    with pytest.raises(CorpusError, match="no Parquet files"):
        read_corpus(tmp_path, layout=layout)


# --- unpacking into a folder, and the commands ------------------------------------------------------


def test_unpacked_it_is_a_corpus_with_a_manifest(tmp_path, cache, tones):
    root = csemotions(tmp_path / "csemotions", tones)
    to = tmp_path / "out"
    corpus = unpack_corpus(str(root), to)
    assert not cache.exists()
    again = read_corpus(to)
    assert again.clips == corpus.clips
    assert again.info.licence == "Apache-2.0"
    assert again.info.title == "CSEMOTIONS"
    with (to / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        assert next(csv.DictReader(stream))["emotion"] == "angry"
    with pytest.raises(OutputError, match="holds a corpus already"):
        unpack_corpus(str(root), to)


def test_unpacking_touches_no_folder_of_another(tmp_path, tones):
    root = csemotions(tmp_path / "csemotions", tones)
    with pytest.raises(OutputError, match="holds other files; name a new folder"):
        unpack_corpus(str(root), root)
    (tmp_path / "own" / "sad").mkdir(parents=True)
    (tmp_path / "own" / "sad" / "1.wav").write_bytes(tones[0])
    with pytest.raises(CorpusError, match="has its audio in files already"):
        unpack_corpus(str(tmp_path / "own"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    lay(tmp_path / "none" / "a.parquet", {"audio": audio_of(tones[:2]), "emotion": ["", ""]})
    with pytest.raises(CorpusError, match="no row of the Parquet files"):
        unpack_corpus(str(tmp_path / "none"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_commands_know_csemotions(tmp_path, tones, capsys):
    def run(*arguments: str):
        command.main(list(arguments), standalone_mode=False)
        return capsys.readouterr()

    root = csemotions(tmp_path / "csemotions", tones)
    listed = run("list").out
    assert "csemotions  zh      Parquet, 3.1 GB            Apache-2.0\n" in listed
    assert "hf download AIDC-AI/CSEMOTIONS --repo-type dataset --local-dir csemotions" in listed
    shown = run("show", str(root)).out
    assert "csemotions: CSEMOTIONS, 56 clips of 2 speakers, in zh" in shown
    assert "playfulness" in shown
    assert "no known emotion: a class of its own" in shown
    assert f"audio    unpacked into {tmp_path / 'cache' / 'corpora'}" in shown
    told = json.loads(run("show", str(root), "--json").out)
    assert told["corpora"][0]["unpacked"].startswith(str(tmp_path / "cache"))
    assert run("unpack", str(root), "--to", str(tmp_path / "out")).out == f"{tmp_path / 'out'}\n"
    with pytest.raises(
        CorpusError, match=r"CSEMOTIONS \(3\.1 GB, Apache-2\.0\) is fetched .*hf download"
    ):
        run("get", "csemotions", "--to", str(tmp_path))
