"""A page of the same contract as GPT-SoVITS's own, for where there is no checkout.

It keeps what the plugin meets on the real pages (names, signatures, shapes, rates, and the misbehaviours
that are documented) and nothing of what makes speech: the networks are small and random, the "voice" is a
tone. Three ways to use it:

- ``default_namespace()`` and ``fast_namespace()`` give what ``__main__.__dict__`` is on the real pages, with
  functions whose globals are that very dict.
- Copied to ``GPT_SoVITS/inference_webui.py`` (or ``inference_webui_fast.py``) of an empty checkout and run,
  it is a page: ``__main__.app`` is a ``gr.Blocks`` before the last two lines launch it.
- ``python tests/host_page.py [--fast]`` serves it as it stands.

The environment sets what the real pages take from there: ``version`` (of the model loaded at start),
``infer_ttswebui`` (the port), ``language``.
"""

# The page's functions look their names up in the namespace they are bound to, which no linter can see; and
# the page's environment variables are in lower case.
# ruff: noqa: F821, SIM112, C901, PERF203

from __future__ import annotations

import os
import random
import re
import sys
import time
import traceback
import types
from pathlib import Path

import numpy as np
import torch

SAMPLING_RATES_HZ = {
    "v1": 32_000,
    "v2": 32_000,
    "v2Pro": 32_000,
    "v2ProPlus": 32_000,
    "v3": 24_000,
    "v4": 48_000,
}
BASES = {
    "v1": "GPT_SoVITS/pretrained_models/s2G488k.pth",
    "v2": "GPT_SoVITS/pretrained_models/gsv-v2final-pretrained/s2G2333k.pth",
    "v2Pro": "GPT_SoVITS/pretrained_models/v2Pro/s2Gv2Pro.pth",
    "v2ProPlus": "GPT_SoVITS/pretrained_models/v2Pro/s2Gv2ProPlus.pth",
    "v3": "GPT_SoVITS/pretrained_models/s2Gv3.pth",
    "v4": "GPT_SoVITS/pretrained_models/gsv-v4-pretrained/s2Gv4.pth",
}
_CODES = {
    "中文": "all_zh",
    "英文": "en",
    "日文": "all_ja",
    "粤语": "all_yue",
    "韩文": "all_ko",
    "中英混合": "zh",
    "日英混合": "ja",
    "粤英混合": "yue",
    "韩英混合": "ko",
    "多语种混合": "auto",
    "多语种混合(粤语)": "auto_yue",
}
_V1_NAMES = ("中文", "英文", "日文", "中英混合", "日英混合", "多语种混合")
_CUTS = ("不切", "凑四句一切", "凑50字一切", "按中文句号。切", "按英文句号.切", "按标点符号切")
_ENGLISH = {"中文": "Chinese", "英文": "English", "日文": "Japanese", "不切": "No slice"}


# --- networks --------------------------------------------------------------------------------------


class CNHubert(torch.nn.Module):
    """The wrapper around a HuBERT; its own forward normalises, which synthesis does not use."""

    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        from transformers import HubertConfig, HubertModel

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            config = HubertConfig(
                hidden_size=32,
                num_hidden_layers=12,
                num_attention_heads=2,
                intermediate_size=48,
                conv_dim=(24,) * 7,
                num_conv_pos_embeddings=16,
                num_conv_pos_embedding_groups=4,
            )
            self.model = HubertModel(config).eval()


