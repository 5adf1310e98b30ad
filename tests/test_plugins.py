"""What other packages add is found, used by its name, and told in a sentence where it is broken."""

from __future__ import annotations

import json
import logging
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import REPOSITORY, voiced
from plugged import FAKES, distribution
from test_cli import run

import gpt_sovits_emotion as gse
from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.api_v2 import ApiV2Backend
from gpt_sovits_emotion.backends.opening import open_backend, open_named
from gpt_sovits_emotion.banks import export_bank, load_bank
from gpt_sovits_emotion.cli.backends import speaker_for
from gpt_sovits_emotion.cli.settings import SpeakingSettings
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import (
    BackendError,
    CorpusError,
    EncoderError,
    HeadMismatchError,
    PluginError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.own_plugins import OWN
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders import borrowed_by, open_encoder, parse_encoder_id
from gpt_sovits_emotion.engines import open_engines
from gpt_sovits_emotion.testing import (
    FAKE_LABELS,
    FakeBackend,
    FakeBankLayout,
    FakeCorpus,
    FakeEncoder,
    FakeFormat,
    FakeTranscriber,
    check_backend,
    check_bank_layout,
    check_corpus,
    check_encoder,
    check_format,
    check_transcriber,
    make_fake_head,
)
from gpt_sovits_emotion.training.corpora import open_corpora, read_corpus
from gpt_sovits_emotion.transcripts import read_transcript, writable_formats

OURS = [(group, name) for group in OWN for name in OWN[group]]
Plug = Callable[..., None]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Return what installs a distribution for one test."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install(name: str, entries: dict[str, dict[str, str]], **more: str) -> None:
        distribution(site, name, entries, **more)
        registry.forget()

    registry.forget()
    yield install
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(site) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]
    registry.forget()


@pytest.fixture
def fakes(plug: Plug) -> None:
    """Install a package that registers every fake under the name ``fake``."""
    where = "gpt_sovits_emotion.testing"
    plug("fakes", {group: {"fake": f"{where}:{made}"} for group, made in FAKES.items()})


@pytest.fixture
def told() -> Iterator[list[str]]:
    """Collect what is told of plug-ins."""
    problems: list[Sentence] = []
    english: list[str] = []

    def tell(problem: Sentence) -> None:
        problems.append(problem)
        english.append(problem.en)

    with registry.tell_with(tell):
        yield english
    assert all(re.search("[\u4e00-\u9fff]", problem.zh) for problem in problems)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Clips named as the fake corpus names them."""
    for speaker in range(4):
        for number, emotion in enumerate(("anger", "sad", "neutral") * 4):
            level = {"anger": 0.3, "sad": 0.05, "neutral": 0.12}[emotion]
            clip = voiced(0.6, f0_hz=120 + 20 * speaker, level=level * (1 + 0.05 * (number // 3)))
            path = tmp_path / "toys" / f"s{speaker}_{emotion}_{number:02d}.wav"
            write_wav(path, Audio(clip, 16_000))
    return tmp_path / "toys"


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "talk.wav", voiced(4.0), 16_000, subtype="FLOAT")
    return tmp_path / "talk.wav"


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A bank in a folder per emotion."""
    for number, emotion in enumerate(("happy", "sad", "neutral")):
        clip = Audio(voiced(3.5, f0_hz=110 + 25 * number), 16_000)
        write_wav(tmp_path / "voice" / emotion / "one.wav", clip)
        (tmp_path / "voice" / emotion / "one.lab").write_text(f"words number {number}")
    return tmp_path / "voice"


# --- ours -------------------------------------------------------------------------------------------


def test_every_entry_of_ours_is_there() -> None:
    assert set(OWN) == set(registry.GROUPS)
    for group, name in OURS:
        assert registry.load(group, name) is not None
        plugin = registry.find(group, name)
        assert plugin is not None
        assert plugin.is_ours
    assert registry.load("formats", "rich-text").endings == (".rich.txt",)


