"""Our tab in a page of GPT-SoVITS's contract: beside theirs, or not at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import host_page
import pytest
from browser import BACKSTOP_S, until
from conftest import voiced

from gpt_sovits_emotion.audio import recording_from_samples, write_wav
from gpt_sovits_emotion.core.errors import BackendError
from webui_tab.pages import Pages

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr
    from gradio.blocks import Block, Blocks, BlocksConfig
    from gradio.context import Context
    from gradio_client import Client, handle_file

    from webui_tab import attach
    from webui_tab.banks.events import LISTING_API

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's, of fastapi
OURS = attach.OURS
NEVER_THE_SAME = ("connect_heartbeat",)  # of the page as a whole: asked for by the tab, to tidy up


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkout")


@pytest.fixture(scope="module")
def namespaces(root: Path) -> dict[str, dict[str, Any]]:
    return {
        "default": host_page.default_namespace(root=root),
        "fast": host_page.fast_namespace(root=root),
    }


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path / "uploads"


@pytest.fixture(autouse=True)
def tidied_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Callable[[], None]]]:
    """What the tab would tidy up when the process ends."""
    tidying: list[Callable[[], None]] = []
    monkeypatch.setattr(attach.atexit, "register", tidying.append)
    yield tidying
    for tidy in tidying:
        tidy()


def a_page(namespaces: dict[str, dict[str, Any]], kind: str = "default") -> tuple[Any, Any]:
    namespace = namespaces[kind]
    build = host_page.build_fast_page if kind == "fast" else host_page.build_default_page
    app = build(namespace)
    app.queue()
    return app, namespace


def native_part(config: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    """What of a page's configuration is about the components and events of another one."""
    ids = {component["id"] for component in like["components"]}
    events = range(len(like["dependencies"]))
    return {
        **{key: value for key, value in config.items() if key not in NEVER_THE_SAME},
        "components": [part for part in config["components"] if part["id"] in ids],
        "dependencies": [config["dependencies"][index] for index in events],
        "layout": None,
    }


