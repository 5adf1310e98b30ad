"""Putting the tab into a checkout and taking it out: what is written, what python makes of it, what stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest
from browser import BACKSTOP_S, until
from conftest import REPOSITORY
from hypothesis import assume, given
from hypothesis import strategies as st

from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import BackendError, OutputError
from webui_tab import install as installing
from webui_tab import lines, starting
from webui_tab.interpreter import ENVIRONMENT, checkout_root, inspect_python, python_of

PAGE = b"""\
import json, sys
print(json.dumps({
    "armed": "webui_tab.hook" in sys.modules,
    "finders": [type(finder).__module__ for finder in sys.meta_path if not isinstance(finder, type)],
    "arguments": sys.argv,
}))

if __name__ == "__main__":
    pass
"""
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals and shell scripts")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder whose name has spaces, quotes and Chinese characters."""
    return make_checkout(tmp_path / 'it\'s the "GPT" SoVITS 语音')


def make_checkout(root: Path, page: bytes = PAGE) -> Path:
    (root / "GPT_SoVITS").mkdir(parents=True)
    (root / "GPT_SoVITS" / "inference_webui.py").write_bytes(page)
    (root / "GPT_SoVITS" / "inference_webui_fast.py").write_bytes(page.replace(b"\n", b"\r\n"))
    (root / "webui.py").write_bytes(b"version = 'v2'\n")
    return root


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The python of a fresh environment that finds our packages and what they need."""
    venv.create(tmp_path / "environment", symlinks=os.name != "nt")
    folder = tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin")
    python = folder / f"python{'.exe' if os.name == 'nt' else ''}"
    (packages_of(python) / "base.pth").write_text(
        f"{REPOSITORY}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8"
    )
    return python


def packages_of(python: Path) -> Path:
    (found,) = python.parents[1].glob("lib/python3*/site-packages" if os.name != "nt" else "Lib/*")
    return found


def everything_in(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def run(python: Path, *arguments: str, cwd: Path, **environment: str) -> tuple[dict, str]:
    """Run a page, and return what it said of itself and what stands on stderr."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(python), *arguments],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


# --- the route pth -----------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [(), ("-s",), ("-I",), ("-E",), ("-X", "utf8")])
def test_python_itself_reads_the_line(
    checkout: Path, python: Path, flags: tuple[str, ...], tmp_path: Path
) -> None:
    installing.install(checkout, python=python)
    page, stderr = run(python, *flags, "GPT_SoVITS/inference_webui.py", "zh_CN", cwd=checkout)
    assert page["armed"]
    assert page["finders"].count("webui_tab.hook") == 1
    assert page["arguments"] == ["GPT_SoVITS/inference_webui.py", "zh_CN"]
    assert stderr == ""

    other = tmp_path / "other.py"
    other.write_bytes(PAGE)
    page, stderr = run(python, *flags, str(other), cwd=tmp_path)
    assert not page["armed"]
    assert "webui_tab.hook" not in page["finders"]
    assert stderr == ""


def test_installing_and_uninstalling_leaves_no_trace(checkout: Path, python: Path) -> None:
    packages = packages_of(python)
    before = everything_in(packages), everything_in(checkout)

    first = installing.install(checkout, python=python)
    assert everything_in(checkout) == before[1]
    assert set(everything_in(packages)) - set(before[0]) == {lines.PTH_NAME}
    assert "Restart" in first[-1].en
    assert "重启" in first[-1].zh

    written = (packages / lines.PTH_NAME).read_bytes()
    again = installing.install(checkout, python=python)
    assert (packages / lines.PTH_NAME).read_bytes() == written
    assert "Already installed" in again[0].en
    assert "Already installed" in installing.status(checkout, python=python)[0].en

    done = installing.uninstall(checkout, python=python)
    assert "Removed" in done[0].en
    assert (everything_in(packages), everything_in(checkout)) == before
    assert "not installed" in installing.uninstall(checkout, python=python)[0].en
    assert "not installed" in installing.status(checkout, python=python)[0].en