def test_our_distribution_registers_what_is_found_without_it(monkeypatch) -> None:
    """One table serves a checkout on ``sys.path`` and ``setup.py``."""
    import setuptools

    given: dict[str, object] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
    runpy.run_path(str(REPOSITORY / "setup.py"))
    registered = {
        (group.removeprefix(registry.PREFIX), *entry.split(" = "))
        for group, entries in given["entry_points"].items()
        if group.startswith(registry.PREFIX)
        for entry in entries
    }
    assert registered == {(group, name, OWN[group][name]) for group, name in OURS}


def test_our_own_distribution_adds_nothing_twice(plug: Plug, told: list[str]) -> None:
    plug("gpt_sovits_emotion", {"formats": {"srt": "gone:srt", "old": "gone:old"}})
    assert registry.names("formats") == tuple(OWN["formats"])
    assert told == []


def test_nothing_is_imported_before_it_is_named(plug: Plug) -> None:
    plug("far", {group: {"far": "far_away:thing"} for group in OWN}, far_away="raise SystemExit(3)")
    assert "far" in registry.names("encoders")
    assert parse_encoder_id("prosody").id == "prosody"
    assert "far_away" not in sys.modules


def test_help_reads_no_entry_points(tmp_path: Path) -> None:
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        "try: runpy.run_module('gpt_sovits_emotion', run_name='__main__')\n"
        "except SystemExit: print('gpt_sovits_emotion.core.registry' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.splitlines()[-1] == "False"


# --- what is broken ----------------------------------------------------------------------------------

WRONG = {
    "cannot be imported": (
        {"formats": {"mine": "no_such_module:format"}},
        "the transcript format 'mine' of gse-mine 1.0 is left out: it cannot be imported "
        r"\(ModuleNotFoundError: No module named 'no_such_module'\); update or uninstall that package",
    ),
    "has no such object": (
        {"formats": {"mine": "mine:nothing"}},
        r"'mine' of gse-mine 1.0 is left out: it cannot be imported \(AttributeError: .*'nothing'\)",
    ),
    "ends the process": (
        {"formats": {"mine": "leaves:format"}},
        r"'mine' of gse-mine 1.0 is left out: it cannot be imported \(SystemExit: 3\)",
    ),
    "lacks something": (
        {"formats": {"mine": "mine:thing"}},
        "'mine' of gse-mine 1.0 is left out: it has no endings, read or to_text; update or uninstall",
    ),
    "cannot be called": (
        {"transcribers": {"mine": "mine:thing"}},
        "the transcriber 'mine' of gse-mine 1.0 is left out: it cannot be called",
    ),
}


@pytest.mark.parametrize(("entries", "said"), WRONG.values(), ids=WRONG)
def test_a_broken_plug_in_is_one_sentence(plug: Plug, entries, said: str) -> None:
    plug("gse-mine", entries, mine="thing = 3", leaves="import sys; sys.exit(3)")
    (group,) = entries
    for _ in range(2):  # and the same the second time
        with pytest.raises(PluginError, match=said) as caught:
            registry.load(group, "mine")
        assert "gse-mine 1.0" in caught.value.say("zh")
    assert "mine" in registry.names(group)


UNFIT = {
    "ours": (
        {"formats": {"srt": "mine:thing"}},
        "the transcript format 'srt' of gse-mine 1.0 is left out: that name is taken by our own",
    ),
    "no group": (
        {"colours": {"mine": "mine:thing"}},
        "the plug-in 'mine' of gse-mine 1.0 is left out: there is no group gpt_sovits_emotion.colours",
    ),
    "no name": (
        {"encoders": {"a+b": "mine:thing"}},
        "the encoder 'a\\+b' of gse-mine 1.0 is left out: a name has letters, digits",
    ),
    "no object": (
        {"encoders": {"mine": "mine"}},
        "the encoder 'mine' of gse-mine 1.0 is left out: 'mine' is not module:object",
    ),
}


