"""Check which ports are free, and who has those that are not."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import Finding, fine, warning

__all__ = ["OUR_PORT", "check_ports"]

OUR_PORT = 9876
"""Where ``gpt-sovits-emotion web`` serves its page."""

_AREA = "ports"
_TIMEOUT_S = 0.5
_USES = {
    "webui_port_main": tr("the main page"),
    "webui_port_infer_tts": tr("the inference page"),
    "webui_port_uvr5": tr("vocal separation"),
    "api_port": Sentence("the API", "API"),
}


def check_ports(ports: Mapping[str, int]) -> Iterator[Finding]:
    """Yield which ports are free.

    Args:
        ports: By the names of ``config.py``.
    """
    wanted = {ports[name]: use for name, use in _USES.items() if name in ports}
    wanted[OUR_PORT] = tr("the page of gpt-sovits-emotion")
    taken = [port for port in wanted if _is_taken(port)]
    free = ", ".join(str(port) for port in sorted(set(wanted) - set(taken)))
    if free:
        yield fine(_AREA, tr("free: {free}", free=free))
    for port in taken:
        use, owner = wanted[port], _owner(port)
        yield warning(
            _AREA,
            tr(
                "{port} ({use}) is taken by {owner}",
                port=port,
                use=use,
                owner=in_both(owner or "another program", owner or "其他程序"),
            ),
            tr(
                "fine if that is GPT-SoVITS itself; otherwise end it, or change the port in config.py"
            ),
        )


def _is_taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(_TIMEOUT_S)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _owner(port: int) -> str | None:
    """Name the program that listens on a port, where psutil is there and may look."""
    try:
        psutil: Any = importlib.import_module("psutil")
    except ImportError:
        return None
    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid is not None:
                process = psutil.Process(connection.pid)
                script = next((part for part in process.cmdline()[1:] if part.endswith(".py")), "")
                return f"{process.name()} {script}".strip() + f" (process {connection.pid})"
    except (psutil.Error, OSError):
        return None  # it belongs to somebody else, whose programs we may not look at
    return None
