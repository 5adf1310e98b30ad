"""Heads on Whisper: finding the model, falling back where it is not, and carrying a part of it along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import voiced

from gpt_sovits_emotion import engines as engines_module
from gpt_sovits_emotion.binding import bind, provide_encoder
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import HeadError, HeadMismatchError, WhisperModelError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.engines import Engines, default_head, open_engines
from gpt_sovits_emotion.exporting import check_carried, export_head
from gpt_sovits_emotion.heads import list_heads, load_head, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.heads.files import ENCODER_NAME
from gpt_sovits_emotion.heads.install import add_head
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder, fake_card, fake_tensors
from gpt_sovits_emotion.whisper_models import WhisperModels
from webui_tab.app_context import AppContext
from webui_tab.heads_menu import heads_menu

pytest.importorskip("transformers", reason="small models are made with it")
from whisper_files import small_whisper, write_ctranslate2

ENCODER = "whisper-tiny:1-2"
CLIP = Audio(voiced(1.2), 16_000)


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_ctranslate2(
        tmp_path_factory.mktemp("models") / "faster-whisper-tiny", small_whisper()
    )


@pytest.fixture(scope="module")
def other(tmp_path_factory) -> Path:
    return write_ctranslate2(tmp_path_factory.mktemp("other") / "tiny", small_whisper(1))


def make_head(folder: Path, tiny: Path, encoder_id: str = ENCODER) -> Path:
    tracker = FakeEncoder()
    encoder = provide_encoder(encoder_id, FakeBackend(), tracker, WhisperModels(tiny))
    spec = EncoderSpec(encoder_id, encoder.dim, encoder.fingerprint, 16_000, "mean and deviation")
    save_head(folder, fake_card(id=folder.name, encoder=spec), fake_tensors(dim=encoder.dim))
    return folder


@pytest.fixture
def head(tmp_path, tiny) -> Path:
    return make_head(tmp_path / "heads" / "on-tiny", tiny)


def test_the_transcribers_folder_is_taken_where_it_is_of_the_size(tiny) -> None:
    models = WhisperModels(tiny)
    assert models.has("whisper-tiny")
    assert not models.has("whisper-small")
    assert not models.has("whisper-none")
    assert "whisper-tiny" in models.provides
    assert [loaded.folder for loaded in models.provide("whisper-tiny")] == [tiny]
    assert WhisperModels(models_dir=tiny).has("whisper-tiny")


def test_the_installed_base_is_found_whatever_transcribes(whisper_base, tiny) -> None:
    for transcriber in (None, "none", "auto", tiny):
        models = WhisperModels(transcriber)
        assert models.has("whisper-base")
        (found,) = models.provide("whisper-base")
        assert found.folder == whisper_base


def test_what_is_not_here_is_one_sentence(head, tiny) -> None:
    with pytest.raises(WhisperModelError, match="Whisper tiny is not on this machine") as caught:
        next(WhisperModels().provide("whisper-tiny"))
    check_says_the_same(caught.value)
    with pytest.raises(WhisperModelError, match=r"--whisper-model"):
        provide_encoder(ENCODER, FakeBackend(), FakeEncoder())
    with pytest.raises(
        HeadMismatchError, match="'whisper-tiny:1-2', and Whisper tiny is"
    ) as caught:
        bind(load_head(head), FakeBackend(), FakeEncoder(), WhisperModels())
    check_says_the_same(caught.value)
    assert "[offline]" in WhisperModels.remedy("base").en


def test_a_head_takes_the_weights_that_it_was_trained_on(head, tiny, other) -> None:
    models = WhisperModels(other, models_dir=tiny)
    analyser = bind(load_head(head), FakeBackend(), FakeEncoder(), models)
    assert analyser.encoder.fingerprint == load_head(head).card.encoder.fingerprint
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise"):
        bind(load_head(head), FakeBackend(), FakeEncoder(), WhisperModels(other))


def test_a_damaged_folder_hides_no_sound_one(head, tiny, other, tmp_path) -> None:
    damaged = tmp_path / "tiny"
    shutil.copytree(other, damaged)
    content = (damaged / "model.bin").read_bytes()
    (damaged / "model.bin").write_bytes(content[:5000])
    assert bind(load_head(head), FakeBackend(), FakeEncoder(), WhisperModels(damaged, tiny))
    with pytest.raises(WhisperModelError, match="ends after 5000 bytes"):
        next(WhisperModels(damaged).provide("whisper-tiny"))


def test_engines_keep_what_they_loaded(head, tiny, tmp_path) -> None:
    models = tmp_path / "models" / "tiny"
    shutil.copytree(tiny, models)
    found = load_head(head)
    engines = Engines(
        found, found, FakeBackend(), FakeBackend(), FakeEncoder(), whisper=WhisperModels(models)
    )
    first = engines.analyser.encoder
    wanted = first.encode([CLIP])
    assert engines.verifier.encoder._weights is engines.analyser.encoder._weights is first._weights
    shutil.rmtree(models)
    with pytest.raises(HeadMismatchError, match="not on this machine"):
        _ = engines.analyser
    np.testing.assert_array_equal(first.encode([CLIP]), wanted)


def test_the_default_is_the_better_head_where_its_model_is(
    head, tiny, tmp_path, monkeypatch
) -> None:
    folders = (head.parent,)
    assert default_head(folders, WhisperModels()) == ("prosody-emodb", None)
    monkeypatch.setattr(engines_module, "WHISPER_HEAD", "on-tiny")
    monkeypatch.setattr(WhisperModels, "has", lambda self, family: True)
    assert default_head(folders, WhisperModels()) == ("on-tiny", None)
    engines = open_engines(heads_dirs=folders, whisper=WhisperModels(tiny))
    assert (engines.tagger.card.id, engines.note) == ("on-tiny", None)
    engines = open_engines(heads_dirs=folders, whisper=WhisperModels(tmp_path / "nothing"))
    assert engines.tagger.card.id == engines.verifier_head.card.id == "prosody-emodb"
    assert engines.note is not None
    assert engines.note.en.startswith("tagging with prosody-emodb, which hears less than on-tiny")
    with pytest.raises(WhisperModelError, match="not on this machine"):
        open_engines(head="on-tiny", heads_dirs=folders)
    monkeypatch.setattr(WhisperModels, "has", lambda self, family: False)
    name, note = default_head(folders, WhisperModels())
    assert name == "prosody-emodb"
    assert note is not None
    assert "[offline]" in note.en
    assert "[offline]" in note.zh


def test_the_page_offers_it_where_its_model_is(head, tiny) -> None:
    app = AppContext(heads_dirs=(head.parent,))
    assert "on-tiny" not in [entry.id for entry in app.heads()]
    for language, said in (("en", "needs Whisper tiny: "), ("zh", "需要 Whisper tiny：")):
        assert said in heads_menu(app, None, language).notes
    app = AppContext(heads_dirs=(head.parent,), models_dir=tiny)
    assert "on-tiny" in heads_menu(app, None, "en").choices
    assert app.engines("on-tiny").analyser.encoder.id == ENCODER


def test_a_head_carries_its_part_of_the_encoder(head, tiny, tmp_path) -> None:
    place = export_head(head, tmp_path / "out", whisper=WhisperModels(tiny))
    assert place == tmp_path / "out" / "on-tiny"
    assert check_carried(place) == (
        "whisper-tiny:1-2, MIT, Copyright (c) 2022 OpenAI; OpenAI Whisper tiny "
        "(https://github.com/openai/whisper)"
    )
    carrying = load_head(place)
    alone = bind(carrying, FakeBackend(), FakeEncoder(), WhisperModels()).encoder
    whole = bind(load_head(head), FakeBackend(), FakeEncoder(), WhisperModels(tiny)).encoder
    assert alone.fingerprint == whole.fingerprint
    np.testing.assert_allclose(alone.encode([CLIP]), whole.encode([CLIP]), atol=0.05)
    # Beside the same head without it, the one that works everywhere is used.
    added, _ = add_head(place, folders=(head.parent, tmp_path / "mine"), into=tmp_path / "mine")
    entries = list_heads((head.parent, tmp_path / "mine"))
    assert [entry.path for entry in entries if entry.state == "sound"] == [added]
    assert AppContext(heads_dirs=(tmp_path / "mine",)).heads()[0].id == "on-tiny"


def test_only_a_head_on_whisper_carries_one(fake_head, head, other, tmp_path) -> None:
    with pytest.raises(HeadError, match="only a head that reads one Whisper") as caught:
        export_head(fake_head, tmp_path / "out")
    check_says_the_same(caught.value)
    with pytest.raises(HeadMismatchError, match="the Whisper found here has") as caught:
        export_head(head, tmp_path / "out", whisper=WhisperModels(other))
    check_says_the_same(caught.value)
    assert not (tmp_path / "out").exists()
    place = export_head(head, tmp_path / "out", with_encoder=False)
    assert check_carried(place) is None
    with pytest.raises(HeadError, match="is there already"):
        export_head(head, tmp_path / "out", with_encoder=False)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _relabelled(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"size": "tiny"', b'"size": "base"'))


def _changed(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _pickle(path: Path) -> None:
    path.write_bytes(b"\x80\x02" + bytes(100))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_cut, "bytes of tensors are there"),
        (_relabelled, "it says that it is of 'base'"),
        (_changed, "holds other weights"),
        (_pickle, "no header, or was cut off"),
    ],
)
def test_a_bad_part_is_one_sentence(head, tiny, tmp_path, damage, said) -> None:
    place = export_head(head, tmp_path / "out", whisper=WhisperModels(tiny))
    damage(place / ENCODER_NAME)
    with pytest.raises(HeadError, match=said) as caught:
        check_carried(place)
    check_says_the_same(caught.value)


def test_the_commands_export_check_and_show(head, tiny, tmp_path, capsys) -> None:
    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as caught:
            main(["heads", *words])
        said = capsys.readouterr()
        assert caught.value.code == 0, said.err
        return str(said.out + said.err)

    folders = ("--heads-dir", str(head.parent))
    out = str(tmp_path / "out")
    said = run(
        "export", "on-tiny", "--with-encoder", "--out", out, "--whisper-model", str(tiny), *folders
    )
    assert "heads add" in said
    assert "carries: whisper-tiny:1-2, MIT" in run("check", f"{out}/on-tiny")
    assert "carries   whisper-tiny:1-2, MIT" in run("show", f"{out}/on-tiny")
    assert "carries" not in run("show", "on-tiny", *folders)
    rows = json.loads(run("list", "--json", *folders))
    assert any(row["id"] == "on-tiny" for row in rows)
