"""Check the packages of the Python that runs a checkout, among them the combinations known to break."""

from __future__ import annotations

from collections.abc import Iterator

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.requirements import TRANSFORMERS, transformers_for
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import Finding, broken, fine, warning
from gpt_sovits_emotion.doctor.interpreter import Interpreter

__all__ = ["check_packages"]

_AREA = "packages"
_OLDEST_PYTHON = (3, 10)
_OURS = "gpt-sovits-emotion"

_SHOWN = (
    *("torch", "torchaudio", "torchcodec", "gradio", "starlette", "fastapi", "huggingface_hub"),
    *("pydantic", "transformers", "numpy", "ctranslate2", "faster-whisper"),
    *("onnxruntime", "onnxruntime-gpu", _OURS),
)

# GPT-SoVITS reads its reference clips by torchaudio.load, which is torchcodec's work since torchaudio 2.9.
_TORCHCODEC_SINCE = (2, 9)

# What GPT-SoVITS cannot start without, and the requirement that brings it.
_NEEDED = {
    "torch": "torch torchaudio torchcodec",
    "torchaudio": "torchaudio",
    "gradio": '"gradio<5"',
    "transformers": f'"{TRANSFORMERS}"',
    "numpy": '"numpy<2"',
}
_GOES_WITH_GRADIO = '"fastapi==0.115.12" "starlette==0.46.2"'  # with 4.44.1
_TWINS = {"onnxruntime": "onnxruntime-gpu", "onnxruntime-gpu": "onnxruntime"}
_N_NAMED = 6


