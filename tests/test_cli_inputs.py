"""Paths that are not there are told before any model is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import voiced

from gpt_sovits_emotion import binding, engines
from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.banks import building as banking
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.cli.arguments import Folder, Place
from gpt_sovits_emotion.core.records import Audio, RecordingInfo, Sentence, TaggedTranscript
from gpt_sovits_emotion.transcripts import write

SAID = "say {bank} [happy]Hello --out {out}"
AGAIN = "roundtrip {wav} --out {out} --voice"
MISSING = [
    ("adapt --speaker x {none}", "clips of the speaker were expected"),
    ("adapt --speaker x {wav} {none}", "clips of the speaker were expected"),
    ("adapt --speaker x --correction {none}", "there is no"),
    ("adapt --speaker x --correction {ours}", "gone.wav: there is no such file"),
    ("adapt --speaker x --correction {ours} --recording {none}", "there is no"),
    ("adapt --speaker x {wav} --checkout {none}", "there is no"),
    ("adapt --speaker x {wav} --whisper-model {none}", "there is no"),
    ("adapt --measure --corpus a={none}", "none"),
    ("annotate {none}", "there is no such file"),
    ("annotate {none} {empty}", "is empty"),
    ("annotate {wav} --transcript {none}", "does not exist"),
    ("annotate {wav} --transcript beside", "no transcript lies beside"),
    ("annotate {wav} --voice {none}", "there is nothing at"),
    ("annotate {wav} --models-dir {none}", "there is no"),
    (AGAIN.replace("{wav}", "{none}") + " {bank}", "there is no such file"),
    (AGAIN + " {none}", "there is no reference bank at"),
    (AGAIN + " {bank} --transcript {none}", "does not exist"),
    (AGAIN + " {bank} --prosody-from {none}", "there is no reference bank at"),
    (AGAIN + " {bank} --timbre {empty}", "is empty"),
    (SAID.replace("{bank}", "{none}"), "there is no reference bank at"),
    (f"{SAID} --prosody-from {{none}}", "there is no reference bank at"),
    (f"{SAID} --timbre {{none}}", "there is no"),
    ("refs build {none}", "there is nothing at"),
    ("refs build {bank} --checkout {none}", "there is no"),
    ("train --corpus a={none} --encoder whisper-base:1-4", "none"),
    ("evaluate --corpus a={none} --encoder whisper-base:1-4", "none"),
]


def test_a_shell_that_does_not_know_the_home_folder_is_helped(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "models").mkdir()
    models = tmp_path / "models"
    assert Folder(exists=True).convert("~/models", None, None) == models
    assert Place().convert("~/new", None, None) == tmp_path / "new"
    monkeypatch.chdir(tmp_path)
    Path("~").mkdir()
    assert Place().convert("~", None, None) == Path("~"), "a folder that is called so"


@pytest.fixture
def places(tmp_path):
    wav, clip = tmp_path / "talk.wav", tmp_path / "bank" / "happy" / "a.wav"
    clip.parent.mkdir(parents=True)
    for path in (wav, clip):
        write_wav(path, Audio(voiced(3.5), 16_000))
    clip.with_suffix(".txt").write_text("Hello there.")
    (tmp_path / "empty.wav").touch()
    nothing = Sentence("", "")
    gone = RecordingInfo("gone.wav", 1.0, 16_000, 1, -23.0, 0.0)
    document = TaggedTranscript(gone, (), "en", "", "prosody-emodb", nothing, "global", nothing)
    write(document, tmp_path / "ours.json", format="json")
    return {
        "wav": str(wav),
        "bank": str(tmp_path / "bank"),
        "none": str(tmp_path / "none"),
        "empty": str(tmp_path / "empty.wav"),
        "ours": str(tmp_path / "ours.json"),
        "out": str(tmp_path / "out"),
    }


@pytest.mark.parametrize(("command", "told"), MISSING)
def test_a_path_that_is_not_there_opens_no_model(
    tmp_path, monkeypatch, capsys, places, command, told
):
    def opened(*args, **kwargs):
        raise AssertionError("a model was opened")

    for module, name in [
        (engines, "open_engines"),
        (binding, "provide_encoder"),
        (banking, "engines_to_listen"),
    ]:
        monkeypatch.setattr(module, name, opened)
    with pytest.raises(SystemExit) as caught:
        main([word.format(**places) for word in command.split(" ")])
    assert caught.value.code in (1, 2)
    said = capsys.readouterr().err
    assert told in said
    assert "a model was opened" not in said
    assert not (tmp_path / "out").exists()
