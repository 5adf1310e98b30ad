"""Small stand-ins for the data that GPT-SoVITS's text front ends download.

With them Chinese and English text is turned into phonemes offline. The results are real
pronunciations: only BERT's features and the choice between a polyphonic character's readings are random.
"""

from __future__ import annotations

import json
import random
import struct
import zipfile
from pathlib import Path

BERT_WIDTH = 1024  # the width that GPT (s1) was trained on; nothing else loads
BERT_LAYERS = 3  # the host reads the third hidden state from the end

POLYPHONIC = {"長": ("ㄓㄤ3", "ㄔㄤ2"), "行": ("ㄏㄤ2", "ㄒㄧㄥ2"), "樂": ("ㄌㄜ4", "ㄩㄝ4")}
MONOPHONIC = {"我": "ㄨㄛ3", "們": "ㄇㄣ5", "你": "ㄋㄧ3", "好": "ㄏㄠ3"}
PINYIN = {
    "ㄓㄤ": "zhang",
    "ㄔㄤ": "chang",
    "ㄏㄤ": "hang",
    "ㄒㄧㄥ": "xing",
    "ㄌㄜ": "le",
    "ㄩㄝ": "yue",
    "ㄨㄛ": "wo",
    "ㄇㄣ": "men",
    "ㄋㄧ": "ni",
    "ㄏㄠ": "hao",
}


def bert_vocabulary() -> list[str]:
    """One token per character: the host asserts as many BERT tokens as characters."""
    punctuation = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…—–·，。！？；：、（）《》“”‘’「」『』～")
    latin = [*"0123456789", *"abcdefghijklmnopqrstuvwxyz"]
    chinese = [chr(point) for point in range(0x4E00, 0x9FA6)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return special + punctuation + latin + [f"##{letter}" for letter in latin] + chinese


def write_bert(folder: Path) -> None:
    """Write a Chinese BERT of the right width with few layers (random weights, float16)."""
    from transformers import BertConfig, BertForMaskedLM

    vocabulary = bert_vocabulary()
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=BERT_WIDTH,
        num_hidden_layers=BERT_LAYERS,
        num_attention_heads=16,
        intermediate_size=4 * BERT_WIDTH,
        architectures=["BertForMaskedLM"],
    )
    BertForMaskedLM(config).half().save_pretrained(folder, safe_serialization=False)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    tokenizer = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def write_g2pw(folder: Path, *, seed: int) -> None:
    """Write the model of polyphonic characters that v2 and later ask before any Chinese text."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [f"{char}\t{sound}" for char, sounds in POLYPHONIC.items() for sound in sounds]
    (folder / "POLYPHONIC_CHARS.txt").write_text("\n".join(pairs), encoding="utf-8")
    singles = [f"{char}\t{sound}" for char, sound in MONOPHONIC.items()]
    (folder / "MONOPHONIC_CHARS.txt").write_text("\n".join(singles), encoding="utf-8")
    (folder / "bopomofo_to_pinyin_wo_tune_dict.json").write_text(
        json.dumps(PINYIN, ensure_ascii=False), encoding="utf-8"
    )
    known = {char: list(sounds) for char, sounds in POLYPHONIC.items()}
    (folder / "char_bopomofo_dict.json").write_text(
        json.dumps(known, ensure_ascii=False), encoding="utf-8"
    )
    (folder / "config.py").write_text("use_mask = True\nuse_char_phoneme = False\n")
    n_sounds = len({sound for sounds in POLYPHONIC.values() for sound in sounds})
    (folder / "g2pW.onnx").write_bytes(_reading_model(len(POLYPHONIC), n_sounds, seed=seed))


def write_nltk_data(folder: Path, checkout: Path) -> None:
    """Write the tagger and the lexicon without which ``g2p_en`` goes to the network."""
    tagger = folder / "taggers" / "averaged_perceptron_tagger_eng"
    tagger.mkdir(parents=True, exist_ok=True)
    for part, content in (("weights", {}), ("tagdict", {"the": "DT", "a": "DT"})):
        name = f"averaged_perceptron_tagger_eng.{part}.json"
        (tagger / name).write_text(json.dumps(content), encoding="utf-8")
    classes = tagger / "averaged_perceptron_tagger_eng.classes.json"
    classes.write_text(json.dumps(["NN"]), encoding="utf-8")
    # g2p_en looks for the old tagger's archive by name and never opens it.
    with zipfile.ZipFile(folder / "taggers" / "averaged_perceptron_tagger.zip", "w") as archive:
        archive.writestr("averaged_perceptron_tagger/README", "empty")
    lexicon = (checkout / "GPT_SoVITS" / "text" / "cmudict-fast.rep").read_text(encoding="utf-8")
    lines = [line.split(" ", 1) for line in lexicon.splitlines() if " " in line]
    corpora = folder / "corpora"
    corpora.mkdir(exist_ok=True)
    with zipfile.ZipFile(corpora / "cmudict.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        text = "\n".join(f"{word} 1 {sounds.strip()}" for word, sounds in lines)
        archive.writestr("cmudict/cmudict", text + "\n")


def _reading_model(n_chars: int, n_sounds: int, *, seed: int) -> bytes:
    """Build an ONNX model, ``table[char_ids] * phoneme_mask``, with the six inputs that the host feeds.

    Written out as protobuf (onnx.proto, IR version 8, opset 13), since the ``onnx`` package cannot be
    installed beside the host's numpy 1.26.
    """
    rng = random.Random(seed)
    table = [rng.uniform(0.1, 1.0) for _ in range(n_chars * n_sounds)]
    int64, float32 = 7, 1
    inputs = [
        ("input_ids", int64, ("n", "t")),
        ("token_type_ids", int64, ("n", "t")),
        ("attention_mask", int64, ("n", "t")),
        ("phoneme_mask", float32, ("n", "s")),
        ("char_ids", int64, ("n",)),
        ("position_ids", int64, ("n",)),
    ]
    initializer = (
        _number(1, n_chars)
        + _number(1, n_sounds)
        + _number(2, float32)
        + _field(8, b"table")
        + _field(9, struct.pack(f"<{len(table)}f", *table))
    )
    graph = (
        _field(1, _node("Gather", ("table", "char_ids"), "scores"))
        + _field(1, _node("Mul", ("scores", "phoneme_mask"), "probabilities"))
        + _field(2, b"readings")
        + _field(5, initializer)
        + b"".join(_field(11, _value(*entry)) for entry in inputs)
        + _field(12, _value("probabilities", float32, ("n", "s")))
    )
    opset = _field(1, b"") + _number(2, 13)
    return _number(1, 8) + _field(7, graph) + _field(8, opset)


def _node(operator: str, inputs: tuple[str, ...], output: str) -> bytes:
    names = b"".join(_field(1, name.encode()) for name in inputs)
    return names + _field(2, output.encode()) + _field(4, operator.encode())


def _value(name: str, element_type: int, dims: tuple[str, ...]) -> bytes:
    shape = b"".join(_field(1, _field(2, dim.encode())) for dim in dims)
    tensor = _number(1, element_type) + _field(2, shape)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: int) -> bytes:
    """An integer protobuf field."""
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