def test_another_checkout_keeps_its_line(checkout: Path, python: Path, tmp_path: Path) -> None:
    other = make_checkout(tmp_path / "other")
    installing.install(other, python=python)
    alone = (packages_of(python) / lines.PTH_NAME).read_bytes()
    installing.install(checkout, python=python)
    installing.uninstall(checkout, python=python)
    assert (packages_of(python) / lines.PTH_NAME).read_bytes() == alone
    page, _ = run(python, "GPT_SoVITS/inference_webui.py", cwd=other)
    assert page["armed"]


def test_a_checkout_that_is_gone_can_be_uninstalled(checkout: Path, python: Path) -> None:
    before = everything_in(packages_of(python))
    installing.install(checkout, python=python)
    checkout.rename(checkout.with_name("moved"))
    assert "Removed" in installing.uninstall(checkout, python=python)[0].en
    assert everything_in(packages_of(python)) == before


def test_the_line_is_silent_once_the_package_is_gone(checkout: Path, python: Path) -> None:
    installing.install(checkout, python=python)
    (packages_of(python) / "base.pth").unlink()
    page, stderr = run(python, "GPT_SoVITS/inference_webui.py", cwd=checkout)
    assert not page["armed"]
    assert stderr == ""


def test_a_python_without_our_package_gets_the_command_for_pip(
    checkout: Path, python: Path
) -> None:
    base = packages_of(python) / "base.pth"
    base.write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    ours = inspect_python(python, checkout).missing
    base.unlink()
    with pytest.raises(BackendError, match="has no gradio"):
        installing.install(checkout, python=python)
    assert not (packages_of(python) / lines.PTH_NAME).exists()
    if "webui_tab" not in ours:
        pytest.skip("our package is installed in the tests' environment as a folder")
    base.write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    with pytest.raises(BackendError, match="-m pip install --no-deps "):
        installing.install(checkout, python=python)