@pytest.mark.parametrize(("entries", "said"), UNFIT.values(), ids=UNFIT)
def test_what_cannot_be_registered_is_told_once(
    plug: Plug, told: list[str], entries, said: str
) -> None:
    plug("gse-mine", {**entries, "backends": {"good": "mine:thing"}}, mine="thing = print")
    assert "good" in registry.names("backends")  # what else the package adds goes on
    registry.names("formats")
    assert len(told) == 1
    assert re.match(said, told[0])


def test_two_packages_of_one_name_are_both_left_out(plug: Plug, told: list[str]) -> None:
    plug("gse-one", {"formats": {"mine": "one:thing"}})
    plug("gse-two", {"formats": {"mine": "two:thing"}, "corpora": {"toys": "two:toys"}})
    assert registry.names("formats") == tuple(OWN["formats"])
    assert registry.names("corpora") == (*OWN["corpora"], "toys")
    assert told == [
        "the transcript format 'mine' is left out: gse-one 1.0 and gse-two 1.0 both have one of that name; "
        "uninstall one of them"
    ]
    with pytest.raises(
        PluginError, match="there is no transcript format 'mine'; expected one of json"
    ):
        registry.load("formats", "mine")


def test_half_a_distribution_disturbs_nobody(plug: Plug, fakes: None, tmp_path: Path) -> None:
    half = tmp_path / "site" / "half-1.0.dist-info"
    half.mkdir()
    (half / "entry_points.txt").write_bytes(b"[gpt_sovits_emotion.formats\n\xff=\x00")
    registry.forget()
    assert "fake" in registry.names("formats")


def test_without_a_listener_it_is_a_warning_in_the_log(plug: Plug, caplog) -> None:
    plug("gse-mine", {"formats": {"mine": "no_such_module:format"}})
    with caplog.at_level(logging.WARNING):
        assert "mine" not in writable_formats()
        writable_formats()
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "the transcript format 'mine' of gse-mine 1.0 is left out"
    )


def test_who_recognises_by_failing_is_left_out(plug: Plug, told: list[str], voice: Path) -> None:
    source = "class Layout:\n    def recognises(self, path): return 1 / 0\n    def read(self, path): pass\n"
    plug("gse-mine", {"bank_layouts": {"mine": "mine_layout:Layout"}}, mine_layout=source)
    assert load_bank(voice).layout == "folders"
    assert load_bank(voice).layout == "folders"
    (said,) = told
    assert "the bank layout 'mine' of gse-mine 1.0 failed at looking at" in said
    assert "ZeroDivisionError" in said


def test_only_the_one_that_failed_is_blamed(plug: Plug) -> None:
    source = "def fails(call):\n    call()\n    {}['x']\n"
    plug("gse-mine", {"transcribers": {"mine": "failing:fails"}}, failing=source)
    fails = registry.load("transcribers", "mine")

    def ours() -> None:
        raise KeyError("ours")

    doing = Sentence("its work", "运行")
    with (
        pytest.raises(PluginError, match=r"of gse-mine 1\.0 failed at its work \(KeyError: 'x'\)"),
        registry.blamed(doing=doing),
    ):
        fails(lambda: None)
    # what our own code raises when a plug-in calls it is not the plug-in's fault
    ours.__globals__["__name__"], before = "gpt_sovits_emotion.fake", ours.__globals__["__name__"]
    try:
        with pytest.raises(KeyError, match="ours"), registry.blamed(doing=doing):
            fails(ours)
    finally:
        ours.__globals__["__name__"] = before


# --- encoders ----------------------------------------------------------------------------------------

LAYERED = """
import numpy as np
from gpt_sovits_emotion.encoders import EncoderName, layers_in

class Encoder:
    sampling_rate_hz, frame_rate_hz, input_scaling = 16_000, 100.0, "none"
    def __init__(self, name): self.id, self.dim, self.fingerprint = name.id, 2 * len(name.layers), name.id
    def encode(self, audios):
        rows = [[len(a.samples), a.samples.std()] * (self.dim // 2) for a in audios]
        return np.array(rows, np.float32).reshape(len(audios), self.dim)

class Mine:
    sized = True
    opened = 0
    def parse(self, encoder_id):
        return EncoderName(encoder_id.partition(":")[0], layers_in(encoder_id, "Mine", 12))
    def borrows(self, name): return "hubert" if name.family == "mine-big" else ""
    def open(self, name, loaded):
        self.opened += 1
        return Encoder(name)
"""