class LinearNorm(torch.nn.Module):
    """A linear layer under the name that checkpoints have it by."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.fc(x)


class MelStyleEncoder(torch.nn.Module):
    """``(1, n_bins, n_frames)`` and a mask to ``(1, style_dim, 1)``."""

    def __init__(self, n_mel_channels: int, style_vector_dim: int) -> None:
        super().__init__()
        self.in_dim, self.out_dim = n_mel_channels, style_vector_dim
        self.spectral = torch.nn.Sequential(LinearNorm(n_mel_channels, 16))
        self.fc = LinearNorm(16, style_vector_dim)

    def forward(self, spec, mask=None):
        mask = torch.ones_like(spec[:, :1]) if mask is None else mask
        frames = torch.tanh(self.spectral((spec * mask).transpose(1, 2)))
        return self.fc(frames.sum(1) / mask.sum(-1)).unsqueeze(-1)


modules = types.SimpleNamespace(MelStyleEncoder=MelStyleEncoder)  # what models.py calls them by


class _Layer(torch.nn.Module):
    def __init__(self, n_channels: int, kernel_size: int) -> None:
        super().__init__()
        self.weight_v = torch.nn.Conv1d(n_channels, n_channels, kernel_size).weight

    def forward(self, x):
        return x + torch.nn.functional.conv1d(torch.tanh(x), self.weight_v, padding="same")


class _Layers(torch.nn.Module):
    def __init__(self, n_channels: int, kernel_size: int, n_layers: int, gin_channels: int) -> None:
        super().__init__()
        self.cond_layer = torch.nn.Conv1d(gin_channels, n_channels, 1)
        self.in_layers = torch.nn.ModuleList(
            _Layer(n_channels, kernel_size) for _ in range(n_layers)
        )

    def forward(self, x, g):
        x = x + self.cond_layer(g)
        for layer in self.in_layers:
            x = layer(x)
        return x


class PosteriorEncoder(torch.nn.Module):
    """``(1, 1025, n_frames)``, lengths and the style to z, mean and log-scale ``(1, 192, n_frames)``."""

    def __init__(
        self,
        in_channels,
        out_channels,
        hidden_channels,
        kernel_size,
        dilation_rate,
        n_layers,
        gin_channels=0,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.pre = torch.nn.Conv1d(in_channels, hidden_channels, 1)
        self.enc = _Layers(hidden_channels, kernel_size, n_layers, gin_channels)
        self.proj = torch.nn.Conv1d(hidden_channels, 2 * out_channels, 1)

    def forward(self, spec, lengths, g=None):
        mask = (torch.arange(spec.shape[2])[None] < lengths[:, None]).unsqueeze(1).to(spec.dtype)
        hidden = self.enc(self.pre(spec) * mask, g)
        mean, log_scale = self.proj(hidden).split(self.out_channels, 1)
        z = mean + torch.randn_like(mean) * torch.exp(log_scale)
        return z * mask, mean * mask, log_scale * mask, mask


class SynthesizerTrn(torch.nn.Module):
    """The listening parts of a v1, v2 or v2Pro model, and a decoder that hums."""

    def __init__(self, version: str, *, seed: int = 1) -> None:
        super().__init__()
        self.version = version
        style_dim = 1024 if "Pro" in version else 512
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.ref_enc = MelStyleEncoder(1025 if version == "v1" else 704, style_dim)
            self.enc_q = PosteriorEncoder(1025, 192, 16, 5, 1, 2, gin_channels=style_dim)
            if "Pro" in version:
                self.sv_emb = torch.nn.Linear(20_480, style_dim)
                self.prelu = torch.nn.PReLU(num_parameters=style_dim)
        self.eval()

    @torch.no_grad()
    def decode(self, text: str, *, speed: float = 1.0):
        """Hum for 80 ms a character; what is sampled is the pitch and a little noise."""
        n_samples = int(0.08 * max(len(text), 4) / speed * SAMPLING_RATES_HZ[self.version])
        t = torch.arange(n_samples) / SAMPLING_RATES_HZ[self.version]
        pitch_hz = 100 + 60 * torch.rand(1) + 10 * random.random() + 10 * np.random.rand()
        return 0.3 * torch.sin(2 * torch.pi * pitch_hz * t) + 0.001 * torch.randn(n_samples)


class SynthesizerTrnV3(SynthesizerTrn):
    """A v3 or v4 model: it has no posterior encoder."""

    def __init__(self, version: str, *, seed: int = 1) -> None:
        super().__init__(version, seed=seed)
        del self.enc_q
        self.cfm = torch.nn.Identity()


class SV:
    """The speaker-verification network of the v2Pro models."""

    def compute_embedding3(self, waveform):
        levels = waveform.abs().mean(-1, keepdim=True)
        return levels * torch.linspace(-1, 1, 20_480).to(waveform.dtype)[None]


def synthesizer(version: str, *, seed: int = 1) -> SynthesizerTrn:
    """A model of this version with random weights."""
    return (SynthesizerTrnV3 if version in ("v3", "v4") else SynthesizerTrn)(version, seed=seed)


def model_of(path: str) -> SynthesizerTrn:
    """The model that stands for a weights file: random, and the same each time for the same path."""
    return synthesizer(_version_of(path), seed=sum(path.encode()))


def save_weights(root: Path, path: str, *, posterior: bool = True) -> Path:
    """Write the weights file that `model_of` stands for below a checkout, as training exports it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    weight = {
        key: tensor
        for key, tensor in model_of(path).state_dict().items()
        if posterior or not key.startswith("enc_q.")
    }
    torch.save({"weight": weight, "config": {"model": {}}, "info": "10epoch"}, file)
    return file