def test_a_python_that_reads_no_pth_files_is_told_the_other_route(
    checkout: Path, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_in(packages_of(python))
    monkeypatch.setattr(installing, "is_armed", lambda *_: False)
    with pytest.raises(BackendError, match="--route scripts"):
        installing.install(checkout, python=python)
    assert everything_in(packages_of(python)) == before


@pytest.mark.parametrize("route", installing.ROUTES)
def test_a_folder_that_may_not_be_written_is_said_in_one_sentence(
    checkout: Path, python: Path, route: installing.Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_in(packages_of(python)), everything_in(checkout)

    def refuse(**_) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(installing.tempfile, "mkstemp", refuse)
    with pytest.raises(OutputError, match="gpt-sovits-emotion launch"):
        installing.install(checkout, python=python, route=route)
    assert (everything_in(packages_of(python)), everything_in(checkout)) == before


def test_lines_of_other_forms(checkout: Path, python: Path) -> None:
    pth = packages_of(python) / lines.PTH_NAME
    installing.install(checkout, python=python)
    written = pth.read_bytes()

    pth.write_bytes(newer := written.replace(b"form 1", b"form 2"))
    with pytest.raises(BackendError, match="newer gpt-sovits-emotion"):
        installing.install(checkout, python=python)
    assert "Left alone" in installing.uninstall(checkout, python=python)[0].en
    assert "Left alone" in installing.status(checkout, python=python)[0].en
    assert pth.read_bytes() == newer

    pth.write_bytes(written.replace(b"form 1", b"form 0").replace(b"arm", b"old"))
    assert "Installed" in installing.install(checkout, python=python)[0].en
    assert pth.read_bytes() == written


_ROOTS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=40)


@given(_ROOTS)
def test_a_line_carries_any_path(root: str) -> None:
    content = lines.add_line(b"", root)
    content.decode("ascii")
    assert content.count(b"\n") == 2
    line = content.splitlines()[1].decode("ascii")

    armed: list[str] = []
    hook = SimpleNamespace(arm=armed.append)
    command = SimpleNamespace(orig_argv=["python", "inference_webui.py"])
    modules = {"sys": command, "webui_tab.hook": hook}
    builtins = {"exec": exec, "getattr": getattr, "ImportError": ImportError}
    builtins["__import__"] = lambda name, *_: modules[name]
    exec(line, {"__builtins__": builtins})
    assert armed == [root]

    command.orig_argv = ["python", "train.py"]
    exec(line, {"__builtins__": builtins})
    assert armed == [root]


@given(_ROOTS, _ROOTS, st.binary(max_size=60))
def test_lines_come_and_go_without_touching_others(root: str, other: str, rest: bytes) -> None:
    assume(root != other)
    assume(b"gpt-sovits-emotion" not in rest)
    before = lines.add_line(rest, other)
    assert lines.add_line(lines.add_line(before, root), root) == lines.add_line(before, root)
    assert lines.remove_line(lines.add_line(before, root), root) == before
    assert lines.remove_line(before, other) == rest


# --- the route scripts -------------------------------------------------------------------------------


def test_blocks_come_and_go_without_a_trace(checkout: Path, python: Path) -> None:
    script = checkout / "GPT_SoVITS" / "inference_webui.py"
    script.chmod(0o755)
    before, mode = everything_in(checkout), script.stat().st_mode
    assert "Installed" in installing.install(checkout, python=python, route="scripts")[0].en
    changed = everything_in(checkout)
    assert {name for name in before if before[name] != changed[name]} == {
        str(Path("GPT_SoVITS", name)) for name in ("inference_webui.py", "inference_webui_fast.py")
    }
    assert script.stat().st_mode == mode
    again = installing.install(checkout, python=python, route="scripts")
    assert "Already installed" in again[0].en
    assert everything_in(checkout) == changed
    assert not (packages_of(python) / lines.PTH_NAME).exists()
    run(python, "-I", "GPT_SoVITS/inference_webui.py", cwd=checkout)

    assert len(installing.uninstall(checkout, python=python)) == 2
    assert everything_in(checkout) == before
    assert script.stat().st_mode == mode


def test_a_block_is_silent_once_the_package_is_gone(checkout: Path, python: Path) -> None:
    installing.install(checkout, python=python, route="scripts")
    (packages_of(python) / "base.pth").unlink()
    for script in ("inference_webui.py", "inference_webui_fast.py"):
        _, stderr = run(python, f"GPT_SoVITS/{script}", cwd=checkout)
        assert stderr == ""


def test_a_block_that_somebody_changed_is_left_alone(checkout: Path, python: Path) -> None:
    installing.install(checkout, python=python, route="scripts")
    script = checkout / "GPT_SoVITS" / "inference_webui.py"
    for old, new in (
        (b"pass  # it", b"print()  # it"),
        (b"# <<<", b"# <<"),
        (b"form 1", b"form 9"),
    ):
        whole = script.read_bytes()
        script.write_bytes(edited := whole.replace(old, new))
        said = [sentence.en for sentence in installing.uninstall(checkout, python=python)]
        assert "Left alone" in said[0]
        assert script.read_bytes() == edited
        with pytest.raises(BackendError, match=r"not as it was written|newer gpt-sovits-emotion"):
            installing.install(checkout, python=python, route="scripts")
        script.write_bytes(whole)


def test_a_second_script_that_cannot_be_edited_leaves_the_first_as_it_was(
    checkout: Path, python: Path
) -> None:
    fast = checkout / "GPT_SoVITS" / "inference_webui_fast.py"
    fast.write_bytes(b"launch()\n")
    before = everything_in(checkout)
    with pytest.raises(BackendError, match="does not launch its page"):
        installing.install(checkout, python=python, route="scripts")
    assert everything_in(checkout) == before


_NEWLINES = st.sampled_from([b"\n", b"\r\n"])
_SOURCE_LINES = st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=6)
_ANCHORS = st.sampled_from(
    [b"if __name__ == '__main__':", b'if __name__ == "__main__":', b"app.queue(max_size=1022)"]
)


@given(_SOURCE_LINES, _ANCHORS, _SOURCE_LINES, _NEWLINES, st.booleans(), st.booleans())
def test_editing_a_script_is_undone_to_the_byte(
    head: list[bytes],
    anchor: bytes,
    tail: list[bytes],
    newline: bytes,
    has_bom: bool,
    ends_with_newline: bool,
) -> None:
    source = newline.join([b"import os", *head, anchor, *tail])
    source = b"\xef\xbb\xbf" * has_bom + source + newline * ends_with_newline
    assume(len(lines._ANCHOR.findall(source)) == 1)
    assume(b"gpt-sovits-emotion" not in source)
    edited = lines.add_block(source)
    assert edited != source
    assert lines.add_block(edited) == edited
    assert lines.remove_block(edited) == source
    assert lines.remove_block(source) == source


