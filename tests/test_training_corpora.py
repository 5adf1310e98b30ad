"""Corpora in every layout: what is read from file names, tables, lists and folders."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import EMOTIONS
from gpt_sovits_emotion.core.records import (
    EmotionScores,
    RecordingInfo,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.testing import check_corpus
from gpt_sovits_emotion.training.corpora import (
    KNOWN_CORPORA,
    Clip,
    known_corpus,
    label_table,
    merge,
    open_corpora,
    read_corpus,
)
from gpt_sovits_emotion.training.corpora.file_names import CLIP_READERS
from gpt_sovits_emotion.training.packaging import licence_of
from gpt_sovits_emotion.transcripts import write


def lay(root: Path, *names: str, text: str = "") -> Path:
    """Make files of these names; readers look at names, not into audio."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def facts(clip: Clip) -> tuple[str, ...]:
    return clip.speaker, clip.emotion, clip.label, clip.language, clip.text, clip.gender


# --- manifest --------------------------------------------------------------------------------------


def write_manifest(folder: Path, *rows: str, header: str = "path,speaker,emotion,text") -> Path:
    lay(folder, *(row.split(",")[0] for row in rows))
    (folder / "manifest.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_a_manifest_is_read_with_canonical_labels(tmp_path):
    folder = write_manifest(tmp_path / "语料 1", "a.wav,s1,anger,hello", "b.wav,s2,开心,")
    for named in (folder, str(folder), folder / "manifest.csv"):
        corpus = read_corpus(named)
        assert corpus.name == "语料 1"
        assert corpus.emotions == ("angry", "happy")
        assert [clip.label for clip in corpus.clips] == ["anger", "开心"]
        assert corpus.speakers == ("s1", "s2")
        assert corpus.clips[0].text == "hello"
        assert corpus.info.id == "语料 1"
        assert corpus.info.licence.startswith("unknown: ")
        assert corpus.warnings == ()


@pytest.mark.parametrize("encoding", ["gbk", "big5", "utf-16"])
def test_a_manifest_in_the_code_page_of_its_country_is_read_and_said(tmp_path, encoding):
    row = (
        "a.wav,小明,happy,我們今天很高興"
        if encoding == "big5"
        else "a.wav,小明,开心,我们今天很高兴"
    )
    folder = write_manifest(tmp_path / "mine", row)
    manifest = folder / "manifest.csv"
    manifest.write_bytes(manifest.read_text("utf-8").encode(encoding))
    corpus = read_corpus(folder)
    (clip,) = corpus.clips
    assert (clip.speaker, clip.emotion, clip.text) == ("小明", "happy", row.rpartition(",")[2])
    taken = {"gbk": "GB 18030", "big5": "Big5"}.get(encoding)
    said = [note.en for note in corpus.warnings]
    assert len(said) == (taken is not None)
    # No command that reads corpora has --encoding.
    assert all(f"read as {taken}" in each and "save it as UTF-8" in each for each in said)


def test_texts_of_a_corpus_that_are_no_utf_8_are_said_once(tmp_path):
    for name in "abc":
        lay(tmp_path / "mine", f"开心/{name}.wav")
        (tmp_path / "mine" / "开心" / f"{name}.lab").write_bytes("今天很高兴见到你".encode("gbk"))
    corpus = read_corpus(tmp_path / "mine")
    assert {clip.text for clip in corpus.clips} == {"今天很高兴见到你"}
    (note,) = corpus.warnings
    assert note.en.startswith("3 text files are not UTF-8, such as a.lab: read as GB 18030 (GBK)")
    assert note.zh.startswith("有 3 个文本文件不是 UTF-8（如 a.lab）")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, r"manifest\.csv does not exist: a corpus is a folder with a manifest\.csv"),
        ("file,who\nx,y\n", "has no column path, speaker, emotion"),
        ("path,speaker,emotion\n", "lists no clips"),
        ("path,speaker,emotion\nx.wav,,sad\n", "line 2: the field speaker is empty"),
        ("path,speaker,emotion\nx.wav,s1,sad\n", r"x\.wav does not exist"),
        (b"\xff\xfe\x00", r"manifest\.csv is not text in an encoding that can be told"),
    ],
)
def test_a_broken_manifest_is_one_clear_sentence(tmp_path, manifest, message):
    if manifest is not None:
        data = manifest if isinstance(manifest, bytes) else manifest.encode()
        (tmp_path / "manifest.csv").write_bytes(data)
    with pytest.raises(CorpusError, match=message) as caught:
        read_corpus(tmp_path)
    assert caught.value.zh


