"""GPT-SoVITS over HTTP: a running ``api_v2.py`` speaks, on this machine or another."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from gpt_sovits_emotion.backends.base import BackendLimits, SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits.failures import sentence_of
from gpt_sovits_emotion.backends.gpt_sovits.languages import codes_of_version
from gpt_sovits_emotion.backends.gpt_sovits.speaking import (
    STOPPED,
    check_not_cancelled,
    finished_audio,
    limits_of,
    prepare,
)
from gpt_sovits_emotion.backends.streamed_wav import read_wav
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Audio, Sentence

if TYPE_CHECKING:
    import httpx

__all__ = ["DEFAULT_URL", "ApiV2Backend", "open_api_v2"]

_Result = TypeVar("_Result")

DEFAULT_URL = "http://127.0.0.1:9880"

_CONNECT_S = 5.0
_POLL_S = 0.1
_N_SPELLINGS = 16
_VERSION = re.compile(r"is not supported(?: in version (v\w+))?$")
# No language is called "?", so that the server refuses before it does any work, and says in which version.
_QUESTION = {"text": "?", "text_lang": "?", "ref_audio_path": "?", "prompt_lang": "?"}


class ApiV2Backend:
    """Speaks through the HTTP interface of GPT-SoVITS; provides nothing that needs its models.

    The server reads reference clips from its own disk, by path. On another machine, or in a container, the
    folder of the voice has to be there too, and `folders` says where.

    Stopping closes the connection and is felt at once; the server finishes what it has begun. The server
    takes up the text of the last clip again as long as the text stays the same: after a switch between a v1
    and a later model, use another clip first.

    Args:
        url: Where the server listens; ``http://`` may be left out.
        timeout_s: How long one sentence may take; on a CPU, minutes.
        folders: Folders here, and what the server calls them: ``{"voices/anna": "/data/anna"}``.

    Raises:
        BackendError: `url` is no address.
    """

    id = "api_v2"
    provides = frozenset({"prosody"})
    voice_mark = None  # the server does not tell which weights it has

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout_s: float = 600.0,
        folders: Mapping[str | Path, str] | None = None,
    ) -> None:
        self.url = _address(url)
        self._timeout_s = timeout_s
        self._folders = {
            Path(here).absolute(): _server_path(there) for here, there in (folders or {}).items()
        }
        self._turn = count(secrets.randbelow(_N_SPELLINGS))

    @property
    def title(self) -> Sentence:
        """GPT-SoVITS and where it listens; asks nothing of the server."""
        return tr("GPT-SoVITS at {url}", url=self.url)

    @property
    def limits(self) -> BackendLimits:
        """What the loaded model can do, as far as the server tells.

        It is asked each time, because weights can be switched. Servers from 2024 do not tell their version:
        the limits are then those of v2.

        Raises:
            BackendError: The server does not answer, or is something else.
        """
        version = self._version()
        return limits_of(version, codes=codes_of_version(version), averages_timbre=True)

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Provide nothing but what needs no modules.

        Raises:
            BackendError: Another family than ``prosody`` was asked for.
        """
        if family not in self.provides:
            raise BackendError(
                tr(
                    "{family} needs the models of GPT-SoVITS themselves, and over HTTP it only speaks: "
                    "use it inside the WebUI, name a checkout (--checkout), or choose a head that reads "
                    "prosody",
                    family=family,
                )
            )
        return iter(())

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Have `request.text` said, and return it at the rate of the WAV that came back.

        Raises:
            BackendError: The request cannot be met, the server cannot be reached, or it failed; the message
                says which, and what to do.
        """
        check_not_cancelled(request)
        version = self._version()
        utterance = prepare(request, version=version, codes=codes_of_version(version))
        inputs = utterance.pipeline_inputs() | {
            "ref_audio_path": self._there(utterance.reference),
            "aux_ref_audio_paths": [self._there(path) for path in utterance.timbre],
            "media_type": "wav",
        }
        del inputs["return_fragment"]  # set by the server from streaming_mode
        status, kind, body = self._post(inputs, cancelled=request.cancelled)
        if status != 200:
            raise self._refusal(status, body)
        return finished_audio([read_wav(body, kind, self.url)])

    # --- the server --------------------------------------------------------------------------------

    def _version(self) -> str | None:
        """Return the version of the loaded model, None from a server that does not tell."""
        status, _, body = self._post(_QUESTION)
        found = _VERSION.search(_message_in(body)[0])
        if status != 400 or found is None:
            raise self._stranger(status, body)
        return found.group(1)

    def _post(
        self, inputs: Mapping[str, Any], *, cancelled: Callable[[], bool] | None = None
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body of the answer of ``POST /tts``."""
        import httpx

        try:
            response = _run(self._answer(httpx, inputs, cancelled))
        except httpx.ConnectTimeout as error:
            raise BackendError(
                tr(
                    "{url} does not answer within {connect_s:g} s: is the address right, and does a "
                    "firewall let it through?",
                    url=self.url,
                    connect_s=_CONNECT_S,
                )
            ) from error
        except httpx.TimeoutException as error:
            raise BackendError(
                tr(
                    "GPT-SoVITS at {url} took longer than {timeout_s:g} s: it may be busy with another "
                    "text; try again, shorten the text, or allow more time (--timeout SECONDS)",
                    url=self.url,
                    timeout_s=self._timeout_s,
                )
            ) from error
        except httpx.ConnectError as error:
            start = f"python api_v2.py -a 127.0.0.1 -p {urlsplit(self.url).port or 9880}"
            raise BackendError(
                tr(
                    "nothing listens at {url}: start GPT-SoVITS's server there ({start}, from its "
                    "folder; it answers once its models are loaded), or correct the address",
                    url=self.url,
                    start=start,
                )
            ) from error
        except httpx.HTTPError as error:
            why = str(error).strip().rstrip(".")
            raise BackendError(
                tr(
                    "the connection to {url} broke off{why}: see whether the server is still running; "
                    "its console has the reason",
                    url=self.url,
                    why=in_both(f" ({why})" if why else "", f"（{why}）" if why else ""),
                )
            ) from error
        return response.status_code, response.headers.get("content-type", ""), response.content

    async def _answer(
        self, client_of: Any, inputs: Mapping[str, Any], cancelled: Callable[[], bool] | None
    ) -> httpx.Response:
        timeout = client_of.Timeout(self._timeout_s, connect=_CONNECT_S)
        # A proxy named in the environment knows nothing of addresses on this machine or in this house.
        async with client_of.AsyncClient(
            timeout=timeout, trust_env=not _is_near(self.url)
        ) as client:
            asked = asyncio.ensure_future(client.post(f"{self.url}/tts", json=dict(inputs)))
            while not (await asyncio.wait({asked}, timeout=_POLL_S))[0]:
                if cancelled is not None and cancelled():
                    asked.cancel()
                    raise BackendError(STOPPED.en, zh=STOPPED.zh)
            response: httpx.Response = asked.result()
            return response

    def _refusal(self, status: int, body: bytes) -> BackendError:
        message, exception = _message_in(body)
        if status != 400 or not message:
            return self._stranger(status, body)
        reason = exception if exception or message == "tts failed" else message
        if reason.endswith(("not exists", "not exist")):
            path = _plain(reason.rsplit(" not ", 1)[0])
            return BackendError(
                tr(
                    "{title} does not find {path} on its own disk: put the voice's folder there, and say "
                    "what it is called there (--api-folder HERE=THERE)",
                    title=self.title,
                    path=path,
                )
            )
        sentence = sentence_of(reason, backend=self.title)
        return BackendError(sentence.en, zh=sentence.zh)

    def _stranger(self, status: int, body: bytes) -> BackendError:
        if status in (407, 502, 503, 504):
            return BackendError(
                tr(
                    "{url} answered HTTP {status}, as a proxy does: set NO_PROXY for this address, or "
                    "see whether the server is running",
                    url=self.url,
                    status=status,
                )
            )
        if status >= 500:
            return BackendError(
                tr(
                    "the server at {url} failed (HTTP {status}): its console has the reason",
                    url=self.url,
                    status=status,
                )
            )
        return BackendError(
            tr(
                "what answers at {url} is not GPT-SoVITS's api_v2.py (HTTP {status} to /tts): start "
                "api_v2.py, not api.py or a page, and give its port (9880 as it comes)",
                url=self.url,
                status=status,
            )
        )

    def _there(self, path: Path) -> str:
        """Return what the server calls a file, spelt in another way each time.

        The server takes up a clip again by its path alone, even after the weights or the file have changed;
        and taking up a new one draws random numbers, so that one seed would give two sounds (``TTS.run``).
        """
        there: PurePath = path
        for here, folder in self._folders.items():
            if path.is_relative_to(here):
                there = folder.joinpath(*path.relative_to(here).parts)
                break
        separator = "\\" if isinstance(there, PureWindowsPath) else "/"
        dots = f".{separator}" * (next(self._turn) % _N_SPELLINGS)
        return f"{there.parent}{separator}{dots}{there.name}"


