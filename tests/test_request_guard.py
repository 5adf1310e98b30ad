"""Who may ask the page for anything: names, origins, sizes, and what is left of an upload."""

from __future__ import annotations

import asyncio
import doctest
import os
import socket
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpt_sovits_emotion.core.errors import BackendError
from webui_tab.request_guard import access
from webui_tab.request_guard.access import (
    Served,
    Serving,
    accounts_of,
    address_of,
    host_of,
    named_hosts,
    size_of,
    warnings_of,
)
from webui_tab.request_guard.guard import refuse
from webui_tab.request_guard.receiving import ARRIVING, Presence, Receiving
from webui_tab.storage import Uploads

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what gradio imports warns of what it imports
    import gradio as gr
    from gradio.routes import App
    from starlette.testclient import TestClient

    from webui_tab.request_guard.guard import guard

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # gradio's, of fastapi
HERE = "http://127.0.0.1:9876"


@pytest.mark.parametrize("module", [access])
def test_the_examples_in_docstrings_hold(module):
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


# --- names -------------------------------------------------------------------------------------------

OWN = socket.gethostname().lower()


@pytest.mark.parametrize(
    ("served", "known", "unknown"),
    [
        (
            Served("127.0.0.1"),
            ["127.0.0.1:9876", "localhost:9876", "LOCALHOST", "localhost.", "[::1]:9876", "127.0.0.2"],
            [
                "evil.example", "evil.example:9876", "127.0.0.1.evil.example", "localhost.evil.example",
                "xlocalhost", "192.168.1.7", "203.0.113.7:9876", "0.0.0.0:9876", "[fe80::1]:9876",
                f"{OWN}.evil.example", "2130706433", "",
            ],
        ),
        (
            Served("0.0.0.0"),
            ["127.0.0.1", "192.168.1.7:9876", "[fe80::1]", "[::ffff:10.0.0.1]", OWN, f"{OWN}:80"],
            ["evil.example", "127.0.0.1.evil.example", f"{OWN}.evil.example"],
        ),
        (Served(""), ["192.168.1.7", "localhost"], ["evil.example"]),
        (Served("192.168.1.7"), ["192.168.1.7:9876"], ["192.168.1.8", "evil.example"]),
        (
            Served("127.0.0.1", allowed=("studio.example", "*.lan")),
            ["studio.example", "studio.example:443", "a.lan", "b.a.lan:80"],
            ["lan", "evilstudio.example", "a.lan.evil.example", "studio.example.evil.example"],
        ),
        (Served("0.0.0.0", share="abc.gradio.live"), ["abc.gradio.live"], ["abd.gradio.live"]),
        (Served("127.0.0.1", allowed=("*",)), ["anything.example"], [""]),
    ],
)  # fmt: skip
def test_a_page_knows_the_names_that_it_is_served_under(served, known, unknown):
    def knows(header: str) -> bool:
        host = host_of(header)
        return host is not None and served.knows(host[0])

    assert [header for header in known if not knows(header)] == []
    assert [header for header in unknown if knows(header)] == []


@pytest.mark.parametrize(
    "header", ["me@127.0.0.1", "127.0.0.1/x", "a b", "[::1", "a:b", "a:1:2", None]
)
def test_what_is_no_host_is_none(header):
    assert host_of(header) is None


def test_names_are_read_from_what_a_person_writes():
    assert named_hosts(["a.example,b.example:8443", " ", "A.example", "[::1]", "*"]) == (
        "a.example", "b.example", "::1", "*",
    )  # fmt: skip
    for wrong in ("http://a.example", "a b", "*a.example", "a/b", "a@b"):
        with pytest.raises(BackendError, match="no host name") as refused:
            named_hosts([wrong])
        assert "主机名" in refused.value.say("zh")


