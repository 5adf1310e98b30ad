"""Who speaks, as the options on it say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.cli.arguments import BadValue, Misuse, pair_of
from gpt_sovits_emotion.cli.settings import SpeakingSettings
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.backends.base import Backend

__all__ = ["speaker_for"]


def speaker_for(speaking: SpeakingSettings) -> Backend | None:
    """Return who speaks, None for the embedded voice.

    Raises:
        BackendError: There is no such backend, or it cannot be opened so.
        PluginError: It is another package's, which is broken.
    """
    options = dict(
        pair_of(pair, "KEY=VALUE", "--backend-option") for pair in speaking.backend_options
    )
    if speaking.api is not None and speaking.backend is not None:
        raise Misuse(tr("--api and --backend exclude each other: name one of them"))
    if options and speaking.backend is None:
        raise Misuse(tr("--backend-option is about a backend: name it with --backend"))
    if speaking.api is None and speaking.backend is None:
        return None
    from gpt_sovits_emotion.backends.opening import API_V2, named_backend, open_named

    name, address = named_backend(speaking.backend or "", or_address=speaking.api or "")
    if name != API_V2:
        if speaking.api_folders:
            raise Misuse(
                tr(
                    "--api-folder is about {api_v2}, and the backend is {name}",
                    api_v2=API_V2,
                    name=name,
                )
            )
        return open_named(name, address, options)
    server = {"timeout_s": speaking.timeout, "folders": _server_folders(speaking)}
    return open_named(name, address, {**server, **options})


def _server_folders(speaking: SpeakingSettings) -> dict[str | Path, str]:
    folders: dict[str | Path, str] = {}
    for pair in speaking.api_folders:
        here, there = pair_of(pair, "HERE=THERE", "--api-folder")
        if not Path(here).is_dir():
            raise BadValue(
                tr("there is no folder {here} on this machine", here=here),
                param_hint="--api-folder",
            )
        folders[here] = there
    return folders