def check_packages(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    """Yield what is the matter with a Python's packages, and in one line what is well."""
    yield _python(python)
    problems = [
        *_missing(checkout, python),
        *_required(checkout, python),
        *_imports(python),
        *_torch_pair(python),
        *_torchcodec(python),
        *_gradio(python),
        *_limits(checkout, python),
        *_hearing(python),
        *_ours(python),
    ]
    yield from _well(python)
    yield from problems


def _pip(python: Interpreter, requirements: str) -> str:
    return f'"{python.executable}" -m pip install {requirements}'


def _python(python: Interpreter) -> Finding:
    version = ".".join(map(str, python.version))
    if python.version[:2] < _OLDEST_PYTHON:
        return warning(
            _AREA,
            f"Python {version} ({python.executable}): the tab needs 3.10 or newer",
            f"Python {version}（{python.executable}）：标签页需要 3.10 或更新的版本",
            Sentence(
                "the tab needs GPT-SoVITS in a newer Python; meanwhile use the command line from another "
                "Python, with --checkout",
                "要用标签页，请在更新的 Python 中安装 GPT-SoVITS；此前可在其他 Python 中用命令行",
            ),
        )
    card = (
        Sentence("with a graphics card", "有显卡") if python.cuda else Sentence("on the CPU", "CPU")
    )
    return fine(
        _AREA,
        f"Python {version} {card.en} ({python.executable})",
        f"Python {version}，{card.zh}（{python.executable}）",
    )


def _well(python: Interpreter) -> Iterator[Finding]:
    found = ", ".join(f"{name} {python.versions[name]}" for name in _SHOWN if python.has(name))
    if found:
        yield fine(_AREA, found, found.replace(", ", "，"))


def _missing(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    needed = {**_NEEDED, "transformers": f'"{transformers_for(checkout.root)}"'}
    for name, requirements in needed.items():
        if not python.has(name):
            yield broken(
                _AREA,
                f"{name} is not installed, and GPT-SoVITS does not start without it",
                f"没有安装 {name}，GPT-SoVITS 无法启动",
                _pip(python, requirements),
            )


def _required(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    missing = [
        name
        for name in python.missing
        if name not in _NEEDED and not python.has(_TWINS.get(name, ""))
    ]
    if not missing:
        return
    n_more = len(missing) - _N_NAMED
    listed = ", ".join(missing[:_N_NAMED])
    file = checkout.root / "requirements.txt"
    yield broken(
        _AREA,
        f"of requirements.txt, {listed}{f' and {n_more} more' if n_more > 0 else ''} are not installed",
        f"requirements.txt 中的 {listed}{f' 等 {len(missing)} 个包' if n_more > 0 else ''} 没有安装",
        _pip(python, f'-r "{file}"'),
    )


def _imports(python: Interpreter) -> Iterator[Finding]:
    for name in ("torch", "torchaudio"):
        if name in python.failed:
            again = f"--force-reinstall --no-deps {name}=={python.versions.get(name, '')}"
            if name == "torchaudio" and _differ(python):
                again = _matching_torchaudio(python)
            yield broken(
                _AREA,
                f"{name} is installed and cannot be imported: {python.failed[name]}",
                f"{name} 已安装但无法导入：{python.failed[name]}",
                Sentence(
                    f"{_pip(python, again)}  (from where torch came)",
                    f"{_pip(python, again)}（与 torch 用同一来源）",
                ),
            )


def _differ(python: Interpreter) -> bool:
    torch, torchaudio = python.release("torch")[:2], python.release("torchaudio")[:2]
    return bool(torch and torchaudio) and torch != torchaudio


def _matching_torchaudio(python: Interpreter) -> str:
    major, minor = python.release("torch")[:2]
    return f'"torchaudio=={major}.{minor}.*"'


def _torch_pair(python: Interpreter) -> Iterator[Finding]:
    if _differ(python) and "torchaudio" not in python.failed:
        torch, torchaudio = python.versions["torch"], python.versions["torchaudio"]
        yield warning(
            _AREA,
            f"torch {torch} and torchaudio {torchaudio} do not belong together",
            f"torch {torch} 与 torchaudio {torchaudio} 版本不配套",
            _pip(python, _matching_torchaudio(python)),
        )


def _torchcodec(python: Interpreter) -> Iterator[Finding]:
    if python.release("torchaudio")[:2] < _TORCHCODEC_SINCE:
        return
    torchaudio = python.versions["torchaudio"]
    if not python.has("torchcodec"):
        yield broken(
            _AREA,
            f"torchaudio {torchaudio} cannot read a reference clip without torchcodec",
            f"torchaudio {torchaudio} 没有 torchcodec 就读不了参考音频",
            _pip(python, "torchcodec"),
        )
    elif "torchcodec" in python.failed and "torch" not in python.failed:
        yield broken(
            _AREA,
            f"torchcodec does not load, so no reference clip can be read: {python.failed['torchcodec']}",
            f"torchcodec 无法加载，读不了参考音频：{python.failed['torchcodec']}",
            _for_torchcodec(python),
        )


def _for_torchcodec(python: Interpreter) -> Sentence:
    if "libnpp" in python.failed["torchcodec"]:
        install = _pip(python, "nvidia-npp")
        return Sentence(
            f"{install}  and put its lib folder on LD_LIBRARY_PATH",
            f"{install}  并把其中的 lib 目录加入 LD_LIBRARY_PATH",
        )
    return Sentence(
        "install FFmpeg (4 to 7) with its shared libraries, and the torchcodec that goes with torch "
        f"{python.versions.get('torch', '')}",
        f"安装带动态库的 FFmpeg（4 到 7），以及与 torch {python.versions.get('torch', '')} 配套的 torchcodec",
    )


def _gradio(python: Interpreter) -> Iterator[Finding]:
    gradio = python.release("gradio")
    if not gradio:
        return
    shown = python.versions["gradio"]
    if gradio >= (5,):
        yield broken(
            _AREA,
            f"gradio {shown}: the pages of GPT-SoVITS are written for gradio 3 and 4",
            f"gradio {shown}：GPT-SoVITS 的页面是为 gradio 3 和 4 写的",
            _pip(python, f'"gradio==4.44.1" {_GOES_WITH_GRADIO}'),
        )
        return
    if gradio < (4, 24):
        yield warning(
            _AREA,
            f"gradio {shown} is older than the tab needs (4.24)",
            f"gradio {shown} 比标签页需要的（4.24）旧",
            _pip(python, f'"gradio==4.44.1" {_GOES_WITH_GRADIO}'),
        )
    if python.release("starlette") >= (1,):
        starlette = python.versions["starlette"]
        yield broken(
            _AREA,
            f"gradio {shown} with starlette {starlette}: every page fails (unhashable type: 'dict')",
            f"gradio {shown} 配 starlette {starlette}：所有页面都打不开（unhashable type: 'dict'）",
            _pip(python, _GOES_WITH_GRADIO),
        )
    elif (4, 24) <= gradio < (4, 44) and python.release("fastapi") >= (0, 115):
        fastapi = python.versions["fastapi"]
        yield broken(
            _AREA,
            f"gradio {shown} with fastapi {fastapi}: the page opens, and every button fails (error 500)",
            f"gradio {shown} 配 fastapi {fastapi}：页面能打开，但所有按钮都报错（500）",
            _pip(python, '"fastapi==0.110.1" "starlette==0.37.2" "pydantic==2.6.4"'),
        )
    if python.release("huggingface_hub") >= (1,):
        hub = python.versions["huggingface_hub"]
        yield broken(
            _AREA,
            f"gradio {shown} does not import with huggingface_hub {hub}",
            f"gradio {shown} 配 huggingface_hub {hub} 无法导入",
            _pip(python, '"huggingface_hub<1"'),
        )
    if python.release("pydantic") >= (2, 11):
        pydantic = python.versions["pydantic"]
        yield broken(
            _AREA,
            f"gradio {shown} with pydantic {pydantic}: the page cannot describe its functions",
            f"gradio {shown} 配 pydantic {pydantic}：页面接口信息出错",
            _pip(python, '"pydantic<=2.10.6"'),
        )


def _limits(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    asked = transformers_for(checkout.root)
    found = python.versions.get("transformers", "")
    if python.release("transformers") >= (5,):
        yield broken(
            _AREA,
            f"transformers {found}: this GPT-SoVITS needs {asked}",
            f"transformers {found}：此 GPT-SoVITS 需要 {asked}",
            _pip(python, f'"{asked}"'),
        )
    elif found and not Requirement(asked).specifier.contains(found, prereleases=True):
        yield warning(
            _AREA,
            f"transformers {found}: this GPT-SoVITS asks for {asked}",
            f"transformers {found}：此 GPT-SoVITS 要求 {asked}",
            _pip(python, f'"{asked}"'),
        )
    if python.release("numpy") >= (2,):
        yield warning(
            _AREA,
            f"numpy {python.versions['numpy']}: GPT-SoVITS asks for one before 2.0",
            f"numpy {python.versions['numpy']}：GPT-SoVITS 要求 2.0 以前的版本",
            _pip(python, '"numpy<2"'),
        )


def _hearing(python: Interpreter) -> Iterator[Finding]:
    if not (python.has("faster-whisper") and python.has("ctranslate2")):
        yield warning(
            _AREA,
            "faster-whisper is not installed: recordings cannot be transcribed",
            "没有安装 faster-whisper：无法转写录音",
            _pip(python, "faster-whisper"),
        )
    if not (python.has("onnxruntime") or python.has("onnxruntime-gpu")):
        yield warning(
            _AREA,
            "onnxruntime is not installed: v2 and newer cannot read Chinese text",
            "没有安装 onnxruntime：v2 及以后的版本无法读中文文本",
            _pip(python, "onnxruntime"),
        )


def _ours(python: Interpreter) -> Iterator[Finding]:
    if not python.has(_OURS) and python.version[:2] >= _OLDEST_PYTHON:
        yield warning(
            _AREA,
            "gpt-sovits-emotion is not installed in this Python, so its tab cannot appear there",
            "此 Python 中没有安装 gpt-sovits-emotion，标签页无法出现",
            _pip(python, f"--no-deps {_OURS} pysubs2"),
        )
