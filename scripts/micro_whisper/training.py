"""Teach the micro Whisper: windows to batches, batches to steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from micro_whisper.model import MicroWhisper, guide_loss
from micro_whisper.vocabulary import (
    END_OF_TEXT,
    FIRST_TIMESTAMP,
    SPECIALS,
    START_OF_TRANSCRIPT,
    TIME_STEP_S,
    WINDOW_S,
    Vocabulary,
)
from micro_whisper.windows import Material, Window, WindowMaker

__all__ = ["ROUNDS", "Phase", "Round", "train"]

_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training on windows of one kind.

    Attributes:
        n_steps: Batches.
        batch_size: Windows per batch.
        lengths: (longest window in seconds, most sentences in it); one is drawn for every batch.
        full_length: Whether windows are zero padded to 30 s, as faster-whisper pads them.
        guide_end: Whether the end of the text is told where to look, too, which decides when the last word
            ends.
    """

    n_steps: int
    batch_size: int
    lengths: tuple[tuple[float, int], ...]
    full_length: bool = False
    guide_end: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """Training on utterances of its own, its learning rate warming up and falling to nothing."""

    learning_rate: float
    phases: tuple[Phase, ...]
    material: Material = field(default_factory=Material)


_WHOLE = (float(WINDOW_S), 4)
_SHORT = ((5.0, 1), (7.0, 2), (9.0, 2))

ROUNDS = (
    Round(
        2e-3,
        (
            Phase(500, 12, ((6.0, 1),)),
            Phase(1_500, 10, ((6.0, 2), (9.0, 3), _WHOLE)),
            Phase(80, 6, (_WHOLE,), full_length=True),
        ),
    ),
    Round(1.5e-3, (Phase(1_800, 14, _SHORT, guide_end=True),)),
    Round(
        1.2e-3,
        (Phase(1_200, 14, _SHORT, guide_end=True),),
        Material(0.4, 0.2, shortest_clause=0.1, slowest_wpm=80, silent_share=0.15),
    ),
    Round(
        1.2e-3,
        (Phase(1_400, 14, _SHORT, guide_end=True),),
        Material(0.4, 0.3, 0.1, slowest_wpm=80, silent_share=0.1, coloured_share=0.7),
    ),
)
"""The later rounds practise, on fresh utterances, what a stretch of speech between two pauses holds: a
sentence or two; when somebody speaks slowly, a single clause; a noise; a coloured voice."""

_FRAME_WEIGHT = 0.5  # of the encoder's frame loss beside the decoder's token loss
_GUIDE_WEIGHT = 0.3  # of the guided heads' loss

_SHORTEST_GUIDE_S = 0.08


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    mels: Tensor  # (batch, 80, n_frames) float32
    sounds: Tensor  # (batch, n_encoded); _IGNORED in the padding
    inputs: Tensor  # (batch, n_tokens): every third one without time stamps
    targets: Tensor  # same shape, _IGNORED where nothing is asked
    spans: Tensor  # (batch, n_tokens, 2) encoder frames to look at, -1 where it does not matter