def _version_of(path: str) -> str:
    """Tell a model's version by its file's name, as nothing else is there to tell it by."""
    if path in BASES.values():
        return next(version for version, base in BASES.items() if base == path)
    found = re.search(r"v2ProPlus|v2Pro|v[1-4]", Path(path).name)
    return found[0] if found else "v2"


class _Attributes(dict):
    __getattr__ = dict.__getitem__


def _hps(model_version: str) -> _Attributes:
    data = _Attributes(sampling_rate=32_000, filter_length=2048, hop_length=640, win_length=2048)
    return _Attributes(data=data, model=_Attributes(version=model_version))


class I18n:
    """What translates the page's names; English ones where the language is English."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, name: str) -> str:
        return _ENGLISH.get(name, name) if self.language == "en_US" else name


# --- the default page ------------------------------------------------------------------------------
# The functions below look their globals up in the namespace that they are bound to: `_bind`.


def change_sovits_weights(sovits_path, prompt_language=None, text_language=None):
    """Switch the model, as the page does: the names first, the model only after the first yield."""
    global vq_model, hps, version, model_version, dict_language
    model_version = _version_of(sovits_path)
    version = "v1" if model_version == "v1" else "v2"
    dict_language = dict_language_v1 if version == "v1" else dict_language_v2
    if prompt_language is not None:
        yield ({"__type__": "update", "choices": list(dict_language)},)
    time.sleep(seconds_per_switch)
    if Path(sovits_path).name in missing_weights:
        raise FileNotFoundError(2, "No such file or directory", sovits_path)
    hps = _hps(model_version)
    vq_model = model_of(sovits_path)
    if "pretrained" not in sovits_path and hasattr(vq_model, "enc_q"):
        del vq_model.enc_q
    yield ({"__type__": "update", "choices": list(dict_language)},)


def change_gpt_weights(gpt_path):
    global t2s_model
    t2s_model = torch.nn.Linear(1, 1)


def init_sv_cn():
    global sv_cn_model
    sv_cn_model = SV()


def get_tts_wav(
    ref_wav_path,
    prompt_text,
    prompt_language,
    text,
    text_language,
    how_to_cut="不切",
    top_k=20,
    top_p=0.6,
    temperature=0.6,
    ref_free=False,
    speed=1,
    if_freeze=False,
    inp_refs=None,
    sample_steps=8,
    if_sr=False,
    pause_second=0.3,
    use_cuda_graph=False,
):
    """Hum `text`: yields once ``(sampling_rate, int16)``, and fails where and as the page does."""
    import librosa

    calls.append({key: value for key, value in locals().items() if key != "librosa"})
    if not prompt_text:
        ref_free = True
    if model_version in {"v3", "v4"}:
        ref_free = False
    prompt_language = dict_language[prompt_language]
    text_language = dict_language[text_language]
    if not ref_free:
        prompt_text = prompt_text.strip("\n")
        if prompt_text[-1] not in "，。？！,.?!~:：—…":
            prompt_text += "。"
        wav16k, _ = librosa.load(ref_wav_path, sr=16000)
        if wav16k.shape[0] > 160000 or wav16k.shape[0] < 48000:
            raise OSError(i18n("参考音频在3~10秒范围外，请更换！"))
        with torch.no_grad():
            ssl_model.model(torch.from_numpy(wav16k)[None])
    if all(part in ("", " ") for part in text.split("\n")):
        raise ValueError(i18n("请输入有效文本"))
    if how_to_cut == i18n("按标点符号切"):
        text = re.sub(r"([，。？！,.?!])", r"\1\n", text).strip("\n")
    parts = []
    for index, part in enumerate(text.split("\n")):
        if not (index in cache and if_freeze):
            cache[index] = part
        time.sleep(seconds_per_part)
        if failure is not None:
            raise failure
        refers = []
        for path in inp_refs or []:
            try:
                refers.append(librosa.load(path.name, sr=32000, duration=1.0))
            except Exception:  # as GPT-SoVITS does: it prints, and speaks without this clip
                traceback.print_exc()
        refers = refers or [librosa.load(ref_wav_path, sr=32000, duration=1.0)]
        audio = vq_model.decode(cache[index], speed=speed).numpy()
        parts += [audio, np.zeros(int(hps.data.sampling_rate * pause_second), np.float32)]
    rate_hz = SAMPLING_RATES_HZ[model_version]
    audio = np.concatenate(parts)
    if if_sr and model_version == "v3":
        rate_hz, audio = 48_000, np.repeat(audio, 2)
    yield rate_hz, (audio * loudness * 32767).astype(np.int16)


# --- the fast page ---------------------------------------------------------------------------------


class NO_PROMPT_ERROR(Exception):
    """Raised for an empty prompt text on v3 and v4."""


class _Configs:
    v1_languages = ("auto", "en", "zh", "ja", "all_zh", "all_ja")

    def __init__(self, path: str, model_version: str) -> None:
        self.vits_weights_path = path
        self.device, self.is_half, self.sampling_rate = "cpu", False, 32_000
        self.update_version(model_version)

    def update_version(self, model_version: str) -> None:
        self.version = model_version
        self.languages = self.v1_languages if model_version == "v1" else tuple(_CODES.values())


class TTS:
    """The pipeline behind the fast page and the HTTP interface."""

    def __init__(self, path: str) -> None:
        self.configs = _Configs(path, _version_of(path))
        self.cnhuhbert_model = CNHubert()
        self.t2s_model = torch.nn.Linear(1, 1)
        self.sv_model = None
        self.init_vits_weights(path)
        self.stop_flag = False
        self.failure: Exception | None = None
        self.seconds_per_part = 0.0
        self.loudness = 1.0
        self.calls: list[dict] = []
        self.prompt_cache = {
            "ref_audio_path": None,
            "prompt_semantic": None,
            "refer_spec": [],
            "prompt_text": None,
            "prompt_lang": None,
            "aux_ref_audio_paths": [],
        }

    def init_vits_weights(self, path: str) -> None:
        self.configs.vits_weights_path = path
        if "Pro" in _version_of(path):
            self.sv_model = SV()
        self.configs.update_version(_version_of(path))
        self.vits_model = model_of(path)

    def init_sv_model(self) -> None:
        self.sv_model = SV()

    def stop(self) -> None:
        self.stop_flag = True

    def run(self, inputs: dict):
        """Yield ``(sampling_rate, int16)``; on failure a second of silence at 16 kHz, then raise."""
        import librosa

        self.calls.append(dict(inputs))
        self.stop_flag = False
        self._seed(inputs.get("seed", -1))
        assert inputs["text_lang"] in self.configs.languages
        if inputs.get("prompt_text"):
            assert inputs["prompt_lang"] in self.configs.languages
        elif self.configs.version in ("v3", "v4"):
            raise NO_PROMPT_ERROR("prompt_text cannot be empty when using SoVITS_V3")
        path = inputs.get("ref_audio_path")
        if path is None and self.prompt_cache["prompt_semantic"] is None:
            raise ValueError("ref_audio_path cannot be empty")
        if path is not None and path != self.prompt_cache["ref_audio_path"]:
            wav16k, _ = librosa.load(path, sr=16000)
            if wav16k.shape[0] > 160000 or wav16k.shape[0] < 48000:
                raise OSError("参考音频在3~10秒范围外，请更换！")
            self.prompt_cache["prompt_semantic"] = torch.rand(100)  # draws, as the real one does
            self.prompt_cache["ref_audio_path"] = path
        parts = [part for part in re.split(r"(?<=[。.\n])", inputs["text"]) if part.strip("。.\n")]
        if not parts:
            yield 16000, np.zeros(16000, np.int16)
            return
        try:
            rate_hz = SAMPLING_RATES_HZ[self.configs.version]
            audio = []
            for part in parts:
                time.sleep(self.seconds_per_part)
                if self.failure is not None:
                    raise self.failure
                audio.append(self.vits_model.decode(part, speed=inputs["speed_factor"]).numpy())
                audio.append(np.zeros(int(32_000 * inputs["fragment_interval"]), np.float32))
                if self.stop_flag:
                    yield 16000, np.zeros(16000, np.int16)
                    return
            whole = np.concatenate(audio) * self.loudness
            if inputs.get("super_sampling") and self.configs.version == "v3":
                rate_hz, whole = 48_000, np.repeat(whole, 2)
            yield rate_hz, (whole * 32768).astype(np.int16)
        except Exception as error:
            yield 16000, np.zeros(16000, np.int16)
            self.init_vits_weights(self.configs.vits_weights_path)
            raise error

    def _seed(self, seed: int) -> None:
        seed = random.randint(0, 2**32 - 1) if seed == -1 else seed
        os.environ["PYTHONHASHSEED"] = str(seed)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)


def inference(
    text,
    text_lang,
    ref_audio_path,
    aux_ref_audio_paths,
    prompt_text,
    prompt_lang,
    speed_factor,
    seed,
):
    """Answer the fast page's button."""
    inputs = {
        "text": text,
        "text_lang": dict_language[text_lang],
        "ref_audio_path": ref_audio_path,
        "aux_ref_audio_paths": [item.name for item in aux_ref_audio_paths or []],
        "prompt_text": prompt_text,
        "prompt_lang": dict_language[prompt_lang],
        "speed_factor": float(speed_factor),
        "fragment_interval": 0.3,
        "seed": int(seed),
    }
    for item in tts_pipeline.run(inputs):
        yield item, seed