@pytest.mark.parametrize("label", ["\x1b[31mred", "sad\u202egnip"])
def test_a_label_that_no_head_may_have_is_found_before_the_training(tmp_path, label: str) -> None:
    folder = write_manifest(tmp_path / "mine", "a.wav,s1,sad,", f"b.wav,s2,{label},")
    with pytest.raises(
        CorpusError, match=r"manifest\.csv, line 3: the emotion .* cannot be printed"
    ) as caught:
        read_corpus(folder)
    assert "第 3 行" in caught.value.say("zh")


def test_the_owner_of_a_corpus_says_what_it_is(tmp_path):
    folder = write_manifest(tmp_path / "mine", "a.wav,s1,sad,", "b.wav,s2,happy,")
    (folder / "corpus.yaml").write_text(
        "title: My voices\nlicence: CC BY 4.0\ncitation: me, 2026\nlanguage: de\n", encoding="utf-8"
    )
    credit = read_corpus(folder).credit()
    assert (credit.name, credit.language) == ("My voices", "de")
    assert (credit.licence, credit.citation) == ("CC BY 4.0", "me, 2026")
    assert (credit.n_utterances, credit.n_speakers) == (2, 2)
    (renamed,) = open_corpora([f"studio={folder}"])
    assert (renamed.name, renamed.info.id, renamed.info.title) == ("studio", "studio", "My voices")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("licence: 4", "licence is 4; text was expected"),
        ("non_commercial: maybe", "non_commercial is 'maybe'; true or false was expected"),
        ("lisence: x", "holds lisence; expected some of title"),
        ("[1, 2]", "holds no names with values"),
        ("title: &a x\nlicence: *a", "holds more than names with values"),
        ("title: [x]", "holds more than names with values"),
        ("{", "is not readable YAML"),
        ("title: 2024-13-45", "is not readable YAML"),  # a date that no calendar has
        ("x: " + "y" * 70_000, "larger than 64 kB"),
        ("[" * 60_000, "holds more than names with values"),
    ],
)
def test_a_broken_corpus_yaml_is_one_clear_sentence(tmp_path, text, message):
    write_manifest(tmp_path, "a.wav,s1,sad,")
    (tmp_path / "corpus.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path)


# --- known corpora, by their file names --------------------------------------------------------------

AS_DISTRIBUTED = {
    "emodb": (
        "wav/03a01Fa.wav",
        ("03", "happy", "F", "de", "Der Lappen liegt auf dem Eisschrank.", "male"),
    ),
    "ravdess": (
        "Actor_12/03-01-06-02-02-01-12.wav",
        ("actor12", "fearful", "06", "en", "Dogs are sitting by the door", "female"),
    ),
    "crema-d": (
        "AudioWAV/1001_DFA_ANG_XX.wav",
        ("1001", "angry", "ANG", "en", "Don't forget a jacket", ""),
    ),
    "tess": (
        "TESS Toronto emotional speech set data/YAF_pleasant_surprised/YAF_back_ps.wav",
        ("YAF", "surprised", "ps", "en", "Say the word back", "female"),
    ),
    "savee": ("AudioData/DC/sa04.wav", ("DC", "sad", "sa", "en", "sa04", "male")),
    "emovo": ("f1/gio-f1-b2.wav", ("f1", "happy", "gio", "it", "b2", "female")),
    "esd": (
        "Emotion Speech Dataset/0011/Surprise/0011_001401.wav",
        ("0011", "surprised", "Surprise", "en", "en 001", ""),
    ),
    "nemo": (
        "samples/EB0_sadness_12.wav",
        ("EB0", "sad", "sadness", "pl", "sentence 12", ""),
    ),
    "casia": (
        "CASIA/ZhaoZuoxiang/surprise/203.wav",
        ("zhaozuoxiang", "surprised", "surprise", "zh", "203", "male"),
    ),
}


@pytest.mark.parametrize("corpus_id", AS_DISTRIBUTED)
def test_a_known_corpus_is_recognised_by_its_file_names(tmp_path, corpus_id):
    name, expected = AS_DISTRIBUTED[corpus_id]
    corpus = read_corpus(lay(tmp_path, name))
    (clip,) = corpus.clips
    assert facts(clip) == expected
    assert clip.path == tmp_path / name
    assert corpus.name == corpus_id
    assert corpus.info == KNOWN_CORPORA[corpus_id]
    assert corpus.credit().name.casefold() == corpus_id


@pytest.mark.parametrize("corpus_id", AS_DISTRIBUTED)
def test_a_reader_of_ours_keeps_the_contract(tmp_path, corpus_id):
    folder, _, name = AS_DISTRIBUTED[corpus_id][0].rpartition("/")
    another = {"emodb": "03a02Fa.wav", "ravdess": "03-01-06-02-01-01-12.wav"}.get(corpus_id)
    another = another or {"crema-d": "1002_DFA_ANG_XX.wav", "tess": "YAF_bar_ps.wav"}.get(corpus_id)
    another = another or re.sub(r"\d(?=\D*$)", "5", name)
    check_corpus(corpus_id, lay(tmp_path, f"{folder}/{name}", f"{folder}/{another}"))


@pytest.mark.parametrize("corpus_id", AS_DISTRIBUTED)
def test_no_reader_takes_the_files_of_another_corpus(corpus_id):
    path = Path(AS_DISTRIBUTED[corpus_id][0])
    assert [each for each, reader in CLIP_READERS.items() if reader(path)] == [corpus_id]


@pytest.mark.parametrize(
    ("corpus_id", "names", "emotions"),
    [
        (
            "emodb",
            [f"03a01{letter}b" for letter in "WLEAFTN"],
            "angry bored disgusted fearful happy sad neutral",
        ),
        (
            "ravdess",
            [f"03-01-0{code}-01-01-01-01" for code in range(1, 9)],
            "neutral calm happy sad angry fearful disgusted surprised",
        ),
        (
            "crema-d",
            [f"1091_TSI_{code}_LO" for code in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")],
            "angry disgusted fearful happy neutral sad",
        ),
        (
            "tess",
            [f"OAF_dog_{name}" for name in ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")],
            "angry disgusted fearful happy neutral surprised sad",
        ),
        (
            "savee",
            [f"KL_{code}01" for code in ("a", "d", "f", "h", "n", "sa", "su")],
            "angry disgusted fearful happy neutral sad surprised",
        ),
        (
            "emovo",
            [f"{code}-m3-n5" for code in ("neu", "dis", "gio", "pau", "rab", "sor", "tri")],
            "neutral disgusted happy fearful angry surprised sad",
        ),
        (
            "nemo",
            [f"MK0_{name}_1" for name in ("anger", "fear", "happiness", "neutral", "sadness", "surprised")],
            "angry fearful happy neutral sad surprised",
        ),
    ],
)  # fmt: skip
def test_every_code_of_a_known_corpus_is_understood(corpus_id, names, emotions):
    clips = [CLIP_READERS[corpus_id](Path(f"{name}.wav")) for name in names]
    assert [clip.emotion for clip in clips if clip] == emotions.split()
    assert set(emotions.split()) <= set(EMOTIONS)


@pytest.mark.parametrize(
    ("corpus_id", "name"),
    [
        ("ravdess", "03-02-04-01-01-01-01.wav"),  # a song
        ("ravdess", "01-01-04-01-01-01-01.wav"),  # the video's sound: the same take again
        ("ravdess", "03-01-04-01-01-01-25.wav"),  # there are 24 actors
        ("emodb", "04a01Fa.wav"),
        ("savee", "XX_a01.wav"),
        ("esd", "0011_001401.wav"),  # no folder says which emotion
        ("crema-d", "1001_DFA_BOR_XX.wav"),
    ],
)
def test_other_files_of_a_known_corpus_are_none_of_its_clips(corpus_id, name):
    assert CLIP_READERS[corpus_id](Path(name)) is None


def test_songs_are_passed_over_with_a_word(tmp_path):
    songs = [f"Song/03-02-0{code}-01-01-01-01.wav" for code in (2, 3)]
    speech = [f"Speech/03-01-0{code}-01-01-01-01.wav" for code in (2, 3, 4)]
    corpus = read_corpus(lay(tmp_path, *songs, *speech))
    assert len(corpus.clips) == 3
    assert corpus.warnings[0].en.startswith("2 audio files were passed over, not named like")


def test_a_corpus_that_lies_there_twice_is_read_once(tmp_path):
    # A widespread copy of TESS has all of it again in an inner folder; CREMA-D has MP3 beside WAV.
    tess = lay(tmp_path / "t", "OAF_angry/OAF_back_angry.wav", "again/OAF_angry/OAF_back_angry.wav")
    assert len(read_corpus(tess).clips) == 1
    crema = lay(tmp_path / "c", "AudioMP3/1001_DFA_ANG_XX.mp3", "AudioWAV/1001_DFA_ANG_XX.wav")
    corpus = read_corpus(crema)
    assert [clip.path.suffix for clip in corpus.clips] == [".wav"]
    assert "1 file that lies there twice" in corpus.warnings[0].en


def test_the_misnamed_file_of_tess_has_its_speaker():
    clip = CLIP_READERS["tess"](Path("OAF_neutral/OA_bite_neutral.wav"))
    assert clip is not None
    assert clip.speaker == "OAF"


def test_sentences_that_every_emotion_shares_are_one_text_in_savee():
    texts = {CLIP_READERS["savee"](Path(f"JE_{code}02.wav")).text for code in ("a", "su", "n")}  # type: ignore[union-attr]
    assert texts == {"common 02"}


def test_casia_tells_own_texts_from_shared_ones():
    shared = CLIP_READERS["casia"](Path("相同文本300/liuchanhg/angry/201.wav"))
    own = CLIP_READERS["casia"](Path("不同文本100/Chang.Liu/angry/201.wav"))
    assert shared is not None
    assert own is not None
    assert (shared.text, own.text) == ("201", "angry 201")
    assert shared.speaker == own.speaker == "liuchanhg"


def test_tables_beside_a_corpus_add_texts_and_genders(tmp_path):
    crema = lay(tmp_path / "c", "AudioWAV/1001_DFA_ANG_XX.wav")
    (crema / "VideoDemographics.csv").write_text(
        "ActorID,Age,Sex\n1001,51,Male\n", encoding="utf-8"
    )
    assert read_corpus(crema).clips[0].gender == "male"
    nemo = lay(tmp_path / "n", "samples/EB0_fear_1.wav")
    (nemo / "data.tsv").write_text(
        'file_id\temotion\traw_text\tgender\nEB0_fear_1.wav\tfear\tMówi "tak.\tfemale\n',
        encoding="utf-8",
    )
    for folder in (nemo, nemo / "samples"):
        (clip,) = read_corpus(folder).clips
        assert (clip.text, clip.gender) == ('Mówi "tak.', "female")
    esd = lay(tmp_path / "e", "0001/Sad/0001_001060.wav")
    (esd / "0001" / "0001.txt").write_bytes(
        "0001_001060\t打远一看，它们的确很是美丽\t伤心\n".encode("gb18030")
    )
    assert read_corpus(esd).clips[0].text == "打远一看，它们的确很是美丽"


def iemocap(root: Path) -> Path:
    inside = "Session1/sentences/wav/Ses01F_impro01"
    names = [f"{inside}/Ses01F_impro01_{turn}.wav" for turn in ("F000", "M000", "M001", "F001")]
    lay(root, *names, "Session1/dialog/wav/Ses01F_impro01.wav")
    verdicts = (
        "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n"
        "[10.0100 - 11.3925]\tSes01F_impro01_M000\texc\t[2.5000, 2.5000, 2.5000]\n"
        "[14.8872 - 18.0175]\tSes01F_impro01_M001\txxx\t[2.5000, 2.5000, 2.5000]\n"
    )
    lay(root, "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt", text=verdicts)
    lay(root, "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt", text="\0")
    lines = "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n"
    lay(root, "Session1/dialog/transcriptions/Ses01F_impro01.txt", text=lines)
    return root


def test_iemocap_takes_its_emotions_from_the_listeners(tmp_path):
    corpus = read_corpus(iemocap(tmp_path / "IEMOCAP_full_release"))
    assert [facts(clip) for clip in corpus.clips] == [
        ("Ses01F", "neutral", "neu", "en", "Excuse me.", "female"),
        ("Ses01M", "excited", "exc", "en", "", "male"),
    ]
    said = [warning.en for warning in corpus.warnings]
    assert any(
        each.startswith("2 utterances were passed over: the listeners did not agree")
        for each in said
    )


def test_iemocap_without_its_verdicts_says_what_is_missing(tmp_path):
    lay(tmp_path, "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav")
    with pytest.raises(CorpusError, match=r"copy SessionN/dialog/EmoEvaluation/\*\.txt"):
        read_corpus(tmp_path)


def test_a_layout_that_is_asked_for_is_not_guessed(tmp_path):
    lay(tmp_path, "angry/a.wav", "sad/b.wav")
    assert read_corpus(tmp_path, layout="folders").emotions == ("angry", "sad")
    with pytest.raises(
        CorpusError, match=r"none of the 2 audio files .* is named as EmoDB names its clips"
    ):
        read_corpus(tmp_path, layout="emodb")
    with pytest.raises(CorpusError, match="there is no layout 'zip'; expected one of auto"):
        read_corpus(tmp_path, layout="zip")
    with pytest.raises(CorpusError, match=r"holds 0 files that end in \.list"):
        read_corpus(tmp_path, layout="list")
    with pytest.raises(CorpusError, match="there is no folder"):
        read_corpus(tmp_path / "nowhere")


def test_licences_are_said_for_every_known_corpus():
    for corpus_id, info in KNOWN_CORPORA.items():
        assert info.id == corpus_id == info.title.casefold()
        assert info.licence
        assert info.citation
        assert info.url.startswith("http")
        assert info.non_commercial or not info.licence.startswith(("see URL", "CC BY-NC"))
    # the one lies in tables, the other has names that anybody might give
    assert set(KNOWN_CORPORA) - set(CLIP_READERS) == {"csemotions", "marco-voice"}
    assert set(CLIP_READERS) < set(KNOWN_CORPORA)


@pytest.mark.corpus
@pytest.mark.parametrize("corpus_id", ["emodb", "ravdess", "nemo"])
def test_names_say_what_the_manifest_of_the_real_corpus_says(corpora_dir, tmp_path, corpus_id):
    told = read_corpus(corpora_dir / corpus_id)
    for clip in told.clips:
        (tmp_path / clip.path.name).symlink_to(clip.path)
    read = {clip.path.name: clip for clip in read_corpus(tmp_path).clips}
    assert len(read) == len(told.clips)
    fields = ["speaker", "emotion", "language"]
    fields += ["text", "gender", "intensity"] if corpus_id != "nemo" else []
    for clip in told.clips:
        own = read[clip.path.name]
        assert [getattr(own, field) for field in fields] == [
            getattr(clip, field) for field in fields
        ]
    texts = {(clip.text, read[clip.path.name].text) for clip in told.clips}
    assert len(texts) == len({text for text, _ in texts}) == len({code for _, code in texts})


# --- a folder per emotion ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "speakers"),
    [
        (["愤怒/1.wav", "开心/1.wav", "傲娇/2.wav"], {"c"}),
        (["ann/愤怒/1.wav", "bob/开心/1.wav", "bob/傲娇/2.wav"], {"ann", "bob"}),
        (["愤怒/ann/1.wav", "开心/bob/1.wav", "傲娇/bob/2.wav"], {"ann", "bob"}),
    ],
)
def test_a_folder_per_emotion_is_read_with_its_speakers(tmp_path, names, speakers):
    corpus = read_corpus(lay(tmp_path / "c", *names))
    assert set(corpus.emotions) == {"angry", "happy", "傲娇"}
    assert {clip.label for clip in corpus.clips} == {"愤怒", "开心", "傲娇"}
    assert set(corpus.speakers) == speakers
    assert corpus.name == "c"


def test_texts_beside_clips_are_read_and_stray_files_named(tmp_path):
    lay(tmp_path, "sad/1.wav", "angry/1.wav", "默认/1.wav", "stray.wav", "sad/.hidden.wav")
    (tmp_path / "sad" / "1.lab").write_text("good bye\n", encoding="utf-8")
    corpus = read_corpus(tmp_path)
    assert {clip.emotion: clip.text for clip in corpus.clips} == {"sad": "good bye", "angry": ""}
    said = " ".join(warning.en for warning in corpus.warnings)
    assert "in no folder of an emotion (stray.wav)" in said
    assert "fallback slot" in said


def test_folders_that_name_no_emotion_are_no_corpus(tmp_path):
    lay(tmp_path, "disc1/1.wav", "disc2/1.wav")
    with pytest.raises(CorpusError, match="2 audio files of no such layout found"):
        read_corpus(tmp_path)
    with pytest.raises(
        CorpusError, match=r"no folder in .* is named after an emotion \(found disc1, disc2\)"
    ):
        read_corpus(tmp_path, layout="folders")


# --- training lists ----------------------------------------------------------------------------------


def tagged(text: str, label: str, *, by_hand: bool = False) -> TaggedSegment:
    scores = EmotionScores(
        {"sad": 0.6, "happy": 0.4}, "sad" if by_hand else label, (), Sentence("x", "x")
    )
    return TaggedSegment(
        Segment(0.0, 1.0, text, "en"), scores, corrected_label=label if by_hand else None
    )


def transcript_of(*segments: TaggedSegment) -> TaggedTranscript:
    info = RecordingInfo("talk.wav", 9.0, 16_000, 1, -20.0, 0.0)
    return TaggedTranscript(
        info, segments, "en", "x", "h", Sentence("h", "h"), "global", Sentence("", "")
    )


def test_the_six_field_variant_carries_its_emotions(tmp_path):
    lay(tmp_path, "a.wav", "b.wav")
    (tmp_path / "v.list").write_text(
        "output\\x\\a.wav|ann|ZH|你好|愤怒|\r\nb.wav|bob|EN|hi|happy|loud\r\nc.wav|bob|EN|ho||\r\n",
        encoding="utf-8",
    )
    for named in (tmp_path, tmp_path / "v.list"):
        corpus = read_corpus(named)
        assert [facts(clip)[:5] for clip in corpus.clips] == [
            ("ann", "angry", "愤怒", "zh", "你好"),
            ("bob", "happy", "happy", "en", "hi"),
        ]
        assert corpus.clips[0].path == tmp_path / "a.wav"
        assert [warning.en for warning in corpus.warnings] == [
            "1 row has no emotion in v.list: passed over"
        ]


def test_a_table_of_emotions_lies_beside_a_list(tmp_path):
    lay(tmp_path / "clips", "a.wav", "b.wav")
    (tmp_path / "v.list").write_text("clips/a.wav|s|zh|一\nclips/b.wav|s|zh|二\n", encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"carries no emotions, and beside it there is no v\.emotions\.csv"
    ):
        read_corpus(tmp_path / "v.list")
    (tmp_path / "v.emotions.csv").write_text(
        "path,emotion\na.wav,sad\nb.wav,默认\n", encoding="utf-8"
    )
    corpus = read_corpus(tmp_path / "v.list")
    assert [(clip.path.name, clip.emotion) for clip in corpus.clips] == [("a.wav", "sad")]
    (tmp_path / "v.emotions.csv").write_text("file,emotion\na.wav,sad\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"v\.emotions\.csv has no column path"):
        read_corpus(tmp_path / "v.list")
    (tmp_path / "v.emotions.csv").write_text("path,emotion\n" + "x" * 200_000 + ",sad\n")
    with pytest.raises(CorpusError, match=r"v\.emotions\.csv cannot be read as a CSV table"):
        read_corpus(tmp_path / "v.list")


@pytest.mark.parametrize("ending", ["json", "csv"])
@pytest.mark.parametrize("where", [".", ".."])
def test_our_tagged_transcript_beside_a_list_says_its_emotions(tmp_path, ending, where):
    folder = tmp_path / "talk-list"
    said = transcript_of(
        tagged("one | 1", "sad"),
        tagged("", "happy"),
        tagged("same", "happy", by_hand=True),
        tagged("same", "sad"),
        tagged("quiet", "unsure"),
    )
    names = [f"clips/{number:03d}.wav" for number in range(1, 6)]
    lay(folder, *names)
    write(said, folder / "talk.list", clip_paths=names, speaker="ada")
    write(said, folder / where / f"talk.{ending}")
    corpus = read_corpus(folder / "talk.list")
    assert [(clip.path.name, clip.emotion, clip.speaker) for clip in corpus.clips] == [
        ("001.wav", "sad", "ada"),
        ("003.wav", "happy", "ada"),
        ("004.wav", "sad", "ada"),
    ]
    warnings = [warning.en for warning in corpus.warnings]
    assert warnings[0].startswith("1 row has no emotion in talk.")
    assert warnings[1].startswith("2 of 3 labels were set by a head and not by a person")


def test_rows_that_cannot_be_told_apart_are_passed_over(tmp_path):
    lay(tmp_path, "1.wav", "2.wav")
    said = transcript_of(tagged("same", "happy"), tagged("same", "sad"), tagged("other", "sad"))
    write(said, tmp_path / "talk.json")
    (tmp_path / "talk.list").write_text("1.wav|a|en|same\n2.wav|a|en|other\n", encoding="utf-8")
    corpus = read_corpus(tmp_path / "talk.list")
    assert [clip.path.name for clip in corpus.clips] == ["2.wav"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "has no row"),
        ("a.wav|s|en\n", "row 1 has 3 fields"),
        ("gone.wav|s|en|x|sad|\n", r"the audio of no tagged row was found, such as gone\.wav"),
        ("a.wav|s|en|x|unsure|\n", "its only row has no emotion"),
    ],
)
def test_a_list_that_is_of_no_use_says_why(tmp_path, text, message):
    lay(tmp_path, "a.wav")
    (tmp_path / "v.list").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path / "v.list")