def train(
    model: MicroWhisper,
    maker: WindowMaker,
    *,
    this: Round,
    report: Callable[[int, str], None],
) -> None:
    """Train `model` in place for one round, with AdamW."""
    from faster_whisper.feature_extractor import FeatureExtractor

    extractor = FeatureExtractor(chunk_length=WINDOW_S)
    rng = np.random.default_rng(int(torch.randint(2**31, (1,))))
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=this.learning_rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    n_steps = sum(phase.n_steps for phase in this.phases)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimiser, _warm_up_then_cosine(n_steps))
    model.train()
    step, began, losses = 0, time.monotonic(), []
    for phase in this.phases:
        for _ in range(phase.n_steps):
            longest_s, max_spoken = phase.lengths[int(rng.integers(len(phase.lengths)))]
            windows = [
                maker.make(max_spoken=max_spoken, longest_s=longest_s)
                for _ in range(phase.batch_size)
            ]
            mels = [_mel(extractor, window, rng) for window in windows]
            batch = _assemble(windows, mels, model.vocabulary, phase)
            encoded = model.encode(batch.mels)
            logits, attention = model.decode(batch.inputs, encoded)
            parts = (
                model.token_loss(logits, batch.targets),
                model.frame_loss(encoded, batch.sounds),
                guide_loss(attention, batch.spans),
            )
            optimiser.zero_grad()
            (parts[0] + _FRAME_WEIGHT * parts[1] + _GUIDE_WEIGHT * parts[2]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            scheduler.step()
            model.keep_handle()
            losses.append([part.item() for part in parts])
            step += 1
            if step % 50 == 0 or step == n_steps:
                token, frame, guide = np.mean(losses, axis=0)
                losses.clear()
                report(
                    step,
                    f"step {step}/{n_steps}  tokens {token:.3f}  frames {frame:.3f}  guide {guide:.3f}  "
                    f"{time.monotonic() - began:.0f} s",
                )
    model.eval()


def _warm_up_then_cosine(n_steps: int, n_warm_up: int = 200) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < n_warm_up:
            return (step + 1) / n_warm_up
        done = (step - n_warm_up) / max(1, n_steps - n_warm_up)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return factor


def _mel(extractor: object, window: Window, rng: np.random.Generator) -> np.ndarray:
    """Return ``(80, n_frames)`` log mels of `window`.

    faster-whisper floors the spectrum 8 below the maximum of the whole recording, which may lie in
    another window: the floor of a window alone is therefore raised by a random amount.
    """
    mel: np.ndarray = extractor(window.samples)  # type: ignore[operator]
    floor = mel.max() - 2.0 + (rng.uniform(0.0, 0.5) if rng.random() < 0.5 else 0.0)
    return np.maximum(mel, floor)


def _assemble(
    windows: Sequence[Window],
    mels: Sequence[np.ndarray],
    vocabulary: Vocabulary,
    phase: Phase,
) -> _Batch:
    n_frames = 3_000 if phase.full_length else 2 * math.ceil(max(mel.shape[1] for mel in mels) / 2)
    padded = np.zeros((len(mels), mels[0].shape[0], n_frames), dtype=np.float32)
    sounds = np.full((len(mels), n_frames // 2), _IGNORED)
    for i, (window, mel) in enumerate(zip(windows, mels, strict=True)):
        padded[i, :, : mel.shape[1]] = mel
        n_encoded = mel.shape[1] // 2
        sounds[i, :n_encoded] = _frame_sounds(window, n_encoded)
    written = [
        _timed(window) if i % 3 else _untimed(window, guide_end=phase.guide_end)
        for i, window in enumerate(windows)
    ]
    longest = max(len(one.inputs) for one in written)
    inputs = torch.zeros((len(written), longest), dtype=torch.long)
    targets = torch.full((len(written), longest), _IGNORED)
    spans = torch.full((len(written), longest, 2), -1)
    for i, one in enumerate(written):
        n_tokens = len(one.inputs)
        inputs[i, :n_tokens] = torch.tensor([vocabulary.compact_of[token] for token in one.inputs])
        targets[i, :n_tokens] = torch.tensor(
            [_IGNORED if token is None else vocabulary.compact_of[token] for token in one.asked]
        )
        spans[i, :n_tokens] = torch.tensor([_frames_of(span_s) for span_s in one.spans_s])
    return _Batch(torch.from_numpy(padded), torch.from_numpy(sounds), inputs, targets, spans)


def _frame_sounds(window: Window, n_encoded: int) -> np.ndarray:
    """Return ``(n_encoded,)`` the sound made in each frame; 0 is a pause."""
    sounds = np.zeros(n_encoded, dtype=np.int64)
    for spoken in window.spoken:
        for sound, start_s, end_s in spoken.sound_spans_s:
            sounds[round(start_s / TIME_STEP_S) : round(end_s / TIME_STEP_S)] = sound
    return sounds


def _frames_of(span_s: tuple[float, float] | None) -> tuple[int, int]:
    """Return the encoder frames of a span, made wide enough to be hit."""
    if span_s is None:
        return -1, -1
    lacking_s = max(0.0, _SHORTEST_GUIDE_S - (span_s[1] - span_s[0]))
    first = (span_s[0] - lacking_s / 2) / TIME_STEP_S
    last = (span_s[1] + lacking_s / 2) / TIME_STEP_S
    return max(0, math.floor(first)), max(1, math.ceil(last))


@dataclass(slots=True)
class _Written:
    """A window as the decoder is to write it.

    Attributes:
        inputs: Token ids, prompt included.
        asked: The token asked after each input, None where none is.
        spans_s: Where to look for each of the asked, None where it does not matter.
    """

    inputs: list[int]
    asked: list[int | None]
    spans_s: list[tuple[float, float] | None]

    def write(self, token: int, span_s: tuple[float, float] | None) -> None:
        """Ask for `token` next, and go on from it."""
        self.asked.append(token)
        self.spans_s.append(span_s)
        self.inputs.append(token)

    def end(self, span_s: tuple[float, float] | None = None) -> None:
        """Ask for the end of the text."""
        self.asked.append(END_OF_TEXT)
        self.spans_s.append(span_s)


def _begun(window: Window) -> _Written:
    language = SPECIALS[f"<|{window.language}|>"]
    return _Written(
        [START_OF_TRANSCRIPT, language, SPECIALS["<|transcribe|>"]],
        [language if window.spoken else SPECIALS["<|nospeech|>"], None],
        [None, None],
    )


def _timed(window: Window) -> _Written:
    """Write a window with time stamps.

    A sentence that the window cuts off is written as its start alone, which makes faster-whisper begin
    the next window there. A window without speech is a lone ``<|0.00|>``.
    """
    written = _begun(window)
    for spoken in window.spoken:
        written.write(_stamp(spoken.start_s), (spoken.start_s, spoken.start_s))
        if spoken.end_s is not None:
            for token, span_s in zip(spoken.tokens, spoken.token_spans_s.tolist(), strict=True):
                written.write(token, (span_s[0], span_s[1]))
            written.write(_stamp(spoken.end_s), (spoken.end_s, spoken.end_s))
    if not window.spoken:
        written.write(FIRST_TIMESTAMP, None)
    written.end()
    return written


def _untimed(window: Window, *, guide_end: bool) -> _Written:
    """Write a window without time stamps, as word alignment uses the decoder."""
    written = _begun(window)
    written.asked.append(None)
    written.spans_s.append(None)
    written.inputs.append(SPECIALS["<|notimestamps|>"])
    end_s: float | None = None
    for spoken in window.spoken:
        if spoken.end_s is not None:
            for token, span_s in zip(spoken.tokens, spoken.token_spans_s.tolist(), strict=True):
                written.write(token, (span_s[0], span_s[1]))
            end_s = spoken.end_s
    written.end((end_s, end_s + 0.1) if guide_end and end_s is not None else None)
    return written


def _stamp(time_s: float) -> int:
    return FIRST_TIMESTAMP + round(time_s / TIME_STEP_S)