def test_a_strangers_family_is_named_and_fused_as_ours(plug: Plug) -> None:
    plug("gse-mine", {"encoders": {"mine": "mine_encoders:Mine"}}, mine_encoders=LAYERED)
    assert parse_encoder_id("mine:4,5").id == "mine:4-5"
    assert parse_encoder_id("prosody+mine-big:2").families == ("prosody", "mine-big")
    with pytest.raises(
        EncoderError, match=r"which layers of Mine .*: mine:6, mine:4-9 or mine:4,6,9"
    ):
        parse_encoder_id("mine")
    with pytest.raises(
        EncoderError, match="fuses mine with itself: name all its layers in one part"
    ):
        parse_encoder_id("mine:1+mine:2")
    assert borrowed_by("mine-big:1+mine:2") == {"hubert"}
    first = open_encoder("mine:1-3", None)
    assert open_encoder("mine:1-3", None) is first  # opened once
    check_encoder("mine:2")


def test_a_name_that_only_begins_like_a_familys_is_none(plug: Plug, fakes: None) -> None:
    for wrong in ("fake-large", "prosody-x", "hubert-large:3"):
        with pytest.raises(EncoderError, match=f"there is no encoder '{wrong}'.*fake"):
            parse_encoder_id(wrong)


def test_a_head_of_an_encoder_that_nobody_adds_says_what_to_do(plug: Plug, tmp_path: Path) -> None:
    folder = make_fake_head(tmp_path / "fake-head")
    with pytest.raises(
        HeadMismatchError, match="'fake', which no package here adds; install the one"
    ):
        open_engines(head=folder)


def test_a_head_of_a_strangers_encoder_is_used(fakes: None, tmp_path: Path, talk: Path) -> None:
    folder = make_fake_head(tmp_path / "fake-head")
    result = gse.load(folder, transcriber="fake").annotate(talk)
    assert len(result.segments) == 2
    assert all(set(each.scores.probabilities) == set(FAKE_LABELS) for each in result.segments)


def test_a_failing_encoder_is_one_sentence(capsys, plug: Plug, tmp_path: Path, talk: Path) -> None:
    source = (
        "from gpt_sovits_emotion.testing import FakeEncoder, FakeEncoders\n"
        "class Encoder(FakeEncoder):\n    def encode(self, audios): return {}['weights']\n"
        "class Mine(FakeEncoders):\n    def open(self, name, loaded): return Encoder()\n"
    )
    plug("gse-mine", {"encoders": {"fake": "mine_failing:Mine"}}, mine_failing=source)
    folder = make_fake_head(tmp_path / "fake-head")
    talk.with_suffix(".srt").write_text("1\n00:00:00,500 --> 00:00:03,000\nwords\n")
    arguments = ["--head", folder, "--transcript", talk.with_suffix(".srt")]
    code, _, err = run(capsys, "annotate", talk, *arguments)
    assert code == 1
    assert (
        "the encoder 'fake' of gse-mine 1.0 failed at embedding segments (KeyError: 'weights')"
        in err
    )


# --- backends ----------------------------------------------------------------------------------------