def test_a_damaged_sidecar_is_one_sentence(tmp_path):
    lay(tmp_path, "a.wav")
    (tmp_path / "v.list").write_text("a.wav|s|en|x\n", encoding="utf-8")
    (tmp_path / "v.json").write_text(json.dumps({"format": "other"}), encoding="utf-8")
    with pytest.raises(CorpusError, match="is of the format 'other'"):
        read_corpus(tmp_path)


def test_another_file_is_no_corpus(tmp_path):
    lay(tmp_path, "a.zip")
    with pytest.raises(CorpusError, match="is a file; expected the folder of a corpus"):
        read_corpus(tmp_path / "a.zip")


# --- several corpora ---------------------------------------------------------------------------------


def two(tmp_path: Path) -> list[str]:
    emodb = lay(tmp_path / "wav", "03a01Fa.wav", "03a01Wa.wav", "08a01Na.wav")
    own = lay(tmp_path / "own", "ann/happy/1.wav", "ann/傲娇/1.wav")
    return [f"Emo-DB={emodb}", f"studio={own}"]


def test_corpora_are_named_as_on_the_command_line(tmp_path):
    emodb, studio = open_corpora(two(tmp_path))
    assert (emodb.name, studio.name) == ("emodb", "studio")
    assert emodb.info.title == "EmoDB"
    assert (studio.info.id, studio.info.title) == ("studio", "studio")
    (renamed,) = open_corpora([f"berlin={tmp_path / 'wav'}"])
    assert (renamed.name, renamed.info.id) == ("berlin", "emodb")


