"""For authors of heads and plug-ins: a check of each contract, and fakes that keep the contracts.

    from gpt_sovits_emotion.testing import check_encoder, check_head
    check_head("my-head")      # raises HeadError with the reason, or returns remarks
    check_encoder("mine:2")    # raises EncoderError with the reason

The fakes need no model and no ear: a head with random weights, an encoder whose embeddings depend on
level and length alone, a backend that hums. Each can be registered as it is (docs/extending.md):
``fake = gpt_sovits_emotion.testing:FakeBackend`` in the group ``gpt_sovits_emotion.backends``.
"""

from __future__ import annotations

from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.testing.checks import (
    check_backend,
    check_bank_layout,
    check_corpus,
    check_encoder,
    check_format,
    check_transcriber,
)
from gpt_sovits_emotion.testing.fakes import (
    FAKE_DIM,
    FAKE_LABELS,
    FakeBackend,
    FakeBankLayout,
    FakeCorpus,
    FakeEncoder,
    FakeEncoders,
    FakeFormat,
    FakeTranscriber,
    fake_card,
    fake_tensors,
    make_fake_head,
)

__all__ = [
    "FAKE_DIM",
    "FAKE_LABELS",
    "FakeBackend",
    "FakeBankLayout",
    "FakeCorpus",
    "FakeEncoder",
    "FakeEncoders",
    "FakeFormat",
    "FakeTranscriber",
    "check_backend",
    "check_bank_layout",
    "check_corpus",
    "check_encoder",
    "check_format",
    "check_head",
    "check_transcriber",
    "fake_card",
    "fake_tensors",
    "make_fake_head",
]