def test_a_backend_is_opened_by_name_address_and_options(fakes: None) -> None:
    assert open_backend("fake").limits.languages == {"en", "zh"}
    assert open_backend("fake+http://127.0.0.1:9").address == "http://127.0.0.1:9"
    assert open_named("fake", options={"languages": "de,fr"}).limits.languages == {"de", "fr"}
    assert open_backend("http://127.0.0.1:9").url == "http://127.0.0.1:9"
    assert open_backend("api_v2+http://127.0.0.1:9").url == "http://127.0.0.1:9"
    with pytest.raises(
        PluginError, match="there is no backend 'nobody'; expected one of embedded, api_v2"
    ):
        open_backend("nobody")
    with pytest.raises(
        BackendError, match=r"'fake' cannot be opened so .*'volume'.*are languages, address"
    ):
        open_named("fake", options={"volume": "3"})
    with pytest.raises(BackendError, match="timeout_s is 'soon'; a number of seconds"):
        open_named("api_v2", options={"timeout_s": "soon"})


def test_say_with_a_strangers_backend(capsys, fakes: None, voice: Path, tmp_path: Path) -> None:
    arguments = ["say", voice, "[happy] What a day!", "--whisper", "none", "--json"]
    out = tmp_path / "said"
    code, stdout, _ = run(
        capsys, *arguments, "--out", out, "--backend", "fake", "--backend-option", "languages=en"
    )
    assert code == 0
    assert json.loads(stdout)["host_id"] == "fake"
    samples, rate_hz = soundfile.read(out / "after.wav")
    assert rate_hz == 16_000
    assert np.abs(samples).max() == pytest.approx(0.2, abs=0.01)  # it hums at that level
    addressed = speaker_for(SpeakingSettings(api="fake+http://x:1"))
    assert isinstance(addressed, FakeBackend)
    assert addressed.address == "http://x:1"
    assert isinstance(speaker_for(SpeakingSettings(api="server")), ApiV2Backend)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--api", "http://x:1", "--backend", "fake"], "--api and --backend exclude each other"),
        (["--backend-option", "a=b"], "--backend-option is about a backend"),
        (["--backend", "fake", "--api-folder", "a=b"], "--api-folder is about api_v2"),
        (["--backend", "fake", "--backend-option", "a"], "'a' is not KEY=VALUE"),
    ],
)
def test_options_on_the_backend_that_do_not_fit(
    capsys, fakes: None, voice: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    code, _, err = run(capsys, "say", voice, "Hello", "--out", tmp_path / "out", *arguments)
    assert code == 2
    assert said in err


def test_a_failing_backend_leaves_the_segment_out(
    capsys, plug: Plug, voice: Path, tmp_path: Path
) -> None:
    source = (
        "from gpt_sovits_emotion.testing import FakeBackend\n"
        "class Mine(FakeBackend):\n    def synthesise(self, request):\n"
        "        if 'bad' in request.text: raise RuntimeError('no voice')\n"
        "        return super().synthesise(request)\n"
    )
    plug("gse-mine", {"backends": {"mine": "mine_backend:Mine"}}, mine_backend=source)
    arguments = ["--out", tmp_path / "out", "--whisper", "none", "--backend", "mine"]
    code, out, _ = run(capsys, "say", voice, "good", "bad", *arguments)
    assert code == 3
    assert "the backend 'mine' of gse-mine 1.0 failed at speaking (RuntimeError: no voice)" in out


def test_a_round_trip_with_strangers_alone(
    capsys, fakes: None, voice: Path, talk: Path, tmp_path: Path
) -> None:
    arguments = ["--transcriber", "fake", "--backend", "fake", "--out", tmp_path / "trip", "--json"]
    head = make_fake_head(tmp_path / "fake-head")
    code, out, _ = run(capsys, "roundtrip", talk, "--voice", voice, "--head", head, *arguments)
    assert code == 0
    report = json.loads(out)
    assert (report["host_id"], report["judge_id"]) == ("fake", "fake-head")
    assert "sentence 2" in (tmp_path / "trip" / "transcript.srt").read_text()


# --- transcribers, formats, layouts, corpora ---------------------------------------------------------


def test_annotate_with_a_strangers_transcriber_and_format(
    capsys, fakes: None, talk: Path, tmp_path: Path
) -> None:
    arguments = ["annotate", talk, "--transcriber", "fake", "--head", "prosody-emodb"]
    code, _, _ = run(capsys, *arguments, "--format", "fake", "--out", tmp_path / "out")
    assert code == 0
    rows = (tmp_path / "out" / "talk.fake").read_text().splitlines()
    assert [row.split("\t")[3] for row in rows] == ["sentence 1", "sentence 2"]
    # and read again, by its ending and from beside the recording
    (tmp_path / "out" / "talk.fake").rename(tmp_path / "talk.fake")
    transcript = read_transcript(tmp_path / "talk.fake", duration_s=4.0)
    assert [segment.end_s for segment in transcript.segments] == [2.0, 4.0]
    arguments = ["annotate", talk, "--transcript", "beside", "--head", "prosody-emodb", "--json"]
    _, out, _ = run(capsys, *arguments)
    assert [each["segment"]["text"] for each in json.loads(out)["document"]["segments"]] == [
        "sentence 1",
        "sentence 2",
    ]


def test_who_is_no_transcriber_is_said_before_any_work(capsys, fakes: None, talk: Path) -> None:
    code, _, err = run(capsys, "annotate", talk, "--transcriber", "nobody")
    assert code == 1
    assert "there is no transcriber 'nobody'; expected one of faster-whisper, fake" in err


def test_from_python(fakes: None, talk: Path, voice: Path, tmp_path: Path) -> None:
    annotator = gse.load("prosody-emodb", transcriber="fake", backend="fake")
    result = annotator.annotate(talk)
    assert result.save(tmp_path / "talk.fake").read_text().count("\n") == 2
    assert result.save(tmp_path / "talk.txt", format="fake").read_text().count("\t") == 6
    assert annotator.say("Hello", voice).audio.sampling_rate_hz == 16_000
    own = gse.load("prosody-emodb", transcriber=FakeTranscriber())
    assert [each.text for each in own.annotate(talk).segments] == ["sentence 1", "sentence 2"]
    with pytest.raises(PluginError, match="there is no transcriber 'nobody'"):
        gse.load("prosody-emodb", transcriber="nobody")


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ("None", "gives NoneType and no Transcript"),
        ("[Segment(2.0, 1.0, 'a')]", "segment 1 from 2 s to 1 s"),
        ("[Segment(0.0, 99.0, 'a')]", r"segment 1 .* outside of the recording \(4.0 s\)"),
        (
            "[Segment(2.0, 3.0, 'a'), Segment(1.0, 2.0, 'b')]",
            "segment 2 .* before the one before it",
        ),
    ],
)
def test_what_is_no_transcript_is_refused(plug: Plug, talk: Path, segments: str, said: str) -> None:
    source = (
        "from gpt_sovits_emotion.core.records import Segment, Transcript\n"
        "def wrong(recording, options, *, progress):\n"
        f"    made = {segments}\n    return made and Transcript(tuple(made), 'en', 'wrong')\n"
    )
    plug("gse-mine", {"transcribers": {"wrong": "mine_wrong:wrong"}}, mine_wrong=source)
    with pytest.raises(TranscriptError, match=said):
        gse.load("prosody-emodb", transcriber="wrong").annotate(talk)