def test_a_known_name_takes_a_manifest_where_there_is_one(tmp_path):
    write_manifest(tmp_path / "data", "x.wav,s1,anger,Lubię.")
    (corpus,) = open_corpora([f"nemo={tmp_path / 'data'}"])
    assert (corpus.name, corpus.info.title, corpus.clips[0].text) == ("nemo", "nEMO", "Lubię.")


def test_a_manifest_of_a_known_corpus_keeps_its_licence(tmp_path):
    write_manifest(tmp_path / "data", "03a01Fa.flac,03,happy,", "08a01Na.flac,08,neutral,")
    assert read_corpus(tmp_path / "data").info.id == "emodb"
    with pytest.raises(CorpusError, match="is EmoDB by its files or its name, not RAVDESS"):
        open_corpora([f"ravdess={tmp_path / 'data'}"])


def test_a_known_name_forces_its_reader(tmp_path):
    lay(tmp_path, "angry/1.wav", "sad/1.wav")
    with pytest.raises(CorpusError, match="is named as RAVDESS names its clips"):
        open_corpora([f"ravdess={tmp_path}"])


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([], "no corpus was named"),
        (["a/b=x"], "'a/b=x' is not NAME=DIR"),
        (["mine="], "'mine=' is not NAME=DIR"),
        (["mine=no-such-folder"], "there is no folder no-such-folder"),
    ],
)
def test_what_cannot_be_opened_is_said(named, message):
    with pytest.raises(CorpusError, match=message):
        open_corpora(named)


