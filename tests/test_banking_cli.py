"""``refs`` on the command line."""

from __future__ import annotations

import json
import shutil

import pytest
from banking_files import clip

from gpt_sovits_emotion.cli import main


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """A folder of clips, built with the head that comes with the package."""
    folder = tmp_path_factory.mktemp("voices") / "my voice"
    for number in range(6):
        clip(folder / f"{number}.wav", 3.2 + 0.2 * number, f0_hz=120 + 15 * number)
    (folder / "0.txt").write_text("Good morning to you all.", encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["refs", "build", str(folder), "--whisper", "none", "--no-cache", "--jobs", "1"])
    assert caught.value.code == 0
    return folder


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(["refs", *map(str, arguments)])
    said = capsys.readouterr()
    return caught.value.code, said.out, said.err


def test_a_build_says_what_there_is_and_where(bank, capsys):
    code, out, err = run(capsys, "build", bank, "--whisper", "none", "--no-cache")
    assert code == 0
    assert "emotion" in out
    assert "clips" in out
    assert f"refs list '{bank}'" in err


def test_the_list_names_every_clip_and_what_is_doubtful(bank, capsys):
    code, out, _ = run(capsys, "list", bank)
    assert code == 0
    assert "my voice (clips, 6 of 6 usable)" in out
    assert all(f"{number}.wav" in out for number in range(6))
    assert "Good morning" in out
    assert "its text is unknown" in out
    _, out, _ = run(capsys, "list", bank, "--lang", "zh")
    assert "没有文本" in out


def test_the_listing_for_other_programs(bank, capsys):
    code, out, _ = run(capsys, "list", bank, "--json")
    assert code == 0
    (voice,) = json.loads(out)["voices"]
    assert [each["usable"] for each in voice["clips"]] == [True] * 6


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_coverage_as_table_json_and_picture(bank, capsys, tmp_path, ending):
    picture = tmp_path / f"c.{ending}"
    code, out, _ = run(capsys, "coverage", bank, "--json", "--picture", picture)
    assert code == 0
    assert json.loads(out)["n_clips"] == 6
    assert picture.stat().st_size > 500
    assert run(capsys, "coverage", bank)[1].startswith("emotion")


def test_choosing_gives_reasons(bank, capsys):
    code, out, _ = run(capsys, "choose", bank, "--emotion", "开心", "--text", "Hello")
    assert code == 0
    assert " *" in out
    _, out, _ = run(capsys, "choose", bank, "--emotion", "happy", "--json", "--candidates", 2)
    assert len(json.loads(out)["candidates"]) == 2


def test_a_pin_counts_until_it_is_taken_away(bank, capsys):
    assert run(capsys, "pin", bank, "happy", bank / "5.wav")[0] == 0
    assert "5.wav" in run(capsys, "choose", bank, "--emotion", "happy")[1].splitlines()[0]
    assert "pinned for happy" in run(capsys, "list", bank)[1]
    assert run(capsys, "pin", bank, "happy", "--clear")[0] == 0
    assert "pinned for" not in run(capsys, "list", bank)[1]
    assert run(capsys, "pin", bank, "happy")[0] == 2


def test_a_pin_for_an_unknown_emotion_says_what_it_counts_for(bank, capsys):
    code, _, err = run(capsys, "pin", bank, "hapy", "5.wav")
    assert code == 0
    assert "hapy is no emotion that is known, nor one of this bank" in err
    assert run(capsys, "pin", bank, "hapy", "--clear")[0] == 0
    for known in ("开心", "default"):
        assert "no emotion" not in run(capsys, "pin", bank, known, "5.wav")[2]
        assert run(capsys, "pin", bank, known, "--clear")[0] == 0


def test_a_list_in_an_older_encoding_says_which_was_taken(capsys, tmp_path):
    clip(tmp_path / "1.wav", 3.5)
    rows = "1.wav|安娜|ZH|我们今天去海边玩，真是太好了。\n"
    (tmp_path / "a.list").write_bytes(rows.encode("gb18030"))
    code, out, err = run(capsys, "list", tmp_path / "a.list")
    assert (code, "我们今天去海边玩" in out) == (0, True)
    assert "a.list is not UTF-8: read as GB 18030 (GBK); if letters are wrong, save it as" in err


def test_an_export_is_a_bank(bank, capsys, tmp_path):
    code, out, err = run(capsys, "export", bank, "--format", "names", "--to", tmp_path / "out")
    assert code == 0
    assert out.strip() == str(tmp_path / "out")
    assert "left out: 1 of 6 clips, of which the head is unsure" in err
    assert "5 of 5 usable" in run(capsys, "list", tmp_path / "out")[1]


def test_a_pin_to_a_clip_that_is_gone_is_said_wherever_the_bank_is_opened(bank, capsys, tmp_path):
    moved = shutil.copytree(bank, tmp_path / "moved")
    assert run(capsys, "pin", moved, "happy", "5.wav")[0] == 0
    (moved / "5.wav").unlink()
    for command in (
        ("list",),
        ("coverage",),
        ("choose", "--emotion", "happy"),
        ("list", "--lang", "zh"),
    ):
        code, _, err = run(capsys, command[0], moved, *command[1:])
        assert code == 0
        assert ("为“开心”固定的片段 5.wav" if "zh" in command else "pinned for happy, 5.wav") in err


def test_a_build_of_clips_that_are_elsewhere_writes_nothing(capsys, tmp_path):
    path = tmp_path / "anna.list"
    row = "/elsewhere/x.wav|anna|EN|Hello.\n"
    for rows, named in (
        (row, "names 1 clip that is not on this machine (x.wav)"),
        (row * 2, "names 1 clip that is not on this machine (x.wav)"),
        (row + row.replace("x.", "y."), "names 2 clips that are not on this machine (x.wav, …)"),
    ):
        path.write_text(rows)
        code, _, err = run(capsys, "build", path, "--whisper", "none", "--head", "prosody-emodb")
        assert (code, named in err) == (1, True), err
        assert list(tmp_path.iterdir()) == [path]


def test_errors_are_one_sentence(capsys, tmp_path):
    code, _, err = run(capsys, "build", tmp_path / "nowhere")
    assert code == 1
    assert err.count("\n") == 1
    assert "nothing at" in err


def test_a_bank_outlives_a_move(bank, capsys, tmp_path):
    shutil.copytree(bank, tmp_path / "moved")
    code, out, _ = run(capsys, "list", tmp_path / "moved", "--json")
    assert code == 0
    (voice,) = json.loads(out)["voices"]
    assert all(each["probabilities"] for each in voice["clips"])
