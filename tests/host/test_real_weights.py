"""The weights that the tool writes have the layout that GPT-SoVITS's own files have.

Nothing here needs a checkout: a few lines of one are made up.
"""

from __future__ import annotations

import json
import zipfile

import pytest
import torch

from host import host_models, host_text, weights


@pytest.fixture
def made_up_checkout(tmp_path):
    (tmp_path / "GPT_SoVITS" / "text").mkdir(parents=True)
    (tmp_path / "GPT_SoVITS" / "text" / "cmudict-fast.rep").write_text("HELLO HH AH0 L OW1\n")
    (tmp_path / "GPT_SoVITS" / "inference_webui.py").write_text('v3v4set = {"v3", "v4"}\n')
    (tmp_path / "config.py").write_text(
        'print("must not run")\n'
        'pretrained_sovits_name = {"v2": "elsewhere/s2G2333k.pth"}\n'
        r'pattern = "(\d+)"'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "header"),
    [("v2Pro", b"05"), ("v2ProPlus", b"06"), ("v3-lora", b"03"), ("v4-lora", b"04")],
)
def test_a_header_replaces_two_bytes_of_a_zip(tmp_path, kind, header):
    content = host_models.checkpoint_bytes({"weight": {}}, host_models.HEADER_BYTES[kind])
    assert content[:2] == header
    restored = tmp_path / "restored.pth"
    restored.write_bytes(b"PK" + content[2:])
    assert zipfile.is_zipfile(restored)
    assert torch.load(restored, weights_only=True) == {"weight": {}}


def test_a_file_without_header_is_a_plain_zip():
    assert host_models.checkpoint_bytes({"weight": {}})[:2] == b"PK"


def test_half_precision_leaves_integers_alone():
    state = {"w": torch.zeros(2), "n": torch.zeros(1, dtype=torch.int64)}
    assert {name: part.dtype for name, part in host_models.half(state).items()} == {
        "w": torch.float16,
        "n": torch.int64,
    }


def test_paths_come_from_the_checkout_without_running_it(made_up_checkout, capsys):
    table = weights.table_of(made_up_checkout, "pretrained_sovits_name", weights.BASE_SOVITS)
    assert table["v2"] == "elsewhere/s2G2333k.pth"
    assert table["v1"] == weights.BASE_SOVITS["v1"]
    assert capsys.readouterr().out == ""


def test_a_checkout_without_the_table_has_the_usual_paths(made_up_checkout):
    assert (
        weights.table_of(made_up_checkout, "pretrained_gpt_name", weights.BASE_GPT)
        == weights.BASE_GPT
    )


def test_only_versions_that_the_code_knows_are_made(made_up_checkout):
    known = [v for v in weights.VERSIONS if weights.knows(made_up_checkout, v)]
    assert known == ["v1", "v2", "v3", "v4"]


def test_folders_of_fine_tuned_weights():
    assert [weights.weights_folder("SoVITS", v) for v in ("v1", "v2ProPlus")] == [
        "SoVITS_weights",
        "SoVITS_weights_v2ProPlus",
    ]


def test_each_character_is_one_token():
    vocabulary = host_text.bert_vocabulary()
    assert len(vocabulary) == len(set(vocabulary))
    assert vocabulary[0] == "[PAD]"
    assert set("今天天气很好，ab1") <= set(vocabulary)


def test_the_reading_model_picks_a_permitted_reading(tmp_path):
    import numpy as np
    import onnxruntime

    host_text.write_g2pw(tmp_path, seed=1)
    pairs = (tmp_path / "POLYPHONIC_CHARS.txt").read_text(encoding="utf-8").split("\n")
    sounds = sorted({pair.split("\t")[1] for pair in pairs})
    characters = sorted({pair.split("\t")[0] for pair in pairs})
    permitted = np.array(
        [[f"{character}\t{s}" in pairs for s in sounds] for character in characters]
    )
    session = onnxruntime.InferenceSession(
        tmp_path / "g2pW.onnx", providers=["CPUExecutionProvider"]
    )
    tokens = np.zeros((len(characters), 5), dtype=np.int64)
    (probabilities,) = session.run(
        None,
        {
            "input_ids": tokens,
            "token_type_ids": tokens,
            "attention_mask": tokens,
            "phoneme_mask": permitted.astype(np.float32),
            "char_ids": np.arange(len(characters)),
            "position_ids": np.zeros(len(characters), dtype=np.int64),
        },
    )
    assert permitted[np.arange(len(characters)), probabilities.argmax(axis=1)].all()
    table = json.loads(
        (tmp_path / "bopomofo_to_pinyin_wo_tune_dict.json").read_text(encoding="utf-8")
    )
    assert {sound[:-1] for sound in sounds} <= set(table)


def test_the_lexicon_is_in_the_form_that_nltk_reads(tmp_path, made_up_checkout):
    host_text.write_nltk_data(tmp_path / "nltk_data", made_up_checkout)
    with zipfile.ZipFile(tmp_path / "nltk_data" / "corpora" / "cmudict.zip") as archive:
        assert archive.read("cmudict/cmudict") == b"HELLO 1 HH AH0 L OW1\n"
    assert (tmp_path / "nltk_data" / "taggers" / "averaged_perceptron_tagger.zip").is_file()


def test_speech_ends_by_itself_after_about_three_seconds():
    """Sample as the host does (AR/models/utils.py) from the logits that the biased layer gives."""
    torch.manual_seed(0)
    end, width = 1024, 512

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm2 = torch.nn.LayerNorm(width)

    decoder = torch.nn.Module()
    decoder.EOS = end
    decoder.h = torch.nn.Module()
    decoder.h.layers = torch.nn.ModuleList([Layer()])
    decoder.ar_predict_layer = torch.nn.Linear(width, end + 1, bias=False)
    with torch.no_grad():
        host_models._make_it_stop(decoder)
        lengths = []
        for _ in range(20):
            said = torch.randint(0, end, (125,)).tolist()  # the reference's tokens
            n_before = len(said)
            while len(said) < n_before + 1500:
                logits = decoder.ar_predict_layer(decoder.h.layers[-1].norm2(torch.randn(width)))
                logits[said] /= 1.35
                best = torch.topk(logits, 15)
                token = int(best.indices[torch.multinomial(best.values.softmax(0), 1)])
                if end in (token, int(logits.argmax())):
                    break
                said.append(token)
            lengths.append(len(said) - n_before)
    assert min(lengths) >= 40
    assert max(lengths) <= 110
