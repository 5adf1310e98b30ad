"""Which language is spoken in each utterance of a window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from gpt_sovits_emotion.transcription.placing import utterances
from gpt_sovits_emotion.transcription.speech import Stretch

__all__ = ["Languages"]

Probable = Mapping[str, float]
"""Language code -> how probable it is."""

Ask = Callable[[Sequence[tuple[float, float] | None]], Sequence[Probable]]
"""Start and end of stretches, or None for the whole window -> the languages of each."""

_CHUNK_S = 1.5  # so much speech is judged at once, as long as all agree
_KEPT = 0.3  # the language of the window before stays where it is as probable as this
_OTHER = 0.7  # another language in a window must be so probable ...
_NOT_THIS = 0.1  # ... and the window's no more than this
_CLEARLY = (
    3.0  # times as probable, of two languages that are both known to be spoken in the recording
)
_SURE = 0.8  # where the utterances agree less, the window as a whole is asked too
_ENOUGH_S = 3.0  # of a language that was not heard before
_SHORT_S = 1.0  # a shorter utterance is not judged by itself


class Languages:
    """Follows the language through a recording, window by window.

    A change must be clear: where it is not, the language of the neighbour stays, because a short or noisy
    stretch is easily taken for Norwegian or Welsh.
    """

    def __init__(self) -> None:
        self._last: str | None = None
        self._spoken: set[str] = set()  # the languages that were clearly heard so far

    @staticmethod
    def of_one(probable: Probable, near: str | None) -> str:
        """Return the language of a single utterance; `near`, its neighbour's, where it is not clear."""
        best = _best(probable)
        return best if near is None or probable[best] >= _OTHER else near

    def runs(self, speech: Sequence[Stretch], ask: Ask) -> list[tuple[str, list[Stretch]]]:
        """Part the speech of one window into runs of one language each, in order.

        Args:
            speech: The window's stretches.
            ask: Tells the languages of parts of the window.
        """
        chunks = _chunks(speech)
        probable = ask([(chunk[0].start_s, chunk[-1].end_s) for chunk in chunks])
        main = self._main(chunks, probable, ask)
        self._spoken.add(main)
        others = self._others(chunks, probable, main)
        self._spoken |= others
        if not others:
            self._last = main
            return [(main, list(speech))]
        runs = _runs(speech, ask, {main, *others}, main)
        self._last = runs[-1][0]
        return runs

    def _other(self, probable: Probable, main: str) -> str | None:
        """Return the language of an utterance that is clearly not in the window's, else None."""
        best, here = _best(probable), probable.get(main, 0.0)
        if best != main and probable[best] >= _OTHER and here <= _NOT_THIS:
            return best
        # What is spoken elsewhere in the recording needs less to be believed.
        known = max(sorted(self._spoken), key=lambda code: probable.get(code, 0.0))
        return known if known != main and probable.get(known, 0.0) > _CLEARLY * here else None

    def _others(
        self, chunks: Sequence[Sequence[Stretch]], probable: Sequence[Probable], main: str
    ) -> set[str]:
        """Return what else is spoken in the window: for some time, or elsewhere in the recording."""
        spoken_s: dict[str, float] = defaultdict(float)
        for chunk, one in zip(chunks, probable, strict=True):
            other = self._other(one, main)
            if other is not None:
                spoken_s[other] += sum(stretch.duration_s for stretch in chunk)
        return {
            code for code, own_s in spoken_s.items() if own_s >= _ENOUGH_S or code in self._spoken
        }

    def _main(
        self, chunks: Sequence[Sequence[Stretch]], probable: Sequence[Probable], ask: Ask
    ) -> str:
        """Return the language of most of the window, the last one's where that is possible."""
        shares: dict[str, float] = defaultdict(float)
        total_s = 0.0
        for chunk, one in zip(chunks, probable, strict=True):
            spoken_s = sum(stretch.duration_s for stretch in chunk)
            total_s += spoken_s
            for code, share in one.items():
                shares[code] += share * spoken_s
        if shares[_best(shares)] < _SURE * total_s:
            # With the silence behind it Whisper judges short and strange speech better.
            (whole,) = ask([None])
            for code, share in whole.items():
                shares[code] += share * total_s
            total_s *= 2
        if self._last is not None and shares[self._last] >= _KEPT * total_s:
            return self._last
        return _best(shares)


def _best(probable: Probable) -> str:
    return max(probable, key=lambda code: probable[code])


def _chunks(speech: Sequence[Stretch]) -> list[list[Stretch]]:
    """Gather stretches until there is enough speech in each chunk."""
    chunks: list[list[Stretch]] = []
    gathered_s = _CHUNK_S
    for one in speech:
        if gathered_s >= _CHUNK_S:
            chunks.append([])
            gathered_s = 0.0
        chunks[-1].append(one)
        gathered_s += one.duration_s
    if len(chunks) > 1 and gathered_s < _CHUNK_S / 2:
        chunks[-2] += chunks.pop()
    return chunks


def _runs(
    speech: Sequence[Stretch], ask: Ask, codes: set[str], main: str
) -> list[tuple[str, list[Stretch]]]:
    """Give each utterance the most probable of `codes`; a short one goes with the one before it."""
    spoken = utterances(speech)
    probable = ask([(one.start_s, one.end_s) for one in spoken])
    runs: list[tuple[str, list[Stretch]]] = []
    for utterance, one in zip(spoken, probable, strict=True):
        own = [stretch for stretch in speech if utterance.holds(stretch.start_s)]
        code = max(sorted(codes), key=lambda code: one.get(code, 0.0))
        if utterance.duration_s < _SHORT_S:
            code = runs[-1][0] if runs else main
        if runs and runs[-1][0] == code:
            runs[-1][1].extend(own)
        else:
            runs.append((code, own))
    return runs
