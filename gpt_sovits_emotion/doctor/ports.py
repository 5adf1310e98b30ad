"""Check which ports are free, and who has those that are not."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import Finding, fine, warning

__all__ = ["OUR_PORT", "check_ports"]

OUR_PORT = 9876
"""Where ``gpt-sovits-emotion web`` serves its page."""

_AREA = "ports"
_TIMEOUT_S = 0.5
_USES = {
    "webui_port_main": Sentence("the main page", "主页面"),
    "webui_port_infer_tts": Sentence("the inference page", "推理页面"),
    "webui_port_uvr5": Sentence("vocal separation", "人声分离"),
    "api_port": Sentence("the API", "API"),
}


def check_ports(ports: Mapping[str, int]) -> Iterator[Finding]:
    """Yield which ports are free.

    Args:
        ports: By the names of ``config.py``.
    """
    wanted = {ports[name]: use for name, use in _USES.items() if name in ports}
    wanted[OUR_PORT] = Sentence("the page of gpt-sovits-emotion", "gpt-sovits-emotion 的页面")
    taken = [port for port in wanted if _is_taken(port)]
    free = ", ".join(str(port) for port in sorted(set(wanted) - set(taken)))
    if free:
        yield fine(_AREA, f"free: {free}", f"空闲：{free}")
    for port in taken:
        use, owner = wanted[port], _owner(port)
        yield warning(
            _AREA,
            f"{port} ({use.en}) is taken by {owner or 'another program'}",
            f"{port}（{use.zh}）已被 {owner or '其他程序'} 占用",
            Sentence(
                "fine if that is GPT-SoVITS itself; otherwise end it, or change the port in config.py",
                "如果那就是正在运行的 GPT-SoVITS，则没有问题；否则结束它，或在 config.py 中换端口",
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
