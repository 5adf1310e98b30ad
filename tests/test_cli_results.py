"""Where results go, whose they are, and that nothing is written over silently."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from conftest import voiced
from test_cli import run

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.embedded import EmbeddedBackend
from gpt_sovits_emotion.cli.results import Ledger, digest_of, targets_of
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.transcripts import read_json


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Three different recordings of one name, in three folders, and one of another name."""
    for number, name in enumerate(("a/x.wav", "b/x.wav", "b/c/x.wav", "y.wav")):
        write_wav(tmp_path / name, Audio(voiced(1.5 + 0.25 * number), 16_000))
    return tmp_path


def annotated(capsys, *arguments: object) -> tuple[int, str, str]:
    return run(capsys, "annotate", *arguments, "--whisper", "none", "--head", "prosody-emodb")


def names_of(*paths: str) -> list[str]:
    targets = targets_of([Path(path) for path in paths], Path("out"), {"json": ".json"})
    return [target.files["json"].relative_to("out").as_posix() for target in targets]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (("x.wav", "y.wav"), ["x.json", "y.json"]),
        (("x.wav", "x.mp3"), ["x.wav.json", "x.mp3.json"]),
        (("a/x.wav", "b/x.wav"), ["a/x.json", "b/x.json"]),
        (("x.wav", "b/x.wav"), ["x.json", "b/x.json"]),
        (("/t/a/x.wav", "/t/b/c/x.wav", "/t/y.wav"), ["a/x.json", "b/c/x.json", "y.json"]),
        # one file system in two takes these for one name
        (("Talk.wav", "talk.WAV"), ["Talk.wav.1.json", "talk.WAV.2.json"]),
        (("a/Talk.wav", "b/talk.wav"), ["a/Talk.json", "b/talk.json"]),
        (("caf\u00e9.wav", "cafe\u0301.mp3"), ["caf\u00e9.wav.json", "cafe\u0301.mp3.json"]),
        # a longer name that is somebody else's shorter one
        (("x.wav", "x.mp3", "x.wav.flac"), ["x.json", "x.mp3.json", "x.wav.flac.json"]),
    ],
)
def test_no_two_results_have_one_name(paths: tuple[str, ...], names: list[str]) -> None:
    assert names_of(*paths) == names
    assert len({name.casefold() for name in names}) == len(names)


def test_formats_count_too() -> None:
    endings = {"txt": ".txt", "rich-text": ".rich.txt"}
    targets = targets_of([Path("x.wav"), Path("x.rich.wav")], Path("out"), endings)
    written = [file for target in targets for file in target.files.values()]
    assert len(set(written)) == 4


def test_ten_thousand_names_are_planned_at_once() -> None:
    names = names_of(*(f"{n % 100}/{n}.wav" for n in range(10_000)), "other/7.wav")
    assert len(set(names)) == 10_001
    assert names[7] == "7/7.json"
    assert names[-1] == "other/7.json"


def test_recordings_of_one_name_keep_their_folders(capsys, recordings: Path) -> None:
    out = recordings / "out"
    files = [recordings / name for name in ("a/x.wav", "b/x.wav", "b/c/x.wav", "y.wav")]
    code, _, err = annotated(capsys, *files, "--out", out)
    assert code == 0, err
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert written == ["a/x.json", "b/c/x.json", "b/x.json", "y.json"]
    lengths = [read_json(out / name).recording.duration_s for name in written]
    assert lengths == pytest.approx([1.5, 2.0, 1.75, 2.25], abs=0.01)


def test_skip_done_knows_whose_a_result_is(capsys, recordings: Path) -> None:
    out = recordings / "out"
    one, other = recordings / "a/x.wav", recordings / "b/x.wav"
    assert annotated(capsys, one, "--out", out)[0] == 0
    before = (out / "x.json").read_bytes()

    code, _, err = annotated(capsys, other, "--out", out, "--skip-done")
    assert code == 1
    assert "from another or an unknown recording" in err
    assert (out / "x.json").read_bytes() == before

    # named together they have other names, and the one that is done is known under its earlier one
    code, _, err = annotated(capsys, one, other, "--out", out, "--skip-done")
    assert code == 0, err
    assert "done before" in err
    assert (out / "x.json").read_bytes() == before
    assert not (out / "a/x.json").exists()
    assert (out / "b/x.json").is_file()

    # a file that was moved is the recording that it was; one that was changed is another
    moved = recordings / "elsewhere" / "x.wav"
    moved.parent.mkdir()
    shutil.move(one, moved)
    assert "done before" in annotated(capsys, moved, "--out", out, "--skip-done")[2]
    shutil.copy(recordings / "y.wav", moved)
    assert annotated(capsys, moved, "--out", out, "--skip-done")[0] == 1


def test_a_format_that_is_missing_is_made(capsys, recordings: Path) -> None:
    out, talk = recordings / "out", recordings / "y.wav"
    arguments = (talk, "--out", out, "--format", "json", "--format", "srt")
    annotated(capsys, *arguments)
    (out / "y.srt").unlink()
    code, _, err = annotated(capsys, *arguments, "--skip-done")
    assert code == 0
    assert "done before" not in err
    assert (out / "y.srt").is_file()


