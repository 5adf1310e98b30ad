"""Check what surrounds a checkout: path files, temporary folders, proxies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import Finding, broken, fine, warning
from gpt_sovits_emotion.doctor.interpreter import Interpreter

__all__ = ["check_settings"]

_AREA = "settings"
_PATH_FILE = "users.pth"
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_LOCAL = ("localhost", "127.0.0.1")


def check_settings(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    """Yield what is the matter around a checkout."""
    if not checkout.config:
        yield warning(
            _AREA,
            "config.py cannot be read; the usual paths and ports are assumed",
            "config.py 无法读取，按通常的路径和端口处理",
            "git checkout -- config.py",
        )
    yield _path_file(checkout, python)
    yield _scratch(checkout, python)
    yield from _proxies(python)


def _path_file(checkout: Checkout, python: Interpreter) -> Finding:
    # webui.py writes it at every start, and the inference page finds its modules by it.
    start = Sentence(
        "start webui.py of this checkout once: it writes the file; or set PYTHONPATH to its root",
        "启动一次本目录的 webui.py，它会写好此文件；或把 PYTHONPATH 设为本目录",
    )
    for folder in python.site_packages:
        path = folder / _PATH_FILE
        if not path.is_file():
            continue
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
        if first and _same(Path(first), checkout.root):
            return fine(_AREA, f"{_PATH_FILE} points at this checkout", f"{_PATH_FILE} 指向本目录")
        return warning(
            _AREA,
            f"{path} points at another checkout, {first}: a page that is started by itself mixes the two",
            f"{path} 指向另一个目录 {first}：单独启动推理页面时两者会混在一起",
            start,
        )
    root = str(checkout.root)
    if root in python.variables.get("PYTHONPATH", ""):
        return fine(_AREA, "PYTHONPATH holds this checkout", "PYTHONPATH 含有本目录")
    return fine(
        _AREA,
        f"no {_PATH_FILE} yet: webui.py writes it when it starts",
        f"还没有 {_PATH_FILE}：webui.py 启动时会写入",
    )


def _same(first: Path, second: Path) -> bool:
    try:
        return first.resolve() == second.resolve()
    except OSError:
        return False


def _scratch(checkout: Checkout, python: Interpreter) -> Finding:
    if python.scratch is None:
        return broken(
            _AREA,
            "there is no folder for temporary files that can be written to",
            "没有可写的临时目录",
            Sentence(
                "set TEMP to a folder on a disk with room", "把 TEMP 设为有空间的磁盘上的目录"
            ),
        )
    kept = _kept(checkout.scratch)
    if kept:
        return warning(
            _AREA,
            f"TEMP holds {len(kept)} files, {kept[0].name} among them: webui.py deletes them when it starts",
            f"TEMP 中有 {len(kept)} 个文件（如 {kept[0].name}）：webui.py 启动时会全部删除",
            Sentence(
                f"move what you want to keep out of {checkout.scratch}",
                f"把要保留的文件移出 {checkout.scratch}",
            ),
        )
    return fine(
        _AREA,
        f"temporary files go to {python.scratch}; under webui.py to TEMP, emptied at every start",
        f"临时文件在 {python.scratch}；由 webui.py 启动时在 TEMP，每次启动都会清空",
    )


def _kept(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.name != "jieba.cache"
    )


def _proxies(python: Interpreter) -> Iterator[Finding]:
    variables = python.variables
    proxies = [name for name in _PROXIES if variables.get(name)]
    listed = f"{variables.get('no_proxy', '')},{variables.get('NO_PROXY', '')}".split(",")
    spared = {name.strip() for name in listed}
    unspared = [host for host in _LOCAL if not spared & {host, "*"}]
    if proxies and unspared:
        yield warning(
            _AREA,
            f"{proxies[0]} is set and {unspared[0]} is not exempt: a page may not find itself",
            f"设置了 {proxies[0]} 而没有排除 {unspared[0]}：页面可能访问不到自己",
            "no_proxy=localhost,127.0.0.1,::1",
        )