# --- which checkout, which python --------------------------------------------------------------------


def test_a_folder_that_is_no_checkout_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="is no GPT-SoVITS checkout"):
        installing.install(tmp_path)
    with pytest.raises(BackendError, match="is no GPT-SoVITS checkout"):
        starting.start(tmp_path)


def test_the_python_of_the_windows_package_is_preferred(checkout: Path) -> None:
    assert python_of(checkout) == Path(sys.executable)
    packaged = checkout / "runtime" / "python.exe"
    packaged.parent.mkdir()
    packaged.touch()
    assert python_of(checkout_root(checkout)) == packaged
    assert python_of(checkout, Path(sys.executable)) == Path(sys.executable)
    with pytest.raises(BackendError, match="there is no python at"):
        python_of(checkout, checkout / "nowhere")


@POSIX
def test_programs_that_are_no_python_are_said_so(checkout: Path, tmp_path: Path) -> None:
    for number, script in enumerate(("echo hello", "exit 3", "")):
        program = tmp_path / f"program{number}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        with pytest.raises(BackendError, match="--python"):
            installing.install(checkout, python=program)


@POSIX
def test_an_older_python_is_told_apart(checkout: Path, tmp_path: Path) -> None:
    answer = '{"version": [3, 9, 13], "packages": "/p", "searched": [], "missing": [], "path": []}'
    program = tmp_path / "python3.9"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    with pytest.raises(BackendError, match=r"is Python 3\.9\.13, and the tab needs Python 3\.10"):
        installing.install(checkout, python=program)


