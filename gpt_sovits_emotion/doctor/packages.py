"""Check the packages of the Python that runs a checkout, among them the combinations known to break."""

from __future__ import annotations

from collections.abc import Iterator

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.requirements import TRANSFORMERS, transformers_for
from gpt_sovits_emotion.core.messages import in_both, tr
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
            tr(
                "Python {version} ({executable}): the tab needs 3.10 or newer",
                version=version,
                executable=python.executable,
            ),
            tr(
                "the tab needs GPT-SoVITS in a newer Python; meanwhile use the command line from another "
                "Python, with --checkout"
            ),
        )
    card = tr("with a graphics card") if python.cuda else Sentence("on the CPU", "CPU")
    return fine(
        _AREA,
        tr(
            "Python {version} {card} ({executable})",
            version=version,
            card=card,
            executable=python.executable,
        ),
    )


def _well(python: Interpreter) -> Iterator[Finding]:
    found = ", ".join(f"{name} {python.versions[name]}" for name in _SHOWN if python.has(name))
    if found:
        yield fine(_AREA, in_both(found, found.replace(", ", "，")))


def _missing(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    needed = {**_NEEDED, "transformers": f'"{transformers_for(checkout.root)}"'}
    for name, requirements in needed.items():
        if not python.has(name):
            yield broken(
                _AREA,
                tr("{name} is not installed, and GPT-SoVITS does not start without it", name=name),
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
        tr(
            "of requirements.txt, {listed}{n_more} are not installed",
            listed=listed,
            n_more=in_both(
                f" and {n_more} more" if n_more > 0 else "",
                f" 等 {len(missing)} 个包" if n_more > 0 else "",
            ),
        ),
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
                tr(
                    "{name} is installed and cannot be imported: {failed}",
                    name=name,
                    failed=python.failed[name],
                ),
                tr("{pip}  (from where torch came)", pip=_pip(python, again)),
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
            tr(
                "torch {torch} and torchaudio {torchaudio} do not belong together",
                torch=torch,
                torchaudio=torchaudio,
            ),
            _pip(python, _matching_torchaudio(python)),
        )


def _torchcodec(python: Interpreter) -> Iterator[Finding]:
    if python.release("torchaudio")[:2] < _TORCHCODEC_SINCE:
        return
    torchaudio = python.versions["torchaudio"]
    if not python.has("torchcodec"):
        yield broken(
            _AREA,
            tr(
                "torchaudio {torchaudio} cannot read a reference clip without torchcodec",
                torchaudio=torchaudio,
            ),
            _pip(python, "torchcodec"),
        )
    elif "torchcodec" in python.failed and "torch" not in python.failed:
        yield broken(
            _AREA,
            tr(
                "torchcodec does not load, so no reference clip can be read: {failed}",
                failed=python.failed["torchcodec"],
            ),
            _for_torchcodec(python),
        )


def _for_torchcodec(python: Interpreter) -> Sentence:
    if "libnpp" in python.failed["torchcodec"]:
        install = _pip(python, "nvidia-npp")
        return tr("{install}  and put its lib folder on LD_LIBRARY_PATH", install=install)
    return tr(
        "install FFmpeg (4 to 7) with its shared libraries, and the torchcodec that goes with torch {get}",
        get=python.versions.get("torch", ""),
    )


def _gradio(python: Interpreter) -> Iterator[Finding]:
    gradio = python.release("gradio")
    if not gradio:
        return
    shown = python.versions["gradio"]
    if gradio >= (5,):
        yield broken(
            _AREA,
            tr(
                "gradio {shown}: the pages of GPT-SoVITS are written for gradio 3 and 4",
                shown=shown,
            ),
            _pip(python, f'"gradio==4.44.1" {_GOES_WITH_GRADIO}'),
        )
        return
    if gradio < (4, 24):
        yield warning(
            _AREA,
            tr("gradio {shown} is older than the tab needs (4.24)", shown=shown),
            _pip(python, f'"gradio==4.44.1" {_GOES_WITH_GRADIO}'),
        )
    if python.release("starlette") >= (1,):
        starlette = python.versions["starlette"]
        yield broken(
            _AREA,
            tr(
                "gradio {shown} with starlette {starlette}: every page fails (unhashable type: 'dict')",
                shown=shown,
                starlette=starlette,
            ),
            _pip(python, _GOES_WITH_GRADIO),
        )
    elif (4, 24) <= gradio < (4, 44) and python.release("fastapi") >= (0, 115):
        fastapi = python.versions["fastapi"]
        yield broken(
            _AREA,
            tr(
                "gradio {shown} with fastapi {fastapi}: the page opens, and every button fails (error 500)",
                shown=shown,
                fastapi=fastapi,
            ),
            _pip(python, '"fastapi==0.110.1" "starlette==0.37.2" "pydantic==2.6.4"'),
        )
    if python.release("huggingface_hub") >= (1,):
        hub = python.versions["huggingface_hub"]
        yield broken(
            _AREA,
            tr("gradio {shown} does not import with huggingface_hub {hub}", shown=shown, hub=hub),
            _pip(python, '"huggingface_hub<1"'),
        )
    if python.release("pydantic") >= (2, 11):
        pydantic = python.versions["pydantic"]
        yield broken(
            _AREA,
            tr(
                "gradio {shown} with pydantic {pydantic}: the page cannot describe its functions",
                shown=shown,
                pydantic=pydantic,
            ),
            _pip(python, '"pydantic<=2.10.6"'),
        )


def _limits(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    asked = transformers_for(checkout.root)
    found = python.versions.get("transformers", "")
    if python.release("transformers") >= (5,):
        yield broken(
            _AREA,
            tr("transformers {found}: this GPT-SoVITS needs {asked}", found=found, asked=asked),
            _pip(python, f'"{asked}"'),
        )
    elif found and not Requirement(asked).specifier.contains(found, prereleases=True):
        yield warning(
            _AREA,
            tr("transformers {found}: this GPT-SoVITS asks for {asked}", found=found, asked=asked),
            _pip(python, f'"{asked}"'),
        )
    if python.release("numpy") >= (2,):
        yield warning(
            _AREA,
            tr(
                "numpy {versions}: GPT-SoVITS asks for one before 2.0",
                versions=python.versions["numpy"],
            ),
            _pip(python, '"numpy<2"'),
        )


def _hearing(python: Interpreter) -> Iterator[Finding]:
    if not (python.has("faster-whisper") and python.has("ctranslate2")):
        yield warning(
            _AREA,
            tr("faster-whisper is not installed: recordings cannot be transcribed"),
            _pip(python, "faster-whisper"),
        )
    if not (python.has("onnxruntime") or python.has("onnxruntime-gpu")):
        yield warning(
            _AREA,
            tr("onnxruntime is not installed: v2 and newer cannot read Chinese text"),
            _pip(python, "onnxruntime"),
        )


def _ours(python: Interpreter) -> Iterator[Finding]:
    if not python.has(_OURS) and python.version[:2] >= _OLDEST_PYTHON:
        yield warning(
            _AREA,
            tr(
                "gpt-sovits-emotion is not installed in this Python, so its tab cannot appear there"
            ),
            _pip(python, f"--no-deps {_OURS} pysubs2"),
        )