def change_sovits_weights_of_pipeline(sovits_path, prompt_language=None, text_language=None):
    global version, model_version, dict_language
    model_version = _version_of(sovits_path)
    version = "v1" if model_version == "v1" else "v2"
    dict_language = dict_language_v1 if version == "v1" else dict_language_v2
    yield ({"__type__": "update", "choices": list(dict_language)},)
    tts_pipeline.init_vits_weights(sovits_path)
    yield ({"__type__": "update", "choices": list(dict_language)},)


# --- namespaces and pages --------------------------------------------------------------------------


def _bind(function, namespace: dict, name: str | None = None) -> None:
    """Put a function into a namespace, with that namespace as its globals."""
    bound = types.FunctionType(
        function.__code__, namespace, name or function.__name__, function.__defaults__
    )
    namespace[bound.__name__] = bound


def _base_namespace(into: dict | None, root: Path | None, script: str, language: str, version: str):
    namespace = {**globals(), "__name__": "__main__"} if into is None else into
    if root is not None:
        namespace["__file__"] = str(root / "GPT_SoVITS" / script)
        namespace["now_dir"] = str(root)
    i18n = I18n(language)
    v2 = {i18n(name): code for name, code in _CODES.items()}
    v1 = {i18n(name): _CODES[name] for name in _V1_NAMES}
    namespace.update(
        i18n=i18n,
        language=language,
        device="cpu",
        is_half=False,
        dict_language_v1=v1,
        dict_language_v2=v2,
        dict_language=v1 if version == "v1" else v2,
        version="v1" if version == "v1" else "v2",
        model_version=version,
        sovits_path=BASES[version],
        gpt_path="GPT_SoVITS/pretrained_models/s1v3.ckpt",
    )
    return namespace