def test_the_command_line(checkout: Path, python: Path, capsys: pytest.CaptureFixture) -> None:
    where = ["--checkout", str(checkout), "--python", str(python)]
    for arguments, word in (
        (["install", *where], "Restart GPT-SoVITS"),
        (["install", *where, "--route", "scripts", "--lang", "zh"], "请重启 GPT-SoVITS"),
        (["uninstall", *where], "Removed: the line"),
        (["uninstall", *where], "was not installed"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        assert word in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["install", "--checkout", str(checkout.parent)])
    assert ended.value.code == 1
    assert "is no GPT-SoVITS checkout" in capsys.readouterr().err


# --- launch ------------------------------------------------------------------------------------------

MAIN = """\
import json, os, subprocess, sys
from pathlib import Path
page = '"%s" -s GPT_SoVITS/inference_webui.py "zh_CN"' % sys.executable
child = subprocess.run(page, shell=True, capture_output=True, text=True)
print(json.dumps({"child": json.loads(child.stdout), "arguments": sys.argv[1:], "cwd": os.getcwd()}))
sys.exit(7)
"""


@contextlib.contextmanager
def launching(checkout: Path, python: Path, *arguments: str, **environment: str):
    """Run ``launch``; what it left running is ended here."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    where = ["launch", "--checkout", str(checkout), "--python", str(python)]
    with subprocess.Popen(
        [sys.executable, "-m", "gpt_sovits_emotion", *where, *arguments],
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_launch_arms_the_page_that_the_main_page_starts(checkout: Path, python: Path) -> None:
    (checkout / "webui.py").write_text(MAIN)
    before = everything_in(packages_of(python)), everything_in(checkout)
    with launching(checkout, python, "--", "zh_CN", "--flag") as process:
        out, err = process.communicate(timeout=BACKSTOP_S)
    said = json.loads(out)
    assert said["arguments"] == ["zh_CN", "--flag"]
    assert Path(said["cwd"]) == checkout.resolve()
    assert said["child"]["armed"]
    assert said["child"]["finders"].count("webui_tab.hook") == 1
    assert err == ""
    assert process.returncode == 7
    assert (everything_in(packages_of(python)), everything_in(checkout)) == before


PAGE_ENVIRONMENT = """\
import json, os, sys
names = ("language", "version", "is_half", "infer_ttswebui", "no_proxy", "bert_path")
names += ("GPT_SOVITS_EMOTION_ALLOW_HOST",)
print(json.dumps({"path": sys.path, **{name: os.environ.get(name) for name in names}}))
"""
CONFIG = (
    "print('noise')\nis_half = False\nwebui_port_infer_tts = 9872\nbert_path = 'GPT_SoVITS/bert'\n"
)


@pytest.mark.parametrize("page", ["default", "fast"])
def test_launch_gives_a_page_what_the_main_page_would(
    checkout: Path, python: Path, page: str
) -> None:
    for script in ("inference_webui.py", "inference_webui_fast.py"):
        (checkout / "GPT_SoVITS" / script).write_text(PAGE_ENVIRONMENT)
    (checkout / "webui.py").write_text('os.environ["version"] = version = "v2Pro"\nversion = "x"\n')
    (checkout / "config.py").write_text(CONFIG)
    (checkout / "tools/i18n/locale").mkdir(parents=True)
    (checkout / "tools/i18n/locale/ja_JP.json").touch()
    told = {"infer_ttswebui": "1234", "no_proxy": "elsewhere"}
    told["GPT_SOVITS_EMOTION_ALLOW_HOST"] = "*.example.org"
    options = ("--page", page, "--allow-host", "box.example")
    with launching(checkout, python, *options, "--", "ja_JP", **told) as process:
        out, err = process.communicate(timeout=BACKSTOP_S)
    said = json.loads(out)
    assert err == ""
    path = said.pop("path")
    assert said == {
        "language": "ja_JP",
        "version": "v2Pro",
        "is_half": "False",
        "infer_ttswebui": "1234",  # what a person set stays
        "no_proxy": "localhost, 127.0.0.1, ::1",  # or the server would look for itself by a proxy
        "bert_path": "GPT_SoVITS/bert",
        "GPT_SOVITS_EMOTION_ALLOW_HOST": "box.example,*.example.org",
    }
    root = checkout.resolve()
    assert path[-3:] == [str(root), str(root / "tools"), str(root / "GPT_SoVITS")]


@POSIX
@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_ending_launch_ends_the_whole_tree(
    checkout: Path, python: Path, tmp_path: Path, number: str, code: int
) -> None:
    noted = tmp_path / "pid"
    (checkout / "GPT_SoVITS" / "inference_webui.py").write_text(
        f"import os, time\nopen({str(noted)!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    (checkout / "webui.py").write_text(MAIN)
    with launching(checkout, python) as process:
        pid = int(until(lambda: noted.exists() and noted.read_text(), alive=process))
        process.send_signal(getattr(signal, number))
        process.communicate(timeout=BACKSTOP_S)
    assert process.returncode == code

    def is_gone() -> bool:
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"

    until(is_gone)


@POSIX
def test_launch_says_when_python_would_not_heed_it(
    checkout: Path, python: Path, tmp_path: Path
) -> None:
    isolated = tmp_path / "isolated"
    isolated.write_text(f'#!/bin/sh\nexec "{python}" -I "$@"\n')
    isolated.chmod(0o755)
    with pytest.raises(BackendError, match="ignores PYTHONPATH"):
        starting.start(checkout, python=isolated)


def test_the_next_sitecustomize_runs_too(checkout: Path, python: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import os\nos.environ['CHAINED'] = __file__\n")
    (checkout / "GPT_SoVITS" / "inference_webui.py").write_text(
        "import json, os, sys\n"
        "print(json.dumps([os.environ.get('CHAINED'), 'webui_tab.hook' in sys.modules]))\n"
    )
    path = os.pathsep.join((str(ENVIRONMENT), str(other)))
    said, stderr = run(python, "GPT_SoVITS/inference_webui.py", cwd=checkout, PYTHONPATH=path)
    assert said == [str(other / "sitecustomize.py"), True]
    assert stderr == ""


def test_other_processes_pay_nothing_for_the_line(checkout: Path, python: Path) -> None:
    """The line adds less to a start than a start varies by itself."""
    command = [str(python), "-c", "import sys; assert 'webui_tab.hook' not in sys.modules"]

    def best_s() -> float:
        took = []
        for _ in range(7):
            begun = time.perf_counter()
            subprocess.run(command, check=True)
            took.append(time.perf_counter() - begun)
        return min(took)

    before_s = best_s()
    installing.install(checkout, python=python)
    assert best_s() - before_s < 0.03
