"""Whether a voice's clips are all in one mood, so that its own statistics would take the mood away.

What tells is not how often the head names one emotion: a voice that is loud by nature is heard as angry
throughout by a head that does not know it, and needs its own statistics most. It is whether the head's
verdicts differ from clip to clip: the entropy of their mean less the mean of their entropies (the
Jensen-Shannon divergence of the verdicts; Lin 1991, "Divergence measures based on the Shannon entropy"), over
the logarithm of the number of emotions. Chosen on nEMO with heads that had not met the speaker, against the
share of the commonest verdict, the entropy of their mean, the spread of the logits and that of the features;
``docs/banks.md`` has the figures. A head with moving statistics brings its own answer, fitted when it was
trained (`heads.predict_recording`).
"""

from __future__ import annotations

import math

import numpy as np

from gpt_sovits_emotion.heads import Head, predict_recording
from gpt_sovits_emotion.heads.head import softmax

__all__ = ["is_one_mood", "variety"]

_ONE_MOOD = 0.235
_OWN_SHARE = 0.5  # of the judgement against the voice's own mean
_TINY = 1e-12


def is_one_mood(head: Head, table: np.ndarray) -> str | None:
    """Return the mood that nearly all clips are in, None where there are several.

    Args:
        head: The head.
        table: ``(n_clips, dim)`` embeddings of one voice.

    Returns:
        The emotion that the training statistics hear most.
    """
    found = head.probabilities(table)
    if head.card.moving is not None:
        share = predict_recording(head, table).own_share
        return None if share >= _OWN_SHARE else head.card.labels[int(found.mean(axis=0).argmax())]
    # As the perceptrons say it: calibration for first-time speakers flattens verdicts, head by head.
    sharp = softmax(head.card.temperature["global"] * np.log(np.maximum(found, _TINY)))
    if variety(sharp) >= _ONE_MOOD:
        return None
    return head.card.labels[int(found.mean(axis=0).argmax())]


def variety(probabilities: np.ndarray) -> float:
    """Return how much verdicts differ from clip to clip, 0 (not at all) to 1.

    Examples:
        >>> variety(np.array([[0.5, 0.5], [0.5, 0.5]])), round(variety(np.eye(2)), 6)
        (0.0, 1.0)
    """
    gain = _entropy(probabilities.mean(axis=0)) - _entropy(probabilities).mean()
    return float(gain / math.log(probabilities.shape[1]))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(-(probabilities * np.log(np.maximum(probabilities, _TINY))).sum(axis=-1))