SHARED = """
from gpt_sovits_emotion.transcripts.lines import Line
class Mine:
    endings = (".json", ".mine")
    def recognises(self, text): return '"mine"' in text
    def read(self, text, *, name): return [Line("read as mine", 0.0, 1.0)]
"""


def test_a_format_that_shares_an_ending_is_asked_first(plug: Plug, tmp_path: Path) -> None:
    plug("gse-mine", {"formats": {"mine": "mine_shared:Mine"}}, mine_shared=SHARED)
    (tmp_path / "one.json").write_text('{"mine": 1}')
    (tmp_path / "two.json").write_text('{"segments": [{"start": 0, "end": 1, "text": "whisper"}]}')
    read = [read_transcript(tmp_path / f"{name}.json").segments[0].text for name in ("one", "two")]
    assert read == ["read as mine", "whisper"]
    (tmp_path / "three.mine").write_text("nothing of the kind")
    with pytest.raises(TranscriptError, match="is not what its ending says"):
        read_transcript(tmp_path / "three.mine", duration_s=1.0)
    assert "mine" not in writable_formats()  # it has no to_text


def test_a_strangers_bank_is_read_and_written(
    capsys, fakes: None, voice: Path, tmp_path: Path
) -> None:
    out = tmp_path / "exported"
    code, _, _ = run(capsys, "refs", "export", voice, "--layout", "fake", "--to", out)
    assert code == 0
    bank = load_bank(out)
    assert bank.layout == "fake"
    assert {(clip.emotion, clip.text) for clip in bank.usable} == {
        ("happy", "words number 0"),
        ("sad", "words number 1"),
        ("neutral", "words number 2"),
    }
    code, listed, _ = run(capsys, "refs", "list", out)
    assert code == 0
    assert "(fake, 3 of 3 usable)" in listed
    code, _, err = run(capsys, "refs", "export", voice, "--layout", "nothing", "--to", out)
    assert code == 2
    assert "'nothing' is none of infer_config, brackets, names, fake" in err


