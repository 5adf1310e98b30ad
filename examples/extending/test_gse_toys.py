"""Every one keeps the contract of its kind."""

import numpy as np

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.testing import (
    check_backend,
    check_bank_layout,
    check_corpus,
    check_encoder,
    check_format,
    check_transcriber,
)


def test_contracts(tmp_path):
    tone = Audio((0.1 * np.sin(np.arange(64_000) / 20)).astype(np.float32), 16_000)
    write_wav(tmp_path / "anna-happy-1.wav", tone)
    write_wav(tmp_path / "ben-sad-1.wav", tone)
    (tmp_path / "sheet.csv").write_text("file,emotion,text\nanna-happy-1.wav,happy,Hello\n")
    check_encoder("bands:8")
    check_backend("tones")
    check_transcriber("pauses")
    check_bank_layout("sheet", tmp_path)
    check_corpus("toys", tmp_path)
    check_format("markdown")
