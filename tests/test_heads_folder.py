"""The folders of heads: what is dropped in appears, half a copy waits, and no head passes for another."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from head_files import resave, rewrite
from test_cli import run

from gpt_sovits_emotion.core.errors import HeadError, OutputError
from gpt_sovits_emotion.heads import HeadWatch, find_head, head_folders, list_heads, load_card
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.heads.folder import HEADS_VARIABLE, shipped_folder, user_folder
from gpt_sovits_emotion.heads.install import add_head, removable, remove_head
from gpt_sovits_emotion.testing import FakeBackend, make_fake_head
from webui_tab.app_context import AppContext
from webui_tab.heads_menu import heads_mark, heads_menu

W = "head.safetensors"


def make_head(folder: Path, head_id: str) -> Path:
    make_fake_head(folder)
    rewrite(folder, "id: fake-head", f"id: {head_id}")
    return folder


def make_old(folder: Path) -> None:
    """Let a folder look as if nothing was written there for an hour."""
    for path in folder.iterdir():
        written = path.stat().st_mtime - 3600
        os.utime(path, (written, written))


# --- listing ---------------------------------------------------------------------------------------


def test_folders_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADS_VARIABLE, os.pathsep.join([str(tmp_path / "b"), str(tmp_path / "c")]))
    folders = head_folders([tmp_path / "a"])
    assert folders[:4] == (tmp_path / "a", tmp_path / "b", tmp_path / "c", user_folder())
    assert folders[-1].name == "pretrained_heads"


def test_a_head_dropped_in_appears_and_goes(tmp_path: Path) -> None:
    watch = HeadWatch()
    assert watch.entries([tmp_path, tmp_path / "nowhere"]) == ()
    folder = make_fake_head(tmp_path / "fake-head")
    (entry,) = watch.entries([tmp_path])
    assert (entry.id, entry.state, entry.problem) == ("fake-head", "sound", None)
    assert find_head("fake-head", [tmp_path]).card == load_card(folder)
    assert find_head(folder, []).card.id == "fake-head"
    shutil.rmtree(folder)
    assert watch.entries([tmp_path]) == ()


@pytest.mark.parametrize(
    "order", [("head.yaml", W, "golden.json"), (W, "golden.json", "head.yaml")]
)
def test_half_a_copy_waits_at_every_byte(tmp_path: Path, order: tuple[str, ...]) -> None:
    source, target = make_fake_head(tmp_path / "source"), tmp_path / "heads" / "fake-head"
    target.mkdir(parents=True)
    watch = HeadWatch()
    for name in order:
        content = (source / name).read_bytes()
        for n_bytes in (0, 5, len(content) // 2, len(content) - 1):
            (target / name).write_bytes(content[:n_bytes])
            (entry,) = watch.entries([target.parent])
            if name != W and n_bytes == len(content) - 1:
                continue  # the last line break of a text may be missing
            assert entry.state == "waiting", (name, n_bytes, entry.problem)
            assert "under way" in (entry.say("en") or "")
            assert "正在复制" in (entry.say("zh") or "")
        (target / name).write_bytes(content)
    (entry,) = watch.entries([target.parent])
    assert entry.state == "sound"


def test_a_copy_that_was_broken_off_is_broken(tmp_path: Path) -> None:
    folder = make_fake_head(tmp_path / "fake-head")
    (folder / W).write_bytes((folder / W).read_bytes()[:2000])
    assert list_heads([tmp_path])[0].state == "waiting"
    make_old(folder)
    (entry,) = list_heads([tmp_path])
    assert entry.state == "broken"
    assert "cut off" in (entry.problem or "")


def test_what_did_not_change_is_not_read_again(tmp_path: Path, monkeypatch) -> None:
    import gpt_sovits_emotion.heads.folder as module

    folder = make_fake_head(tmp_path / "fake-head")
    genuine, read = module.load_head, []
    monkeypatch.setattr(module, "load_head", lambda path: read.append(path) or genuine(path))
    watch = HeadWatch()
    watch.entries([tmp_path])
    watch.entries([tmp_path])
    assert len(read) == 2  # what was written just now may be written again within the same tick
    make_old(folder)
    for _ in range(3):
        assert watch.entries([tmp_path])[0].state == "sound"
    assert len(read) == 3
    resave(folder, **{"features.std": None})
    assert watch.entries([tmp_path])[0].state == "broken"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mine.pt", "lies loose"),
        ("mine.safetensors", "lies loose"),
        ("mine.zip", "heads add mine.zip"),
    ],
)
def test_what_lies_loose_is_told(tmp_path: Path, name: str, expected: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / ".hidden").mkdir()
    (entry,) = list_heads([tmp_path])
    assert entry.state == "broken"
    assert expected in (entry.problem or "")


def test_an_unknown_head_names_the_known_ones(fake_head: Path) -> None:
    with pytest.raises(
        HeadError, match="there is no head 'nope'; heads found: fake-head"
    ) as caught:
        find_head("nope", [fake_head.parent])
    check_says_the_same(caught.value)


# --- one id, two heads -----------------------------------------------------------------------------


def test_a_copy_elsewhere_is_hidden(tmp_path: Path) -> None:
    make_fake_head(tmp_path / "a" / "fake-head")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    first, second = list_heads([tmp_path / "a", tmp_path / "b"])
    assert (first.state, first.rivals) == ("sound", ())
    assert second.state == "hidden"
    assert str(first.path) in (second.problem or "")


def test_another_head_of_the_same_id_is_refused_and_both_say_so(tmp_path: Path) -> None:
    for place in ("a", "b"):
        make_fake_head(tmp_path / place / "fake-head")
    rewrite(tmp_path / "b" / "fake-head", "clip_z: 6.0", "clip_z: 5.0")
    folders = [tmp_path / "a", tmp_path / "b"]
    first, second = list_heads(folders)
    assert (first.state, first.rivals) == ("sound", (second.path,))
    assert second.state == "refused"
    for language in ("en", "zh"):
        assert str(first.path) in (second.say(language) or "")
    assert find_head("fake-head", folders).card.clip_z == 6.0
    assert find_head(second.path, folders).card.clip_z == 5.0


def test_within_a_folder_the_one_that_is_called_so_works(tmp_path: Path) -> None:
    make_fake_head(tmp_path / "fake-head")
    make_head(tmp_path / "earlier-by-name", "fake-head")
    rewrite(tmp_path / "earlier-by-name", "clip_z: 6.0", "clip_z: 5.0")
    states = {entry.path.name: entry.state for entry in list_heads([tmp_path])}
    assert states == {"fake-head": "sound", "earlier-by-name": "refused"}


def test_a_variable_that_is_empty_names_no_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, "")
    assert tmp_path in user_folder().parents


def test_nothing_passes_for_a_head_that_comes_with_the_program(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    impostor = make_head(user_folder() / "prosody-emodb", "prosody-emodb")
    found = {entry.path: entry for entry in list_heads(head_folders())}
    shipped = found[shipped_folder() / "prosody-emodb"]
    assert (shipped.state, shipped.rivals) == ("sound", (impostor,))
    assert found[impostor].state == "refused"
    assert find_head("prosody-emodb", head_folders()).card == shipped.card
    # Whoever names that folder for this very call means the head in it.
    named = make_head(tmp_path / "named" / "prosody-emodb", "prosody-emodb")
    with pytest.raises(HeadError, match="two heads are called 'prosody-emodb'") as caught:
        find_head("prosody-emodb", head_folders([named.parent]))
    check_says_the_same(caught.value)


def test_an_id_goes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch) -> None:
    make_fake_head(tmp_path / "heads" / "fake-head")
    here = make_fake_head(tmp_path / "here" / "fake-head")
    rewrite(here, "clip_z: 6.0", "clip_z: 5.0")
    monkeypatch.chdir(here.parent)
    assert find_head("fake-head", [tmp_path / "heads"]).card.clip_z == 6.0
    assert find_head("./fake-head", [tmp_path / "heads"]).card.clip_z == 5.0
    assert find_head("fake-head", []).card.clip_z == 5.0


# --- adding and removing ---------------------------------------------------------------------------


def test_a_head_is_added_from_a_folder_and_from_an_archive(tmp_path: Path) -> None:
    source, into = make_fake_head(tmp_path / "from somebody"), tmp_path / "heads"
    (source / "virus.exe").write_text("x")
    place, remarks = add_head(source, folders=[into], into=into)
    assert (place, remarks) == (into / "fake-head", ())
    assert sorted(path.name for path in place.iterdir()) == ["golden.json", W, "head.yaml"]
    assert add_head(source, folders=[into], into=into)[0] == place  # again: it is there already
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "from somebody")
    other = tmp_path / "other"
    assert add_head(packed, folders=[other], into=other)[0] == other / "fake-head"
    assert list_heads([into])[0].state == "sound"
    assert [path.name for path in into.iterdir()] == ["fake-head"], "nothing is left behind"


def test_a_bad_head_is_not_added(tmp_path: Path) -> None:
    source, into = make_fake_head(tmp_path / "fake-head"), tmp_path / "of" / "mine" / "heads"
    resave(source, **{"features.std": None})
    with pytest.raises(HeadError, match="lacks the tensor"):
        add_head(source, folders=[into], into=into)
    assert not (tmp_path / "of").exists(), "nor the folders that it lies in"
    (tmp_path / "of").mkdir()
    with pytest.raises(HeadError, match="lacks the tensor"):
        add_head(source, folders=[into], into=into)
    assert not any((tmp_path / "of").iterdir())
    for unfit in (tmp_path, tmp_path / "fake-head" / W, tmp_path / "nowhere"):
        with pytest.raises(HeadError, match=r"is neither the folder|is not the folder"):
            add_head(unfit, folders=[into], into=into)


def test_a_head_of_the_same_id_is_replaced_only_when_asked(tmp_path: Path) -> None:
    source, into = make_fake_head(tmp_path / "new"), tmp_path / "heads"
    add_head(source, folders=[into], into=into)
    rewrite(source, "clip_z: 6.0", "clip_z: 5.0")
    (source / "golden.json").unlink()
    from gpt_sovits_emotion.heads import save_head
    from gpt_sovits_emotion.testing import fake_tensors

    save_head(source, load_card(source), fake_tensors())
    with pytest.raises(HeadError, match="is there already") as caught:
        add_head(source, folders=[into], into=into)
    check_says_the_same(caught.value)
    assert load_card(into / "fake-head").clip_z == 6.0
    add_head(source, folders=[into], into=into, replace=True)
    assert load_card(into / "fake-head").clip_z == 5.0
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(HeadError, match="another head is called"):
        add_head(make_fake_head(tmp_path / "third"), folders=[elsewhere, into], into=elsewhere)


def _zip_with(tmp_path: Path, *names: str, link: bool = False) -> Path:
    archive = tmp_path / "bad.zip"
    head = make_fake_head(tmp_path / "zipped")
    with zipfile.ZipFile(archive, "w") as packed:
        for name in names:
            info = zipfile.ZipInfo(name)
            if link:
                info.external_attr = 0o120777 << 16
            packed.writestr(info, (head / Path(name).name).read_bytes())
    return archive


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    into = tmp_path / "deep" / "heads"
    names = tuple(f"../../../{name}" for name in ("head.yaml", W, "golden.json"))
    place, _ = add_head(_zip_with(tmp_path, *names), folders=[into], into=into)
    assert place == into / "fake-head"
    assert not (tmp_path / "head.yaml").exists()
    two = _zip_with(tmp_path, "a/head.yaml", "b/head.yaml")
    with pytest.raises(HeadError, match="holds 2 files"):
        add_head(two, folders=[into], into=into)
    with pytest.raises(HeadError, match="is a link"):
        add_head(_zip_with(tmp_path, "a/head.yaml", link=True), folders=[into], into=into)


def test_a_head_is_removed_but_not_one_of_the_program(tmp_path: Path) -> None:
    folder = make_fake_head(tmp_path / "heads" / "fake-head")
    (tmp_path / "heads" / "linked").symlink_to(make_head(tmp_path / "mine", "mine"))
    folders = [tmp_path / "heads", shipped_folder()]
    remove_head(removable("mine", folders))
    assert (tmp_path / "mine" / "head.yaml").is_file(), "of a link, the link alone"
    (folder / "head.yaml").write_text("broken")
    remove_head(removable("fake-head", folders))
    assert list((tmp_path / "heads").iterdir()) == []
    for name, expected in (("fake-head", "no head 'fake-head'"), ("prosody-emodb", "comes with")):
        with pytest.raises(HeadError, match=expected) as caught:
            removable(name, folders)
        check_says_the_same(caught.value)


def test_what_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        add_head(make_fake_head(tmp_path / "new"), folders=[], into=tmp_path / "file")


# --- the command line ------------------------------------------------------------------------------


def test_damaged_rows_for_adapting_are_found_when_a_head_is_added(tmp_path: Path) -> None:
    source, into = make_head(tmp_path / "given", "one"), tmp_path / "heads"
    for content in (b"", b"PK\3\4", (source / W).read_bytes()):
        (source / "replay.safetensors").write_bytes(content)
        with pytest.raises(HeadError, match=r"^\S+given/replay\.safetensors ") as caught:
            add_head(source, folders=[into], into=into)
        check_says_the_same(caught.value)
    assert not into.exists()


def test_a_refusal_names_what_a_person_named_and_leaves_no_folder(tmp_path: Path) -> None:
    source = make_head(tmp_path / "given", "one")
    rewrite(source, "id: one", "id: [one]")
    with pytest.raises(HeadError) as caught:
        add_head(source, folders=[], into=tmp_path / "heads")
    assert str(caught.value).startswith(f"{source}/head.yaml: ")
    assert ".adding-" not in caught.value.say("zh")
    check_says_the_same(caught.value)
    assert not (tmp_path / "heads").exists()


def test_commands_add_list_check_and_remove(capsys, tmp_path: Path) -> None:
    source, heads = make_fake_head(tmp_path / "fake-head"), tmp_path / "heads"
    code, out, _ = run(capsys, "heads", "add", source, "--heads-dir", heads)
    assert (code, out.strip()) == (0, f"{heads / 'fake-head'}: sound; use it with --head fake-head")
    assert run(capsys, "heads", "check", "fake-head", "--heads-dir", heads)[0] == 0
    impostor = make_head(heads / "prosody-emodb", "prosody-emodb")
    (heads / "half").mkdir()
    (heads / "half" / "head.yaml").write_text("labels: [")
    code, out, err = run(capsys, "heads", "list", "--heads-dir", heads)
    assert code == 0
    assert "the copy seems to be under way" in err
    assert f"refused: another head, {shipped_folder() / 'prosody-emodb'}" in err
    assert f"another head of this id, {impostor}, is refused" in err
    rows = json.loads(run(capsys, "heads", "list", "--heads-dir", heads, "--json")[1])
    assert {row["state"] for row in rows} == {"sound", "waiting", "refused"}
    code, out, err = run(capsys, "heads", "check", "--heads-dir", heads)
    assert code == 1
    n_shipped = len(list(shipped_folder().glob("*/head.yaml")))
    assert f"2 of {3 + n_shipped} heads cannot be used" in err
    code, out, _ = run(capsys, "heads", "remove", "fake-head", "--yes", "--heads-dir", heads)
    assert code == 0
    assert not (heads / "fake-head").exists()


@pytest.mark.parametrize(("answer", "stays"), [("", True), ("n\n", True), ("y\n", False)])
def test_a_head_goes_when_somebody_says_yes(capsys, monkeypatch, tmp_path, answer, stays) -> None:
    head = make_fake_head(tmp_path / "heads" / "fake-head")
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    code, _, err = run(capsys, "heads", "remove", "fake-head", "--heads-dir", tmp_path / "heads")
    assert head.exists() == stays
    assert code == (2 if stays else 0)
    assert ("add --yes" in err) == stays


# --- the tab ---------------------------------------------------------------------------------------


def test_the_tab_sees_what_comes_and_goes(tmp_path: Path) -> None:
    host = FakeBackend()
    app = AppContext(heads_dirs=(tmp_path,), backend=host)
    assert "fake-head" not in heads_menu(app, None, "en").choices
    folder = make_fake_head(tmp_path / "fake-head")
    menu = heads_menu(app, "fake-head", "en")
    assert "fake-head" in menu.choices
    # Those of the program need nothing of a backend but prosody, or none at all.
    assert {path.parent.name for path in shipped_folder().glob("*/head.yaml")} < set(menu.choices)
    assert menu.notes == ""
    mark = heads_mark(app)
    assert heads_mark(app) == mark
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "head.yaml").write_text("- <b>no card</b>")
    for language, said in (("en", "is not the card"), ("zh", "不是情感模型的卡片")):
        other = heads_menu(app, "fake-head", language)
        assert heads_mark(app) != mark
        assert said in other.notes
        assert "<b>no card" not in other.notes
    shutil.rmtree(folder)
    gone = heads_menu(app, "fake-head", "en")
    assert "fake-head" not in gone.choices
    assert "is no longer there" in gone.notes


def test_of_a_fused_encoder_every_part_must_be_lent(tmp_path: Path) -> None:
    from dataclasses import replace

    from gpt_sovits_emotion.heads import save_head
    from gpt_sovits_emotion.testing import fake_card, fake_tensors

    spec = replace(fake_card().encoder, id="fake+hubert:6")
    assert isinstance(spec, EncoderSpec)
    save_head(tmp_path / "fake-head", fake_card(encoder=spec), fake_tensors())
    host = FakeBackend()
    app = AppContext(heads_dirs=(tmp_path,), backend=host)
    assert "fake-head" not in [entry.id for entry in app.heads()]
    host.provides = frozenset({"fake", "hubert"})
    assert "fake-head" in [entry.id for entry in app.heads()]


def test_engines_notice_a_head_that_was_replaced(tmp_path: Path) -> None:
    card = load_card(shipped_folder() / "prosody-emodb")
    folder = tmp_path / "mine"
    shutil.copytree(shipped_folder() / "prosody-emodb", folder)
    rewrite(folder, "id: prosody-emodb", "id: mine")
    app = AppContext(heads_dirs=(tmp_path,))
    first = app.engines("mine")
    assert app.engines("mine") is first
    assert app.engines(str(folder)).tagger.card.id == "mine"
    rewrite(folder, "min_duration_s: 0.6", "min_duration_s: 0.7")
    second = app.engines("mine")
    assert second is not first
    assert second.tagger.card.min_duration_s == 0.7
    shutil.rmtree(folder)
    with pytest.raises(HeadError, match="there is no head 'mine'"):
        app.engines("mine")
    assert app.labels("mine") == card.labels, "what was tagged with it can still be looked at"


def test_many_pages_may_ask_at_once(tmp_path: Path) -> None:
    make_fake_head(tmp_path / "fake-head")
    app, found = AppContext(heads_dirs=(tmp_path,), backend=FakeBackend()), []
    threads = [
        threading.Thread(target=lambda: found.append(heads_menu(app, None, "en").choices))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert "fake-head" in found[0]