# --- inside ----------------------------------------------------------------------------------------


def open_api_v2(
    address: str = DEFAULT_URL,
    *,
    timeout_s: float | str = 600.0,
    folders: Mapping[str | Path, str] | None = None,
) -> ApiV2Backend:
    """Return the backend at an address, as it is registered among others. Arguments as for `ApiV2Backend`.

    Raises:
        BackendError: The address is none, or the time no number.
    """
    try:
        seconds = float(timeout_s)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise BackendError(
            tr("timeout_s is {timeout_s!r}; a number of seconds was expected", timeout_s=timeout_s)
        )
    return ApiV2Backend(address, timeout_s=seconds, folders=folders)


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end; unlike `asyncio.run`, leave alone the loop that this thread has."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        for task in asyncio.all_tasks(loop):  # there are some only after Ctrl-C
            task.cancel()
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(task)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _address(url: str) -> str:
    import httpx

    full = url.strip() if "://" in url else f"http://{url.strip()}"
    full = full.rstrip("/").removesuffix("/tts")
    try:
        parts = urlsplit(full)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(full)
    except (ValueError, httpx.InvalidURL):  # such as a name that no server can have
        fits = False
    if not fits:
        raise BackendError(
            tr(
                "{url!r} is no address of a server; one like {default_url} was expected",
                url=url,
                default_url=DEFAULT_URL,
            )
        )
    return full.replace("//0.0.0.0", "//127.0.0.1")  # what a server listens on, not where it is


def _is_near(url: str) -> bool:
    name = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return name == "localhost" or "." not in name or name.endswith((".local", ".localhost"))


def _server_path(folder: str) -> PurePath:
    is_windows = "\\" in folder or re.match(r"[A-Za-z]:", folder) is not None
    return PureWindowsPath(folder) if is_windows else PurePosixPath(folder)


def _plain(path: str) -> str:
    return re.sub(r"([\\/])(?:\.[\\/])+", r"\1", path)


def _message_in(body: bytes) -> tuple[str, str]:
    """Return the server's message and the exception it names, "" where there is none."""
    import json

    try:
        content = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    return str(content.get("message", "")), str(content.get("Exception", ""))