def test_two_corpora_of_one_name_are_refused(tmp_path):
    emodb, _ = two(tmp_path)
    with pytest.raises(CorpusError, match="two corpora are called 'emodb'"):
        open_corpora([emodb, emodb])


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path):
    folder = lay(tmp_path / "a=b", "happy/1.wav", "sad/1.wav")
    assert open_corpora([str(folder)])[0].name == "a=b"


def test_merged_speakers_carry_their_corpus(tmp_path):
    corpora = open_corpora(two(tmp_path))
    merged = merge(corpora, labels=None)
    assert merged.name == "emodb+studio"
    assert merged.speakers == ("emodb/03", "emodb/08", "studio/ann")
    assert {clip.corpus for clip in merged.clips} == {"emodb", "studio"}
    assert merged.info.title == "EmoDB + studio"
    assert "unknown" in merged.info.licence
    chosen = merge(corpora, labels=["joy", "ANGER"])
    assert chosen.emotions == ("angry", "happy")
    assert len(chosen.clips) == 3
    with pytest.raises(
        CorpusError, match="no clip has one of the labels bored; the corpora have angry, happy"
    ):
        merge(corpora, labels=["bored"])
    with pytest.raises(CorpusError, match="give each a name of its own"):
        merge([corpora[0], corpora[0]], labels=None)
    with pytest.raises(CorpusError, match="no corpus was given"):
        merge([], labels=None)


