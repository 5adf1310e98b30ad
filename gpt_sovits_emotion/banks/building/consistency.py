"""Which clips of a bank sound as if somebody else spoke, or through something else.

A voice has no model here: it is described by the bank itself. Of the voiced spectra (`hearing.voice_row`)
the four fifths that lie nearest to each other make a robust mean and covariance; a clip's squared Mahalanobis
distance from it, over the median distance, says how unlike the others it is (Rousseeuw & Van Driessen 1999,
"A fast algorithm for the minimum covariance determinant estimator", of which this is the concentration step,
begun from the median). How well it tells intruders is measured by ``benchmarks/banking.py --intruders``.
"""

from __future__ import annotations

import numpy as np

__all__ = ["DOUBTFUL", "FEWEST_CLIPS", "consistency"]

FEWEST_CLIPS = 10
"""With fewer clips nothing can be said of what is usual."""

DOUBTFUL = 0.5
"""Consistency below which a person should listen: of nEMO's own clips fewer than one in a hundred lie there,
of intruders two in three; of speakers who also shout (RAVDESS) one own clip in ten."""

_UNLIKE = 5.0  # times the median distance: where `DOUBTFUL` lies
_CORE = 0.8
_SHRINKAGE = 0.2  # of the covariance towards its diagonal
_N_STEPS = 3


def consistency(rows: np.ndarray) -> np.ndarray | None:
    """Return how much each clip sounds like the others.

    Args:
        rows: ``(n_clips, n_values)`` voice rows.

    Returns:
        ``(n_clips,)`` from 1 (like the others) to 0; None with fewer than `FEWEST_CLIPS`.
    """
    if len(rows) < FEWEST_CLIPS:
        return None
    centred = rows.astype(np.float64) - np.median(rows, axis=0)
    deviation = centred.std(axis=0)
    scaled = centred / np.where(deviation > 0, deviation, 1.0)
    distances = np.mean(np.square(scaled), axis=1)
    for _ in range(_N_STEPS):
        core = scaled[distances <= np.quantile(distances, _CORE)]
        mean = core.mean(axis=0)
        covariance = np.cov(core.T)
        diagonal = np.diag(np.diag(covariance) + 1e-6)
        covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * diagonal
        solved = np.linalg.solve(covariance, (scaled - mean).T).T
        distances = np.maximum(np.einsum("ij,ij->i", scaled - mean, solved), 0.0)
    usual = float(np.median(distances))
    if usual <= 0:
        return np.ones(len(rows))
    return np.asarray(1.0 / (1.0 + np.square(distances / usual / _UNLIKE)))
