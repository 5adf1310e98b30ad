"""Several people at once on one page server: nothing is mixed up, and nothing is left.

They speak to the server as their browsers do: a connection that says that they are there, uploads, the queue.
``GPT_SOVITS_EMOTION_PEOPLE=8`` makes them more.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from browser import RunningServer, running_server, until
from conftest import voiced

pytestmark = pytest.mark.slow

PEOPLE = int(os.environ.get("GPT_SOVITS_EMOTION_PEOPLE", "4"))
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server"), port=18_840) as running:
        yield running


class Person:
    """Somebody who has the page open.

    Args:
        server: The server.
        name: By which the page tells itself from others.
    """

    def __init__(self, server: RunningServer, name: str) -> None:
        self.name = name
        self._address = urllib.parse.urlsplit(server.url).netloc
        self._config = json.loads(self._get("/config"))
        self._prefix = self._config.get("api_prefix", "")

    @contextmanager
    def there(self) -> Iterator[None]:
        """Keep the connection open that a browser keeps as long as its page is."""
        connection = http.client.HTTPConnection(self._address)
        connection.request("GET", f"{self._prefix}/heartbeat/{self.name}")
        answer = connection.getresponse()
        answer.readline()
        try:
            yield
        finally:
            answer.close()
            connection.close()

    def upload(self, path: Path) -> str:
        """Upload a file, and return where the server says it is."""
        head, content, tail = _form(path)
        asked = urllib.request.Request(
            f"http://{self._address}{self._prefix}/upload",
            data=head + content + tail,
            headers={"Content-Type": "multipart/form-data; boundary=parted"},
        )
        with urllib.request.urlopen(asked) as answer:
            return json.loads(answer.read())[0]

    def breaks_off(self, path: Path) -> None:
        """Begin to upload a file, and go away in the middle of it."""
        head, content, tail = _form(path)
        connection = http.client.HTTPConnection(self._address)
        connection.putrequest("POST", f"{self._prefix}/upload")
        connection.putheader("Content-Type", "multipart/form-data; boundary=parted")
        connection.putheader("Content-Length", str(len(head) + len(content) + len(tail)))
        connection.endheaders(head + content[: len(content) // 2])
        connection.close()

    def open(self, place: str) -> None:
        """Tell the page that a recording was uploaded to it."""
        source = self._component("emo-recording")
        event = self._event(lambda one: [source, "change"] in map(list, one["targets"]))
        self._does(event, {source: {"path": place, "meta": {"_type": "gradio.FileData"}}})

    def analyse(self) -> str:
        """Have it analysed; return what the page then says of it."""
        consent, whisper, head = map(self._component, ("emo-consent", "emo-whisper", "emo-head"))
        event = self._event(lambda one: {consent, whisper, head} <= set(one["inputs"]))
        self._does(event, {consent: True, whisper: "none", head: "prosody-emodb"})
        summary = self._component("emo-summary")
        shows = self._event(
            lambda one: one.get("trigger_after") == event["id"] and summary in one["outputs"]
        )
        shown = self._does(shows, {})
        return str(shown[shows["outputs"].index(summary)])

    def _does(self, event: dict[str, Any], values: dict[int, Any]) -> list[Any]:
        """Set an event off with what its inputs begin with, but for the values given; return its outputs."""
        parts = {part["id"]: part["props"] for part in self._config["components"]}
        data = [values.get(part, parts[part].get("value")) for part in event["inputs"]]
        asked = {"fn_index": event["id"], "data": data, "session_hash": self.name}
        request = urllib.request.Request(
            f"http://{self._address}{self._prefix}/queue/join",
            data=json.dumps(asked).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            event_id = json.loads(answer.read())["event_id"]
        waiting = f"http://{self._address}{self._prefix}/queue/data?session_hash={self.name}"
        with urllib.request.urlopen(waiting) as stream:
            for line in stream:
                told = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else {}
                if told.get("msg") == "process_completed" and told.get("event_id") == event_id:
                    assert told["success"], told
                    return told["output"]["data"]
        raise AssertionError("the server ended the stream before it had answered")

    def _component(self, elem_id: str) -> int:
        return next(
            part["id"]
            for part in self._config["components"]
            if part["props"].get("elem_id") == elem_id
        )

    def _event(self, fits: Any) -> dict[str, Any]:
        return next(
            {"id": place, **one}
            for place, one in enumerate(self._config["dependencies"])
            if fits({"id": place, **one})
        )

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self._address}{path}") as answer:
            return answer.read()


def _form(path: Path) -> tuple[bytes, bytes, bytes]:
    head = (
        f'--parted\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'
    )
    return head.encode(), path.read_bytes(), b"\r\n--parted--\r\n"


def test_people_at_once_get_their_own_and_leave_nothing(server, tmp_path):
    recordings = []
    for number in range(PEOPLE):
        path = tmp_path / f"talk{number}.wav"
        soundfile.write(path, voiced(2.0 + number, f0_hz=110 + 12 * number), RATE_HZ)
        recordings.append(path)
    recordings[1] = recordings[0]  # two open one recording at once
    large = tmp_path / "large.wav"
    soundfile.write(large, np.random.default_rng(0).normal(0, 0.1, 3_000_000), RATE_HZ)
    ready = threading.Barrier(PEOPLE)

    def uses_the_page(number: int) -> str:
        person = Person(server, f"person{number}")
        with person.there():
            ready.wait()
            if number == 0:
                person.breaks_off(large)
            person.open(person.upload(recordings[number]))
            ready.wait()
            shown = person.analyse()
            ready.wait()  # everybody's recording is still there when the last one is analysed
            again = person.analyse()
            assert again == shown
            return shown

    with ThreadPoolExecutor(PEOPLE) as people:
        shown = list(people.map(uses_the_page, range(PEOPLE)))
    for number, summary in enumerate(shown):
        seconds = 2 if number == 1 else 2 + number
        assert f"0:{seconds:02d}.0" in summary, (number, summary)
    assert shown[0] == shown[1]
    assert len(set(shown)) == PEOPLE - 1
    until(lambda: not server.files)