def test_a_head_on_any_non_commercial_corpus_is_non_commercial(tmp_path):
    emodb = lay(tmp_path / "e", "03a01Fa.wav")
    nemo = lay(tmp_path / "n", "EB0_fear_1.wav")
    merged = merge(open_corpora([str(emodb), str(nemo)]), labels=None)
    assert merged.info.non_commercial
    assert merged.info.language == "de, pl"


def test_the_label_table_says_how_labels_are_understood(tmp_path):
    rows = label_table(open_corpora(two(tmp_path)), ["happy", "angry"])
    shown = [
        (row.corpus, row.written, row.emotion, row.known, row.kept, row.n_clips) for row in rows
    ]
    assert shown == [
        ("emodb", "N", "neutral", True, False, 1),
        ("emodb", "F", "happy", True, True, 1),
        ("emodb", "W", "angry", True, True, 1),
        ("studio", "happy", "happy", True, True, 1),
        ("studio", "傲娇", "傲娇", False, False, 1),
    ]


def test_names_of_known_corpora_are_spelt_freely():
    for name in ("CREMA-D", "cremad", "crema_d", "Crema D"):
        info = known_corpus(name)
        assert info is not None
        assert info.id == "crema-d"
    assert known_corpus("studio") is None


# --- corpora to train on and not to test on, and whose terms must be named --------------------------


