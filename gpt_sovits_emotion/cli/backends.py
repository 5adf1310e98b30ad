"""Who speaks, as the options on it say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.cli.arguments import BadValue, Misuse, pair_of
from gpt_sovits_emotion.cli.settings import SpeakingSettings

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
        raise Misuse(
            "--api and --backend exclude each other: name one of them",
            zh="--api 和 --backend 不能同时使用：请只指定一个",
        )
    if options and speaking.backend is None:
        raise Misuse(
            "--backend-option is about a backend: name it with --backend",
            zh="--backend-option 只用于后端：请用 --backend 指定",
        )
    if speaking.api is None and speaking.backend is None:
        return None
    from gpt_sovits_emotion.backends.opening import API_V2, named_backend, open_named

    name, address = named_backend(speaking.backend or "", or_address=speaking.api or "")
    if name != API_V2:
        if speaking.api_folders:
            raise Misuse(
                f"--api-folder is about {API_V2}, and the backend is {name}",
                zh=f"--api-folder 只用于 {API_V2}，而后端是 {name}",
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
                f"there is no folder {here} on this machine",
                zh=f"本机没有文件夹 {here}",
                param_hint="--api-folder",
            )
        folders[here] = there
    return folders