def test_a_result_is_replaced_only_on_request(capsys, recordings: Path) -> None:
    out, talk = recordings / "out", recordings / "y.wav"
    out.mkdir()
    (out / "y.json").write_text("corrected by hand")
    code, _, err = annotated(capsys, talk, recordings / "a/x.wav", "--out", out)
    assert code == 1
    assert "y.json is there already" in err
    assert "--replace" in err
    assert [path.name for path in out.iterdir()] == ["y.json"]  # nothing was begun
    assert (out / "y.json").read_text() == "corrected by hand"
    assert annotated(capsys, talk, "--out", out, "--replace")[0] == 0
    assert read_json(out / "y.json").recording.name == "y.wav"


def test_one_file_is_taken_once(capsys, recordings: Path) -> None:
    link = recordings / "l" / "y.wav"
    link.parent.mkdir()
    link.symlink_to(recordings / "y.wav")
    out = recordings / "out"
    code, _, err = annotated(
        capsys, recordings / "y.wav", recordings / "a/../y.wav", link, "--out", out
    )
    assert code == 0
    assert err.count("taken once") == 2
    assert [path.name for path in out.rglob("*.json")] == ["y.json"]


def test_a_folder_that_cannot_be_written_is_said_before_any_work(capsys, recordings: Path) -> None:
    code, _, err = annotated(capsys, recordings / "y.wav", "--out", recordings / "y.wav" / "deeper")
    assert code == 1
    assert "y.wav is no folder" in err


def test_exit_codes_of_a_part_and_of_nothing(capsys, recordings: Path) -> None:
    (recordings / "bad.wav").write_text("no audio")
    bad, good = recordings / "bad.wav", recordings / "y.wav"
    assert annotated(capsys, bad, good)[0] == 3
    assert annotated(capsys, bad)[0] == 1
    assert annotated(capsys, good)[0] == 0


def test_a_ledger_that_is_damaged_knows_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    result = {"json": tmp_path / "x.json"}
    (tmp_path / "x.json").write_text("{}")
    with ledger.claim(result, "ab" * 32, replace=True):
        pass
    assert ledger.owner(tmp_path / "x.json") == "ab" * 32
    assert ledger.has_all(result, "ab" * 32)
    assert not ledger.has_all(result, "cd" * 32)
    assert not ledger.has_all(result, None)
    for damage in (b"", b"\xff", b"[]", b'{"results": 5}', b"[" * 100_000):
        ledger._path.write_bytes(damage)
        assert ledger.owner(tmp_path / "x.json") is None
    with ledger.claim(result, "ef" * 32, replace=True):
        pass
    assert Ledger(tmp_path).has_all(result, "ef" * 32)


def test_no_digest_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert digest_of(tmp_path / "pipe") is None
    assert digest_of(tmp_path) is None
    assert digest_of(tmp_path / "missing") is None


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    for number, emotion in enumerate(("happy", "neutral")):
        clip = Audio(voiced(3.5, f0_hz=100 + 25 * number), 16_000)
        write_wav(tmp_path / "voice" / emotion / "one.wav", clip)
        (tmp_path / "voice" / emotion / "one.txt").write_text("words of the clip")
    return tmp_path / "voice"


@pytest.mark.parametrize(("failing", "code"), [((), 0), ((2,), 3), ((1, 2, 3), 1)])
def test_say_tells_by_its_exit_code_what_was_not_said(
    capsys, monkeypatch, voice: Path, tmp_path: Path, failing: tuple[int, ...], code: int
) -> None:
    genuine, calls = EmbeddedBackend.synthesise, []

    def synthesise(self, request):
        calls.append(request.text)
        if len(calls) in failing:
            raise BackendError("the synthesiser has fallen silent", zh="合成器没有声音")
        return genuine(self, request)

    monkeypatch.setattr(EmbeddedBackend, "synthesise", synthesise)
    arguments = ("say", voice, "One.", "Two.", "Three.", "--out", tmp_path / "out")
    found, out, err = run(capsys, *arguments, "--language", "en", "--judge", "prosody-emodb")
    assert found == code
    if len(failing) < 3:
        assert out.count("the synthesiser has fallen silent") == len(failing)
        assert (tmp_path / "out" / "report.html").is_file()
    if failing == (2,):
        assert "not said: 1 of 3 segments (2)" in err


def test_results_that_appear_meanwhile_are_not_written_over(
    capsys, monkeypatch, recordings: Path
) -> None:
    out = recordings / "out"
    genuine = pipeline.annotate

    def slow(*arguments, **options):
        tagging = genuine(*arguments, **options)
        write_text(out / "x.json", "of another process")
        return tagging

    monkeypatch.setattr(pipeline, "annotate", slow)
    code, _, err = annotated(capsys, recordings / "a/x.wav", "--out", out)
    assert code == 1
    assert "from another or an unknown recording" in err
    assert (out / "x.json").read_text() == "of another process"


@pytest.mark.parametrize("query", [("--format", "srt"), ("--skip-done",), ("--replace",)])
def test_what_is_about_files_needs_a_folder(
    capsys, recordings: Path, query: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, "annotate", recordings / "y.wav", *query)
    assert (code, out) == (2, "")
    assert "name their folder with --out" in err
    code, _, err = run(capsys, "annotate", recordings / "y.wav", *query, "--lang", "zh")
    assert code == 2
    assert "请用 --out 指定文件夹" in err