def tabs_of(config: dict[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """The labels of the tabs that are the whole page, and the layout in the first."""
    (tabs,) = config["layout"]["children"]
    parts = {component["id"]: component for component in config["components"]}
    labels = [parts[tab["id"]]["props"]["label"] for tab in tabs["children"]]
    return labels, tabs["children"][0]["children"]


@pytest.mark.parametrize("kind", ["default", "fast"])
def test_their_part_stays_as_it_is(namespaces: dict[str, dict[str, Any]], kind: str) -> None:
    app, namespace = a_page(namespaces, kind)
    app.css, app.js, app.head = ".markdown { color: red }", "() => 1", "<meta>"
    before, api_before, queue = app.get_config_file(), app.get_api_info(), app._queue
    layout = before["layout"]["children"]

    attach.attach(app, namespace)

    after = app.get_config_file()
    assert native_part(after, before) == native_part(before, before)
    assert tabs_of(after) == (["TTS", OURS], layout)
    api = app.get_api_info()
    assert api["named_endpoints"].pop(f"/{LISTING_API}")["parameters"]
    assert api == api_before
    assert app._queue is queue
    assert namespace["app"] is app
    assert Context.root_block is None
    assert Context.block is None
    ours = after["dependencies"][len(before["dependencies"]) :]
    assert ours
    assert [event["api_name"] for event in ours if event["show_api"]] == [LISTING_API]
    assert any(part["props"].get("elem_id") == "emo-consent" for part in after["components"])


def test_a_page_whose_values_load_anew_connects_them_once() -> None:
    with gr.Blocks() as app:
        gr.Textbox(value=lambda: "now", label="Loaded")
    before = app.get_config_file()
    with pytest.raises(BackendError, match="not a page of GPT-SoVITS"):
        attach.attach(app, {"app": app})
    assert app.get_config_file() == before

    def build(*_: Any) -> Callable[[], None]:
        gr.Textbox("ours")
        return list

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attach, "build_inside", build)
        attach.attach(app, {})
    after = app.get_config_file()
    assert after["dependencies"] == before["dependencies"]
    (loaded,) = (block for block in app.blocks.values() if getattr(block, "label", "") == "Loaded")
    assert loaded.load_event_to_attach


def test_a_page_that_launches_inside_its_own_context(
    namespaces: dict[str, dict[str, Any]],
) -> None:
    with gr.Blocks() as app:
        gr.Textbox("theirs")
        attach.attach(app, namespaces["default"])
    assert tabs_of(app.get_config_file())[0] == ["TTS", OURS]


# --- failures ----------------------------------------------------------------------------------------


class Injected(Exception):
    pass


def steps(at: int | None, patch: pytest.MonkeyPatch) -> list[str]:
    """Count what attaching does, and have it fail at one of the steps; return the steps it came to."""
    came: list[str] = []

    def counted(owner: Any, name: str, *, after: bool) -> None:
        original = getattr(owner, name)

        def step(*args: Any, **kwargs: Any) -> Any:
            came.append(name)
            fails = len(came) - 1 == at
            if fails and not after:
                raise Injected(name)
            done = original(*args, **kwargs)
            if fails:
                raise Injected(name)
            return done

        patch.setattr(owner, name, step)

    counted(Block, "render", after=True)
    counted(BlocksConfig, "set_event_trigger", after=True)
    counted(Blocks, "attach_load_events", after=True)
    counted(Blocks, "get_config_file", after=False)
    counted(gr.routes.App, "create_app", after=True)
    counted(attach, "WebuiBackend", after=False)
    counted(attach, "private_folder", after=False)
    counted(attach, "build_tab", after=True)
    counted(Pages, "__init__", after=False)
    return came


@pytest.fixture(scope="module")
def n_steps(namespaces: dict[str, dict[str, Any]]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        app, namespace = a_page(namespaces)
        came = steps(None, patch)
        attach.attach(app, namespace)
    assert set(came) >= {"render", "set_event_trigger", "create_app", "WebuiBackend", "build_tab"}
    return len(came)


def snapshot(app: Any) -> Any:
    """Everything of a page that its launch will look at."""
    tree = {
        key: (block.parent, list(getattr(block, "children", ())), dict(vars(block)))
        for key, block in app.blocks.items()
    }
    fns = {key: vars(fn).copy() for key, fn in app.fns.items()}
    queue = dict(vars(app._queue))
    return app.get_config_file(), tree, fns, list(app.children), dict(vars(app)), queue


def test_wherever_it_fails_their_page_is_as_it_was(
    namespaces: dict[str, dict[str, Any]], n_steps: int, uploads: Path
) -> None:
    tried = {*range(6), *range(6, n_steps - 6, 9), *range(n_steps - 6, n_steps)}
    app, namespace = a_page(namespaces)
    before = snapshot(app)
    for at in sorted(tried):
        context = Context.id
        with pytest.MonkeyPatch.context() as patch:
            came = steps(at, patch)
            with pytest.raises(Injected):
                attach.attach(app, namespace)
        assert len(came) > at
        assert snapshot(app) == before, f"step {at}: {came[at]}"
        assert (Context.root_block, Context.block, Context.id) == (None, None, context)
        assert [path for path in uploads.rglob("*") if path.name.startswith(attach._PREFIX)] == []
    attach.attach(app, namespace)
    assert tabs_of(app.get_config_file())[0] == ["TTS", OURS]


# --- their button ------------------------------------------------------------------------------------


def say_natively(app: Any, clip: Path) -> tuple[list[str], tuple[int, int]]:
    """Serve a page, press its button over HTTP; return its API names and what was heard."""
    import soundfile

    _, url, _ = app.launch(
        server_name="127.0.0.1", quiet=True, prevent_thread_lock=True, inbrowser=False
    )
    client = None
    try:
        client = Client(url, verbose=False)
        names = sorted(client.view_api(return_format="dict")["named_endpoints"])
        said = client.predict(
            handle_file(clip), "甚至出现交易几乎停滞的情况", "中文", "你好吗", "中文",
            api_name="/get_tts_wav",
        )  # fmt: skip
        samples, rate_hz = soundfile.read(said)
        return names, (rate_hz, len(samples) > rate_hz // 10)
    finally:
        if client is not None:
            client.close()
        app.close(verbose=False)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "reference.wav"
    with recording_from_samples(voiced(5.0), 16_000, name="reference") as recording:
        write_wav(path, recording.read())
    return path


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_their_button_works_over_http_with_the_tab_and_after_a_failure(
    namespaces: dict[str, dict[str, Any]], clip: Path
) -> None:
    app, namespace = a_page(namespaces)
    with pytest.MonkeyPatch.context() as patch:
        steps(50, patch)
        with pytest.raises(Injected):
            attach.attach(app, namespace)
    names, heard = say_natively(app, clip)
    assert "/get_tts_wav" in names
    assert heard == (32_000, True)

    app, namespace = a_page(namespaces)
    attach.attach(app, namespace)
    assert say_natively(app, clip) == (sorted([*names, f"/{LISTING_API}"]), heard)


# --- language, and what is left ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("locale", "language"),
    [("zh_CN", "zh"), ("zh_TW", "zh"), ("en_US", "en"), ("ja_JP", "en"), ("Auto", "auto")],
)
def test_the_language_follows_the_page(
    locale: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert attach.page_language({"language": locale}) == language
    monkeypatch.setattr(sys, "argv", ["inference_webui.py", locale])
    assert attach.page_language({}) == language


def test_what_pages_held_goes_with_the_process(
    namespaces: dict[str, dict[str, Any]], uploads: Path, tidied_at_once: list
) -> None:
    left = uploads / f"{attach._PREFIX}killed"
    left.mkdir(parents=True)
    (left / "in-use").touch()
    app, namespace = a_page(namespaces)
    attach.attach(app, namespace)
    (folder,) = uploads.glob(f"{attach._PREFIX}*")
    assert folder != left
    assert os.name == "nt" or folder.stat().st_mode & 0o777 == 0o700
    tidied_at_once.pop()()
    assert list(uploads.iterdir()) == []


# --- the hook ----------------------------------------------------------------------------------------

FAKE_BLOCKS = """
class Blocks:
    def launch(self, *args, **kwargs):
        print(json.dumps(["launched", args, kwargs]))
        return "app", "url", None
class Interface(Blocks): pass
import json
"""
FAKE_PAGE = """
import json, sys, types
{before}
import gradio as gr
app = gr.blocks.Blocks()
other = gr.blocks.Interface()
print(json.dumps(["loader", "exec_module" in vars(gr.blocks.__spec__.loader)]))
print(json.dumps(["answer", other.launch(1), app.launch(2, share=False), app.launch(3)]))
"""
OUR_PART = """
def attach(app, namespace):
    print(json.dumps(["attached", namespace["app"] is app, namespace is globals()]))
sys.modules["webui_tab.attach"] = types.SimpleNamespace(attach=attach)
"""


def serve_fake(
    tmp_path: Path,
    *,
    version: str = "4.44.1",
    before: str = OUR_PART,
    script: str = "inference_webui.py",
    roots: tuple[str, ...] = (),
    again: str = "",
) -> tuple[list[Any], str]:
    """Run a page on a gradio of straw with the hook armed; return what happened, and stderr."""
    (tmp_path / "gradio").mkdir()
    (tmp_path / "gradio" / "__init__.py").write_text(
        f"__version__ = '{version}'\nfrom gradio import blocks\n"
    )
    (tmp_path / "gradio" / "blocks.py").write_text(FAKE_BLOCKS)
    page = tmp_path / "checkout" / "GPT_SoVITS" / script
    page.parent.mkdir(parents=True)
    page.write_text(FAKE_PAGE.format(before=before))
    armed = f"from webui_tab.hook import arm\narm{roots!r}\n{again}\n"
    (tmp_path / "sitecustomize.py").write_text(armed)
    paths = (str(tmp_path), str(Path(__file__).parents[1]))
    done = subprocess.run(
        [sys.executable, "-s", str(page)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


LAUNCHED = [
    ["loader", False],
    ["launched", [1], {}],
    ["launched", [2], {"share": False}],
    ["launched", [3], {}],
    ["answer", *[["app", "url", None]] * 3],
]
ATTACHED = [*LAUNCHED[:2], ["attached", True, True], *LAUNCHED[2:]]


@pytest.mark.parametrize("script", ["inference_webui.py", "inference_webui_fast.py"])
def test_the_hook_puts_the_tab_into_the_page_once(tmp_path: Path, script: str) -> None:
    assert serve_fake(tmp_path, script=script) == (ATTACHED, "")


def test_the_hook_can_be_armed_twice_and_late(tmp_path: Path) -> None:
    late = "import gradio\nfrom webui_tab.hook import arm\narm()\narm()\n" + OUR_PART
    assert serve_fake(tmp_path, before=late, roots=("/elsewhere",)) == (ATTACHED, "")


def test_the_hook_keeps_to_its_checkouts(tmp_path: Path) -> None:
    root = str(tmp_path / "checkout")
    assert serve_fake(tmp_path, roots=("/elsewhere", root)) == (ATTACHED, "")


@pytest.mark.parametrize("roots", [("/elsewhere",), ("{}/check",), ("{}/checkout/GPT",)])
def test_the_hook_leaves_other_checkouts_alone(tmp_path: Path, roots: tuple[str, ...]) -> None:
    named = tuple(root.format(tmp_path) for root in roots)
    assert serve_fake(tmp_path, roots=named) == (LAUNCHED, "")


def test_the_hook_leaves_other_scripts_alone(tmp_path: Path) -> None:
    assert serve_fake(tmp_path, script="my_inference_webui.py") == (LAUNCHED, "")


@pytest.mark.parametrize("version", ["3.38.0", "4.23.9", "5.1.0"])
def test_a_gradio_that_does_not_fit_is_one_line(tmp_path: Path, version: str) -> None:
    happened, stderr = serve_fake(tmp_path, version=version)
    assert happened == LAUNCHED
    (line,) = stderr.splitlines()
    assert f"needs gradio 4.24 or newer and below 5, and this page runs on gradio {version}" in line


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("import pysubs9", "-m pip install pysubs9"),
        (
            "from gpt_sovits_emotion.core.errors import BackendError; raise BackendError('a b')",
            "put in (a b)",
        ),
    ],
)
def test_a_failure_is_one_line(tmp_path: Path, failure: str, words: str) -> None:
    broken = OUR_PART.replace("print", f"{failure}\n    print")
    happened, stderr = serve_fake(tmp_path, before=broken)
    assert happened == LAUNCHED
    (line,) = stderr.splitlines()
    assert line.startswith("gpt-sovits-emotion: the tab could not be put in")
    assert "GPT-SoVITS's page is as it was" in line
    assert words in line


def test_the_hook_stays_out_of_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    from webui_tab import hook

    fresh = ModuleType("gradio.blocks")
    fresh.Blocks = SimpleNamespace(launch=print)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gradio.blocks", fresh)
    monkeypatch.setattr(sys, "orig_argv", ["python", "train.py"])
    before = list(sys.meta_path)
    hook.arm()
    assert sys.meta_path == before
    assert fresh.Blocks.launch is print


# --- a page as a process -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("script", ["inference_webui.py", "inference_webui_fast.py"])
def test_a_page_that_is_started_as_a_user_does_has_both_tabs(tmp_path: Path, script: str) -> None:
    import urllib.error
    import urllib.request

    page = tmp_path / "GPT_SoVITS" / script
    page.parent.mkdir()
    page.write_bytes(Path(host_page.__file__).read_bytes())
    (tmp_path / "sitecustomize.py").write_text("from webui_tab.hook import arm\narm()\n")
    port = "19872" if "fast" in script else "19873"
    told = {
        "infer_ttswebui": port,
        "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
        "GPT_SOVITS_EMOTION_ALLOW_HOST": "box.example",
    }
    paths = os.pathsep.join((str(tmp_path), str(Path(__file__).parents[1])))
    log = tmp_path / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-s", f"GPT_SoVITS/{script}", "zh_CN"],
            cwd=tmp_path,
            env={**os.environ, **told, "PYTHONPATH": paths},
            stdout=stream,
            stderr=stream,
        )

    def config() -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=60) as answer:
                return json.load(answer)
        except OSError:
            return None

    try:
        served = until(config, alive=process, log=log)
        assert tabs_of(served)[0] == ["TTS", OURS]
        assert "gpt-sovits-emotion:" not in log.read_text(encoding="utf-8")
        # The whole page, theirs as well as ours, answers no other site.
        for headers in (
            {"Origin": "null"},
            {"Host": "evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            for path in ("config", "queue/join", "upload"):
                url = f"http://127.0.0.1:{port}/{path}"
                request = urllib.request.Request(url, b"{}" if path != "config" else None, headers)
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urllib.request.urlopen(request, timeout=60)
                assert refused.value.code == 403
                refused.value.close()
        for own in ("localhost", "box.example"):
            request = urllib.request.Request(
                f"http://127.0.0.1:{port}/config", headers={"Host": f"{own}:{port}"}
            )
            urllib.request.urlopen(request, timeout=60).close()
    finally:
        process.terminate()
        process.wait(timeout=BACKSTOP_S)