@pytest.mark.parametrize("named", ["marco_voice", "marco-voice=marco_voice", "MarcoVoice=clips"])
def test_synthetic_speech_is_known_by_name_and_is_no_test_set(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    write_manifest(tmp_path / "marco_voice", "a.flac,s1,angry,", "b.flac,s2,sad,")
    lay(tmp_path / "clips", "angry/1.wav", "sad/2.wav")
    (corpus,) = open_corpora([named])
    assert corpus.train_only
    reason = corpus.train_only_reason()
    assert reason is not None
    assert reason.en == (
        f"{corpus.name} is for training only, never a test set: its clips are outputs of a speech synthesis"
    )
    assert reason.zh == f"{corpus.name} 仅供训练，不作测试集：其片段由语音合成生成"
    assert (corpus.info.licence, corpus.info.made_from) == ("Apache-2.0", "csemotions")
    assert corpus.credit().name == "Marco-Voice"
    assert corpus.credit().citation.endswith("the clips are outputs of that speech synthesis")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("train_only: true", "its description says so"),
        ("synthetic: true\nlicence: CC0", "its clips are outputs of a speech synthesis"),
        ("train_only: false", None),
    ],
)
def test_anybody_may_say_that_a_corpus_is_no_test_set(tmp_path, written, reason):
    write_manifest(tmp_path / "mine", "a.wav,s1,angry,", "b.wav,s2,sad,")
    (tmp_path / "mine" / "corpus.yaml").write_text(written)
    corpus = read_corpus(tmp_path / "mine")
    sentence = corpus.train_only_reason()
    assert (sentence and sentence.en) == (
        reason and f"mine is for training only, never a test set: {reason}"
    )
    assert corpus.train_only == (reason is not None)


