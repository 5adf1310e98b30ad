"""What other pages, other programs and closed pages can do to ours: a real browser, the real command."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import LONG_MS, RunningServer, Tab, running_chromium, running_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), "--max-upload", "1MB") as running:
        yield running


# Newer browsers ask before a site may reach this machine at all, and send nothing then. Older ones do not,
# nor do those of people who once said yes: the page must hold without that.
_AS_OLDER_BROWSERS = "LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"


@pytest.fixture(scope="module")
def chromium():
    with running_chromium(
        f"--disable-features={_AS_OLDER_BROWSERS}",
        "--host-resolver-rules=MAP rebound.example 127.0.0.1",
    ) as browser:
        yield browser


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Another site: a page of nothing at another port of this machine."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *_: object) -> None:
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{other.server_address[1]}/"
    other.shutdown()
    other.server_close()


@pytest.fixture
def open_tab(chromium, server) -> Iterator:
    contexts = []

    def opened(locale: str = "en-US") -> Tab:
        context = chromium.new_context(locale=locale)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        page.goto(server.url)
        tab = Tab(page, "zh" if locale.startswith("zh") else "en")
        page.get_by_role("button", name=tab.say("analyse"), exact=True).wait_for()
        return tab

    yield opened
    for context in contexts:
        context.close()


# --- other pages -------------------------------------------------------------------------------------

# What a page can send without asking first (a "simple" request), and with.
_ATTACK = """async (url) => {
  const form = new FormData();
  form.append("files", new Blob(["x"]), "evil.wav");
  const body = JSON.stringify({data: [], fn_index: 0, session_hash: "evil"});
  const json = {"Content-Type": "application/json"};
  const requests = {
    upload: [url + "upload", {method: "POST", body: form, mode: "no-cors"}],
    join: [url + "queue/join", {method: "POST", body, mode: "no-cors"}],
    asked: [url + "queue/join", {method: "POST", body, headers: json}],
    read: [url + "config", {}],
  };
  const seen = {};
  for (const [name, [to, how]] of Object.entries(requests))
    seen[name] = await fetch(to, how).then((answer) => answer.type, () => "refused");
  seen.frame = await new Promise((told) => {
    const frame = document.createElement("iframe");
    frame.onload = () => told("loaded");
    frame.src = url;
    document.body.append(frame);
  });
  return seen;
}"""


@pytest.mark.parametrize("where", ["another port", "data:"])
def test_a_foreign_page_is_refused_and_nothing_is_done(chromium, server, elsewhere, where):
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(LONG_MS)
    answers: dict[str, list[int]] = {}

    def note(response) -> None:
        if response.url.startswith(server.url):
            path = urllib.parse.urlsplit(response.url).path
            answers.setdefault(path, []).append(response.status)

    page.on("response", note)
    page.goto(elsewhere if where == "another port" else "data:text/html,<title>null</title>")
    seen = page.evaluate(_ATTACK, server.url)
    # What a page without permission may read of an answer is nothing; what we see of it is the status.
    assert seen["asked"] == seen["read"] == "refused"
    statuses = {status for path in answers for status in answers[path]}
    assert statuses == {403}, answers
    assert {"/upload", "/queue/join", "/"} <= set(answers)
    context.close()
    assert server.files == []


def test_a_link_on_a_foreign_page_opens_ours(chromium, server, elsewhere):
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.set_default_timeout(LONG_MS)
    page.goto(elsewhere)
    page.evaluate("url => { location.href = url }", server.url)
    page.get_by_role("button", name="Analyse", exact=True).wait_for()
    context.close()


def test_a_name_that_points_to_this_machine_is_refused(chromium, server):
    """DNS rebinding: the browser takes the other site's name and our server for one site."""
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(LONG_MS)
    answer = page.goto(server.url.replace("127.0.0.1", "rebound.example"))
    assert answer.status == 403
    assert "rebound.example" in page.inner_text("body")
    assert page.evaluate("fetch('/config').then((answer) => answer.status)") == 403
    context.close()


# --- other programs ----------------------------------------------------------------------------------


def ask(server: RunningServer, path: str, body: object) -> tuple[int, str]:
    place = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read().decode()
    connection.close()
    return answer.status, said


def get(server: RunningServer, path: str) -> tuple[int, str]:
    place = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    said = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, said


@pytest.fixture
def lonely(tmp_path) -> Iterator[RunningServer]:
    """A server of its own: a program that asks has no page to close, so what it made stays until the end."""
    with running_server(tmp_path, port=18_780) as running:
        yield running


def test_no_event_takes_a_file_of_this_machine(lonely, tmp_path):
    secret = tmp_path / "secret.wav"
    secret.write_text("the words of a secret")
    stolen = {"path": str(secret), "orig_name": "x", "meta": {"_type": "gradio.FileData"}}
    config = json.loads(get(lonely, "/config")[1])
    components = {part["id"]: part["type"] for part in config["components"]}
    asked = 0
    for place, event in enumerate(config["dependencies"]):
        if not event["backend_fn"] or any("unload" in target for target in event["targets"]):
            continue
        for sent in (stolen, [stolen], float("nan"), {"a": [stolen]}, "x" * 30_000):
            data = [sent if components[part] != "state" else None for part in event["inputs"]]
            question = {"fn_index": event.get("id", place), "data": data, "session_hash": "thief"}
            status, said = ask(lonely, "/queue/join", question)
            if status != 200:
                continue
            asked += 1
    assert asked > 100
    said = get(lonely, "/queue/data?session_hash=thief")[1]
    assert "secret of" not in said
    assert "the words of a secret" not in said
    copies = [path for path in lonely.files if path.is_file()]
    assert [path for path in copies if b"the words of a secret" in path.read_bytes()] == []
    assert get(lonely, f"/file={secret}")[0] == 403