def default_namespace(
    version: str = "v2",
    *,
    root: Path | None = None,
    language: str = "zh_CN",
    into: dict | None = None,
) -> dict:
    """Return what ``__main__.__dict__`` holds on the default page, but for ``app``.

    Args:
        version: Of the SoVITS model that is loaded.
        root: The checkout; nothing is read from it.
        language: The page's locale.
        into: A dict to fill instead of a new one.

    Besides the page's names there are a few to set: ``failure`` (raised by the next synthesis),
    ``seconds_per_part``, ``seconds_per_switch``, ``loudness``, ``missing_weights``; and ``calls``, the
    arguments of every call.
    """
    namespace = _base_namespace(into, root, "inference_webui.py", language, version)
    namespace.update(
        ssl_model=CNHubert(),
        vq_model=model_of(BASES[version]),
        hps=_hps(version),
        t2s_model=torch.nn.Linear(1, 1),
        sv_cn_model=SV() if "Pro" in version else None,
        cuda_graph_supported=False,
        cache={},
        calls=[],
        failure=None,
        seconds_per_part=0.0,
        seconds_per_switch=0.0,
        loudness=1.0,
        missing_weights=set(),
    )
    for function in (change_sovits_weights, change_gpt_weights, init_sv_cn, get_tts_wav):
        _bind(function, namespace)
    return namespace