def test_merged_with_others_it_is_an_ordinary_corpus(tmp_path):
    write_manifest(tmp_path / "marco-voice", "a.wav,s1,angry,", "b.wav,s2,sad,")
    write_manifest(tmp_path / "mine", "a.wav,s1,angry,", "b.wav,s2,bored,")
    corpora = open_corpora([str(tmp_path / name) for name in ("marco-voice", "mine")])
    merged = merge(corpora, labels=None)
    assert merged.emotions == ("angry", "bored", "sad")
    assert not merged.train_only
    assert merge(corpora[:1], labels=None).train_only


def test_a_head_names_the_terms_of_all_its_corpora(tmp_path):
    crema_d = lay(tmp_path / "c", "1001_DFA_HAP_XX.wav", "1002_DFA_SAD_XX.wav")
    write_manifest(tmp_path / "marco-voice", "a.wav,s1,angry,", "b.wav,s2,sad,")
    ravdess = lay(tmp_path / "r", "03-01-06-01-02-01-12.wav")
    free = open_corpora([str(crema_d), str(tmp_path / "marco-voice")])
    terms = "CREMA-D: ODbL 1.0 for the database, DbCL 1.0 for its contents; Marco-Voice: Apache-2.0"
    assert licence_of(free) == terms
    assert not merge(free, labels=None).info.non_commercial
    assert licence_of([*free, *open_corpora([str(ravdess)])]) == (
        f"for non-commercial use only ({terms}; RAVDESS: CC BY-NC-SA 4.0)"
    )