def test_the_listing_is_asked_for_with_consent(server, tmp_path):
    for data in (
        [str(tmp_path)],
        [str(tmp_path), False],
        [{"path": "/etc"}, True],
        [str(tmp_path), "x"],
    ):
        status, said = ask(server, "/call/emotion_bank", {"data": data})
        if status == 200:
            event = json.loads(said)["event_id"]
            said = get(server, f"/call/emotion_bank/{event}")[1]
            assert "voices" not in said


def test_an_upload_of_another_page_cannot_be_taken(open_tab, server, tmp_path):
    tab, thief = open_tab(), open_tab()
    recording = tmp_path / "mine.wav"
    soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    tab.upload(recording)
    (upload,) = until(lambda: [path for path in server.files if path.name == "mine.wav"])
    taken = {"path": str(upload), "meta": {"_type": "gradio.FileData"}}
    config = json.loads(get(server, "/config")[1])
    (source,) = [
        part["id"]
        for part in config["components"]
        if part["props"].get("elem_id") == "emo-recording"
    ]
    place, event = next(
        (place, event)
        for place, event in enumerate(config["dependencies"])
        if [source, "change"] in event["targets"]
    )
    question = {
        "fn_index": event.get("id", place),
        "data": ["English", taken],
        "session_hash": "thief2",
    }
    assert ask(server, "/queue/join", question)[0] == 200
    said = get(server, "/queue/data?session_hash=thief2")[1]
    assert "did not come from this page" in said
    assert upload.exists()
    thief.page.close()
    tab.page.close()
    until(lambda: not [path for path in server.files if path.is_file()])


# --- uploads -----------------------------------------------------------------------------------------


def test_too_large_a_file_is_one_sentence(open_tab, server, tmp_path):
    tab = open_tab("zh-CN")
    large = tmp_path / "large.wav"
    soundfile.write(large, np.random.default_rng(0).normal(0, 0.1, 2_000_000), 16_000)
    tab.page.set_input_files("#emo-recording input[type=file]", large)
    tab.shows(".toast-wrap", "文件超过本页面允许的 1 MB")
    tab.page.close()
    until(lambda: not [path for path in server.files if path.is_file()])


def test_one_recording_in_two_tabs_stays_until_the_last_is_closed(open_tab, server, tmp_path):
    recording = tmp_path / "both.wav"
    soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
    before = set(
        server.files
    )  # a program that asks without a page keeps its folder until the server ends
    first, second = open_tab(), open_tab()
    for tab in (first, second):
        tab.upload(recording)
    (upload,) = until(lambda: [path for path in server.files if path.name == "both.wav"])
    folders = {path for path in server.files if path.name.startswith("page-")} - before
    first.page.close()
    until(lambda: len(folders & set(server.files)) == 1)
    assert upload.exists()
    second.page.locator("#emo-consent input").check()
    second.work("analyse")  # its recording is still there
    assert second.page.locator("#emo-status .emo-bad").count() == 0
    second.page.close()
    until(lambda: not [path for path in server.files if path.is_file()])


def test_what_a_killed_server_left_goes_with_the_next(chromium, tmp_path):
    with running_server(tmp_path, port=18_790) as killed:
        page = chromium.new_context(locale="en-US").new_page()
        page.set_default_timeout(LONG_MS)
        page.goto(killed.url)
        page.locator("#emo-consent").wait_for()
        tab = Tab(page, "en")
        recording = tmp_path / "mine.wav"
        soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 16_000), 16_000)
        tab.upload(recording)
        until(lambda: [path for path in killed.files if path.name == "mine.wav"])
        killed.process.send_signal(signal.SIGKILL)
        killed.process.wait()
        page.context.close()
        assert killed.root.exists()
    (tmp_path / "server.log").unlink()
    with running_server(tmp_path, port=18_790) as fresh:
        assert not killed.root.exists()
        assert fresh.root.exists()


# --- passwords ---------------------------------------------------------------------------------------


def test_a_password_is_asked_for(chromium, tmp_path, monkeypatch):
    monkeypatch.setenv("GPT_SOVITS_EMOTION_AUTH", "anna:open sesame")
    with running_server(tmp_path, port=18_800) as server:
        shown = Path(f"/proc/{server.process.pid}/cmdline")
        if shown.exists():
            assert b"sesame" not in shown.read_bytes()
        for path in ("/config", "/info", "/file=/etc/hostname", "/queue/data?session_hash=a"):
            assert get(server, path)[0] == 401
        page = chromium.new_context(locale="en-US").new_page()
        page.set_default_timeout(LONG_MS)
        page.goto(server.url)
        page.locator("input[type=password]").wait_for()
        assert page.locator("#emo-consent").count() == 0
        page.locator("input").first.fill("anna")
        page.locator("input[type=password]").fill("open sesame")
        page.locator("button").first.click()
        page.locator("#emo-consent").wait_for()
        page.context.close()


def test_a_page_for_everybody_says_that_it_has_no_password(tmp_path):
    log = tmp_path / "log"
    command = [sys.executable, "-m", "gpt_sovits_emotion", "web", "--no-browser", "--port", "18810"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--host", "0.0.0.0"],
            stdout=stream,
            stderr=stream,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    try:
        until(lambda: "The page is at" in log.read_text(), alive=process, log=log)
        assert "without a password" in log.read_text()
    finally:
        process.terminate()
        process.wait()