def fast_namespace(
    version: str = "v2",
    *,
    root: Path | None = None,
    language: str = "zh_CN",
    into: dict | None = None,
) -> dict:
    """Return what ``__main__.__dict__`` holds on the fast page, but for ``app``.

    What there is to set (``failure``, ``seconds_per_part``, ``loudness``) and ``calls`` are attributes of
    ``tts_pipeline``.
    """
    namespace = _base_namespace(into, root, "inference_webui_fast.py", language, version)
    i18n = namespace["i18n"]
    namespace["tts_pipeline"] = TTS(BASES[version])
    namespace["tts_config"] = namespace["tts_pipeline"].configs
    namespace["cut_method"] = {i18n(name): f"cut{number}" for number, name in enumerate(_CUTS)}
    _bind(inference, namespace)
    _bind(change_sovits_weights_of_pipeline, namespace, "change_sovits_weights")
    for name in ("get_tts_wav", "ssl_model", "vq_model"):
        namespace.pop(name, None)
    return namespace


def build_default_page(namespace: dict):
    """Build the default page's ``app`` over a namespace, with its events in the order of the page."""
    import gradio as gr

    i18n, names = namespace["i18n"], list(namespace["dict_language"])
    with gr.Blocks(title="GPT-SoVITS WebUI", analytics_enabled=False) as app:
        gr.HTML("<p>GPT-SoVITS</p>", elem_classes="markdown")
        with gr.Row():
            sovits = gr.Dropdown(
                list(BASES.values()), value=namespace["sovits_path"], label="SoVITS模型列表"
            )
            gpt = gr.Dropdown(
                [namespace["gpt_path"]], value=namespace["gpt_path"], label="GPT模型列表"
            )
        inp_ref = gr.Audio(label="请上传3~10秒内参考音频，超过会报错！", type="filepath")
        prompt_text = gr.Textbox(label="参考音频的文本", value="")
        prompt_language = gr.Dropdown(names, value=i18n("中文"), label="参考音频的语种")
        inp_refs = gr.File(label="可选项：多个参考音频", file_count="multiple")
        text = gr.Textbox(label="需要合成的文本", value="")
        text_language = gr.Dropdown(names, value=i18n("中文"), label="需要合成的语种")
        how_to_cut = gr.Dropdown(
            [i18n(cut) for cut in _CUTS], value=i18n("凑四句一切"), label="怎么切"
        )
        top_k = gr.Slider(1, 100, value=15, step=1, label="top_k")
        top_p = gr.Slider(0, 1, value=1, step=0.05, label="top_p")
        temperature = gr.Slider(0, 1, value=1, step=0.05, label="temperature")
        ref_free = gr.Checkbox(False, label="开启无参考文本模式。")
        speed = gr.Slider(0.6, 1.65, value=1, step=0.05, label="语速")
        if_freeze = gr.Checkbox(False, label="是否直接对上次合成结果调整语速和音色。")
        sample_steps = gr.Radio([4, 8, 16, 32], value=8, visible=False, label="采样步数")
        if_sr = gr.Checkbox(False, visible=False, label="超分")
        pause = gr.Slider(0.1, 0.5, value=0.3, step=0.01, label="句间停顿秒数")
        graph = gr.Checkbox(False, visible=False, label="CUDA Graph")
        button = gr.Button(i18n("合成语音"), variant="primary")
        output = gr.Audio(label="输出的语音")
        order = [
            inp_ref,
            prompt_text,
            prompt_language,
            text,
            text_language,
            how_to_cut,
            top_k,
            top_p,
        ]
        order += [
            temperature,
            ref_free,
            speed,
            if_freeze,
            inp_refs,
            sample_steps,
            if_sr,
            pause,
            graph,
        ]
        button.click(namespace["get_tts_wav"], order, [output])

        def switch(path, prompt_name, text_name):
            for _ in namespace["change_sovits_weights"](path, prompt_name, text_name):
                pass
            return gr.update(choices=list(namespace["dict_language"]))

        sovits.change(switch, [sovits, prompt_language, text_language], [prompt_language])
        gpt.change(namespace["change_gpt_weights"], [gpt], [])
    namespace.update(app=app, inference_button=button, SoVITS_dropdown=sovits, GPT_dropdown=gpt)
    return app