@pytest.mark.parametrize("name", ["/clip.wav", "../clip.wav", ""])
def test_an_export_stays_in_its_folder(plug: Plug, voice: Path, tmp_path: Path, name: str) -> None:
    source = (
        "from gpt_sovits_emotion.banks.library.plans import Placed, Plan\n"
        "from gpt_sovits_emotion.testing import FakeBankLayout\n"
        "class Mine(FakeBankLayout):\n"
        f"    def plan(self, bank): return Plan((Placed(bank.usable[0], {name!r}),))\n"
    )
    plug("gse-mine", {"bank_layouts": {"mine": "mine_out:Mine"}}, mine_out=source)
    with pytest.raises(ReferenceBankError, match="plans no files inside of the new folder"):
        export_bank(load_bank(voice), tmp_path / "to", layout="mine")
    assert not (tmp_path / "to").exists()


def test_a_strangers_corpus_is_read_by_its_name(capsys, fakes: None, corpus: Path) -> None:
    (read,) = open_corpora([f"fake={corpus}"])
    assert (read.name, read.info.title, read.info.licence) == ("fake", "Fakes", "CC0-1.0")
    assert (len(read.clips), read.speakers) == (48, ("s0", "s1", "s2", "s3"))
    assert read.emotions == ("angry", "neutral", "sad")
    assert read_corpus(corpus, layout="fake") == read
    _, out, _ = run(capsys, "corpora", "list")
    assert re.search(r"^fake +en ", out, re.MULTILINE)
    with pytest.raises(CorpusError, match="has no clips of Fakes"):
        open_corpora([f"fake={corpus.parent}"])


# --- the command -------------------------------------------------------------------------------------


def test_plugins_lists_whats_there(capsys, plug: Plug, fakes: None) -> None:
    code, out, _ = run(capsys, "plugins")
    assert code == 0
    assert re.search(
        r"^  fake +fakes 1\.0 +gpt_sovits_emotion\.testing:FakeFormat$", out, re.MULTILINE
    )
    plug("gse-mine", {"formats": {"mine": "no_such_module:format", "srt": "mine:x"}})
    code, out, _ = run(capsys, "plugins", "--json")
    assert code == 1
    listed = json.loads(out)
    assert {each["problem"] != "" for each in listed["plugins"] if each["name"] == "mine"} == {True}
    assert len(listed["problems"]) == 2
    code, out, err = run(capsys, "plugins", "--lang", "zh")
    assert code == 1
    assert "故障" in out
    assert "注意：不使用 gse-mine 1.0 的文稿格式 'mine'：无法导入" in err


# --- contracts ---------------------------------------------------------------------------------------