# --- requests ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """a page behind the guard, with what was asked of it and the folder that uploads arrive in."""
    folder = tmp_path_factory.mktemp("server")
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "files"))
        with gr.Blocks(analytics_enabled=False) as blocks:
            text, button = gr.Textbox(), gr.Button()
            button.click(asked.append, text, None, api_name="ask", queue=False)
        blocks.queue()
        blocks.max_file_size = None  # as launching sets it
        uploads = Uploads()
        guard(blocks, address="127.0.0.1", receiving=Receiving(uploads, max_bytes=1000))
        app = App.create_app(blocks)
    client = TestClient(app, base_url=HERE, raise_server_exceptions=False)
    return SimpleNamespace(client=client, app=app, asked=asked, uploads=uploads)


@pytest.fixture
def page(built, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    built.arriving = tmp_path
    built.asked.clear()
    return built


def ask(page, **headers: str):
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return page.client.post("/run/ask", json={"data": ["hello"]}, headers=told)


OURS = [
    {},
    {"origin": HERE},
    {"origin": HERE, "sec_fetch_site": "same-origin"},
    {"host": "localhost:9000", "origin": "http://localhost:9000"},
    {"host": "[::1]:9876", "origin": "http://[::1]:9876"},
    {"sec_fetch_site": "none"},
]
FOREIGN = [
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://127.0.0.1:8000"},
    {"origin": "http://localhost:9876"},
    {"origin": "https://127.0.0.1:9877"},
    {"origin": "http://evil.example"},
    {"origin": "http://evil.example:9876"},
    {"origin": "http://127.0.0.1:9876.evil.example"},
    {"origin": "http://127.0.0.1:9876@evil.example"},
    {"origin": "chrome-extension://abcdef"},
    {"origin": "file://"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
    {"origin": HERE, "sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"},
    {"host": "evil.example"},
    {"host": "evil.example:9876", "origin": "http://evil.example:9876"},
    {"host": "evil.example:9876", "origin": HERE, "sec_fetch_site": "same-origin"},
]


@pytest.mark.parametrize("headers", OURS)
def test_our_own_page_is_answered(page, headers):
    assert ask(page, **headers).status_code == 200
    assert page.asked == ["hello"]


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_foreign_page_gets_403_and_nothing_is_done(page, headers):
    answer = ask(page, **headers)
    assert answer.status_code == 403
    assert page.asked == []
    assert answer.headers["content-type"].startswith("text/plain")
    assert "refused" in answer.text
    assert answer.text.count("\n") == 0
    assert "access-control-allow-origin" not in answer.headers
    assert "拒绝" in ask(page, **headers, accept_language="zh-CN,zh;q=0.9").text


ROUTES = [
    ("GET", "/config"), ("GET", "/info"), ("GET", "/"), ("GET", "/file=/etc/hostname"),
    ("GET", "/heartbeat/abc"), ("GET", "/queue/data?session_hash=abc"), ("POST", "/queue/join"),
    ("POST", "/upload"), ("GET", "/upload_progress?upload_id=a"), ("POST", "/cancel"),
    ("POST", "/reset"), ("POST", "/component_server"), ("GET", "/theme.css"), ("POST", "/login"),
    ("GET", "/logout"), ("GET", "/assets/x.js"), ("POST", "/call/ask"), ("GET", "/call/ask/1"),
    ("OPTIONS", "/queue/join"), ("GET", "/monitoring"), ("GET", "/no-such-place"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "route"), ROUTES)
def test_every_route_is_behind_the_door(page, method, route):
    for headers in ({"origin": "null"}, {"host": "evil.example"}, {"sec-fetch-site": "same-site"}):
        given = {**headers, "access-control-request-method": "POST"}
        assert page.client.request(method, route, headers=given).status_code == 403


def test_a_link_from_another_page_opens_this_one_and_nothing_else(page):
    link = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    assert page.client.get("/?__theme=dark", headers=link).status_code == 200
    assert page.client.get("/config", headers=link).status_code == 403
    assert page.client.get("/", headers={**link, "sec-fetch-dest": "iframe"}).status_code == 403
    assert page.client.post("/", headers=link).status_code == 403


def test_a_websocket_is_refused_too(page):
    from starlette.testclient import WebSocketDenialResponse

    headers = {"host": "127.0.0.1:9876", "origin": "null"}
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        page.client.websocket_connect("/queue/join", headers=headers),
    ):
        pass
    assert refused.value.status_code == 403


def test_a_proxy_is_let_in_by_its_name():
    proxied = Served("127.0.0.1", allowed=("studio.example",))
    for host in ("127.0.0.1:9876", "studio.example", "studio.example:443"):
        assert proxied.is_own("https://studio.example", host_of(host))
    assert proxied.is_own("https://studio.example:8443", host_of("studio.example"))
    assert not proxied.is_own("http://studio.example:8000", host_of("studio.example:443"))
    assert not proxied.is_own("https://evil.example", host_of("127.0.0.1:9876"))
    assert Served("0.0.0.0", share="a.gradio.live").is_own(
        "https://a.gradio.live", ("a.gradio.live", None)
    )


def test_what_a_stranger_sends_is_shown_harmlessly(page):
    answer = page.client.get("/config", headers={"origin": "http://x\x1b[31m<b>" + "y" * 500})
    assert answer.status_code == 403
    assert "\x1b" not in answer.text
    assert len(answer.text) < 400


# --- uploads -----------------------------------------------------------------------------------------


def complete(coroutine) -> None:
    """Run it in a loop of its own: `asyncio.run` takes away the one that gradio has made for itself."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()


def upload(page, content: bytes, **headers: str):
    return page.client.post("/upload", files={"files": ("talk.wav", content)}, headers=headers)


def test_an_upload_is_noted_before_it_is_answered(page):
    (path,) = upload(page, b"x" * 1000).json()
    assert page.uploads.claim("one", Path(path))
    assert not page.uploads.claim("two", Path(path))
    assert list(page.arriving.iterdir()) == []


@pytest.mark.parametrize("declared", [True, False])
def test_too_large_an_upload_is_one_sentence_and_leaves_nothing(page, declared):
    content = b"x" * 2**20
    form = (
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n' + content
    )
    pieces = (form[at : at + 65536] for at in range(0, len(form), 65536))
    answer = page.client.post(
        "/upload",
        content=form if declared else pieces,
        headers={"content-type": "multipart/form-data; boundary=b", "accept-language": "zh"},
    )
    assert answer.status_code == 413
    assert "1000 B" in answer.text
    assert "--max-upload" in answer.text
    assert list(page.arriving.iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(page):
    begun = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\nhalf'
    arriving = [
        {"type": "http.request", "body": begun, "more_body": True},
        {"type": "http.disconnect"},
    ]
    seen: list[list[str]] = []

    async def receive():
        seen.append([path.name for path in page.arriving.iterdir()])
        return arriving.pop(0) if arriving else {"type": "http.disconnect"}

    async def send(message):
        seen.append([message["type"]])

    headers = [
        (b"host", b"127.0.0.1:9876"),
        (b"content-type", b"multipart/form-data; boundary=b"),
    ]
    scope = {
        "type": "http", "method": "POST", "path": "/upload", "raw_path": b"/upload", "root_path": "",
        "query_string": b"", "headers": headers, "scheme": "http", "http_version": "1.1",
        "server": ("127.0.0.1", 9876), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    complete(page.app(scope, receive, send))
    assert any(len(names) == 1 and names[0].startswith("tmp") for names in seen), "it had begun"
    assert list(page.arriving.iterdir()) == []


def test_a_full_disk_is_one_sentence(page, monkeypatch):
    import gradio.route_utils

    def full(*_, **__):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(gradio.route_utils, "NamedTemporaryFile", full)
    answer = upload(page, b"x")
    assert answer.status_code == 507
    assert answer.text.startswith("The disk is full")


def test_no_other_request_is_taken_at_any_size(page):
    answer = page.client.post("/run/ask", json={"data": ["x" * 33 * 2**20]})
    assert answer.status_code == 413
    assert page.asked == []


def test_who_holds_a_connection_open_is_there(tmp_path):
    presence, there = Presence(), []

    async def app(scope, receive, send):
        there.append("one" in presence)

    async def nothing(*_):
        return {"type": "http.disconnect"}

    receiving = Receiving(Uploads(), presence=presence)
    for path, query in (
        ("/heartbeat/one", b""),
        ("/gradio_api/heartbeat/one/", b""),
        ("/queue/data", b"session_hash=one"),
        ("/heartbeat/two", b""),
        ("/config", b"session_hash=one"),
    ):
        scope = {"method": "GET", "path": path, "query_string": query, "headers": []}
        complete(receiving.take(app, scope, nothing, nothing, nothing))
    assert there == [True, True, True, False, False]
    assert "one" not in presence


def test_nothing_is_noted_outside_of_an_upload():
    assert ARRIVING.get() is None


def test_a_websocket_that_can_be_told_why_is():
    told = []

    async def send(message):
        told.append(message)

    scope = {"type": "websocket", "extensions": {"websocket.http.response": {}}}
    complete(refuse(scope, send, 403, "no"))
    assert [message["type"] for message in told] == [
        "websocket.http.response.start", "websocket.http.response.body",
    ]  # fmt: skip
    assert (told[0]["status"], told[1]["body"]) == (403, b"no")


# --- for whom it is served -----------------------------------------------------------------------------


def test_addresses_and_sizes_are_read_or_refused():
    assert [address_of(each) for each in ("localhost", "0.0.0.0", "[::1]", " 10.0.0.1 ")] == [
        "127.0.0.1", "0.0.0.0", "::1", "10.0.0.1",
    ]  # fmt: skip
    for wrong in ("", "example.org", "1.2.3", "127.0.0.1:80"):
        with pytest.raises(BackendError, match="no address"):
            address_of(wrong)
    assert [size_of(each) for each in ("1", "2KB", "3 m", "0.5GB")] == [1, 2048, 3 * 2**20, 2**29]
    for wrong in ("", "0", "-1GB", "nan", "inf GB", "2TBx", "MB", "1e999", "1_0"):
        with pytest.raises(BackendError, match="no size") as refused:
            size_of(wrong)
        assert "不是大小" in refused.value.say("zh")


def test_accounts_come_from_a_file_the_environment_or_the_command(tmp_path, monkeypatch):
    file = tmp_path / "accounts"
    file.write_text("\ufeff# who may come in\nanna:a:b \n\nben: secret\n", encoding="utf-8")
    assert accounts_of(None, file) == (("anna", "a:b"), ("ben", " secret"))
    monkeypatch.setenv("GPT_SOVITS_EMOTION_AUTH", "cleo:x")
    assert accounts_of(None, None) == (("cleo", "x"),)
    assert accounts_of("dora:y", None) == (("dora", "y"),)
    monkeypatch.delenv("GPT_SOVITS_EMOTION_AUTH")
    assert accounts_of(None, None) == ()
    for wrong in ("nopassword", ":x", "x:", " :x"):
        with pytest.raises(BackendError, match="USER:PASSWORD") as refused:
            accounts_of(wrong, None)
        assert wrong not in str(refused.value).replace("USER:PASSWORD", "")
    for text in ("", "# nobody\n"):
        file.write_text(text)
        with pytest.raises(BackendError, match="no account"):
            accounts_of(None, file)
    with pytest.raises(BackendError, match="cannot be read"):
        accounts_of(None, tmp_path / "gone")


def test_a_page_for_everybody_without_a_password_is_warned_of(tmp_path):
    assert warnings_of(Serving()) == ()
    assert warnings_of(Serving("0.0.0.0", accounts=(("a", "b"),))) == ()
    (told,) = warnings_of(Serving("0.0.0.0"))
    assert "without a password" in str(told)
    file = tmp_path / "accounts"
    file.write_text("a:b")
    file.chmod(0o600)
    assert warnings_of(Serving(), file) == ()
    file.chmod(0o644)
    assert "chmod 600" in str(*warnings_of(Serving(), file))