def build_fast_page(namespace: dict):
    """Build the fast page's ``app`` over a namespace."""
    import gradio as gr

    i18n, names = namespace["i18n"], list(namespace["dict_language"])
    with gr.Blocks(title="GPT-SoVITS WebUI", analytics_enabled=False) as app:
        gr.HTML("<p>GPT-SoVITS</p>", elem_classes="markdown")
        sovits = gr.Dropdown(
            list(BASES.values()), value=namespace["sovits_path"], label="SoVITS模型列表"
        )
        text = gr.Textbox(label="需要合成的文本", value="")
        text_lang = gr.Dropdown(names, value=i18n("中文"), label="需要合成的文本的语种")
        inp_ref = gr.Audio(
            label="主参考音频(请上传3~10秒内参考音频，超过会报错！)", type="filepath"
        )
        inp_refs = gr.File(label="辅参考音频(可选多个，或不选)", file_count="multiple")
        prompt_text = gr.Textbox(label="主参考音频的文本", value="")
        prompt_lang = gr.Dropdown(names, value=i18n("中文"), label="主参考音频的语种")
        speed = gr.Slider(0.6, 1.65, value=1.0, step=0.05, label="语速")
        seed = gr.Number(label="随机种子", value=-1)
        output = gr.Audio(label="输出的语音")
        button = gr.Button(i18n("合成语音"), variant="primary")
        stop = gr.Button("终止合成", variant="primary")
        order = [text, text_lang, inp_ref, inp_refs, prompt_text, prompt_lang, speed, seed]
        button.click(namespace["inference"], order, [output, seed])
        stop.click(namespace["tts_pipeline"].stop, [], [])

        def switch(path):
            for _ in namespace["change_sovits_weights"](path):
                pass
            return gr.update(choices=list(namespace["dict_language"]))

        sovits.change(switch, [sovits], [text_lang])
    namespace.update(app=app, inference_button=button, SoVITS_dropdown=sovits)
    return app


def build_page(namespace: dict, *, fast: bool = False) -> None:
    """Fill a namespace as the page does, its ``app`` included."""
    arguments = {
        "version": os.environ.get("version", "v2"),
        "language": sys.argv[-1] if sys.argv[-1] in ("en_US", "zh_CN") else "zh_CN",
        "into": namespace,
    }
    if fast:
        build_fast_page(fast_namespace(**arguments))
    else:
        build_default_page(default_namespace(**arguments))


if Path(__file__).stem.startswith(
    "inference_webui"
):  # copied into a checkout: it is the page itself
    build_page(globals(), fast=Path(__file__).stem.endswith("_fast"))


def main():
    """Serve the page."""
    if "app" not in globals():
        build_page(globals(), fast="--fast" in sys.argv)
    app.queue().launch(
        server_name="127.0.0.1",
        server_port=int(os.environ.get("infer_ttswebui", "9872")),
        inbrowser=False,
    )


if __name__ == "__main__":
    main()