def test_the_fakes_keep_their_contracts(
    fakes: None, corpus: Path, voice: Path, tmp_path: Path
) -> None:
    check_encoder(FakeEncoder())
    check_encoder("fake")
    check_backend(FakeBackend())
    check_backend("fake")
    check_transcriber(FakeTranscriber())
    check_transcriber("fake")
    check_corpus(FakeCorpus(), corpus)
    check_corpus("fake", corpus)
    check_format(FakeFormat())
    check_format("fake")
    bank = export_bank(load_bank(voice), tmp_path / "fake-bank", layout="fake")
    check_bank_layout(FakeBankLayout(), bank)
    check_bank_layout("fake", bank)


# A training list names cut clips, which no other format has.
@pytest.mark.parametrize("name", sorted({*OWN["formats"]} - {"list"}))
def test_our_formats_keep_the_contract(name: str) -> None:
    check_format(name)


@pytest.mark.parametrize("layout", ["infer_config", "brackets", "names"])
def test_our_written_layouts_keep_the_contract(layout: str, voice: Path, tmp_path: Path) -> None:
    check_bank_layout(layout, export_bank(load_bank(voice), tmp_path / "bank", layout=layout))


def test_our_other_layouts_keep_the_contract(voice: Path, tmp_path: Path) -> None:
    check_bank_layout("folders", voice)
    clip = voice / "happy" / "one.wav"
    (tmp_path / "bank.list").write_text(f"{clip}|anna|EN|words\n")
    check_bank_layout("list", tmp_path / "bank.list")
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "0001.wav").write_bytes(clip.read_bytes())
    check_bank_layout("clips", tmp_path / "clips")


def test_our_encoder_and_backend_keep_their_contracts() -> None:
    check_encoder("prosody")
    check_backend("embedded")


def test_a_corpus_of_ours_keeps_the_contract(tmp_path: Path) -> None:
    for name in ("03a01Fa", "03a01Wa", "08b02Na"):
        write_wav(tmp_path / "emodb" / "wav" / f"{name}.wav", Audio(voiced(0.5), 16_000))
    check_corpus("emodb", tmp_path / "emodb")


class _Changed:
    """A thing with some of its parts changed."""

    def __init__(self, thing: object, **changes: object) -> None:
        self._thing = thing
        vars(self).update(changes)

    def __getattr__(self, name: str) -> object:
        return getattr(self._thing, name)


def test_broken_contracts_are_told(corpus: Path, voice: Path, tmp_path: Path) -> None:
    zeros = lambda audios: np.zeros((len(audios), 20), np.float32)  # noqa: E731
    broken = [
        (
            check_encoder,
            EncoderError,
            _Changed(FakeEncoder(), dim=3),
            (),
            r"not \(2, 3\) of float32",
        ),
        (
            check_encoder,
            EncoderError,
            _Changed(FakeEncoder(), encode=zeros),
            (),
            "give one embedding",
        ),
        (check_backend, BackendError, _Changed(FakeBackend(), provides=()), (), "provides prosody"),
        (
            check_backend,
            BackendError,
            _Changed(FakeBackend(), synthesise=lambda request: Audio(np.zeros(9), 16_000)),
            (),
            "empty or silent",
        ),
        (check_transcriber, TranscriptError, lambda *a, **k: None, (), "no Transcript"),
        (check_corpus, CorpusError, _Changed(FakeCorpus(), info=None), (corpus,), "no CorpusInfo"),
        (
            check_corpus,
            CorpusError,
            _Changed(FakeCorpus(), read=lambda f: FakeCorpus().read(corpus)),
            (corpus,),
            "finds clips in an empty folder",
        ),
        (
            check_bank_layout,
            ReferenceBankError,
            _Changed(FakeBankLayout(), recognises=lambda path: True),
            (voice,),
            "recognises an empty folder",
        ),
        (
            check_format,
            TranscriptError,
            _Changed(FakeFormat(), endings=("fake",)),
            (),
            "begin with a dot",
        ),
        (
            check_format,
            TranscriptError,
            _Changed(FakeFormat(), read=lambda text, name: []),
            (),
            "is read as \\[\\]",
        ),
    ]
    for check, kind, thing, more, said in broken:
        with pytest.raises(kind, match=said):
            check(thing, *more)
