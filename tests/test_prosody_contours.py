"""Contours, pitch shares, windows, patterns and modulation against tracks whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.encoders.prosody.contours import (
    CONTOUR_NAMES,
    PITCH_SHARE_NAMES,
    WINDOW_FUNCTIONALS,
    contours,
    high_pitched,
    pitch_shares,
    windowed,
)
from gpt_sovits_emotion.encoders.prosody.frames import HOP_S, runs
from gpt_sovits_emotion.encoders.prosody.rhythm import MODULATION_BANDS, modulation
from gpt_sovits_emotion.encoders.prosody.rocket import (
    SHARES_PER_TRACK,
    kernel_share_names,
    kernel_shares,
)


def contour_of(f0_st, level_db, frames):
    values = contours(np.asarray(f0_st), np.asarray(level_db), np.asarray(frames))
    return dict(zip((name for name, _ in CONTOUR_NAMES), values.tolist(), strict=True))


def shares_of(track, *, thresholds=(0.1, 6.0), frames=None):
    """Shares by name, as in ``taps_568_every_10_ms_above_0.1_st``."""
    frames = np.arange(len(track)) if frames is None else frames
    values = kernel_shares(np.asarray(track, np.float32), frames, thresholds)
    names = [name.removeprefix("f0.") for name, _ in kernel_share_names("f0", thresholds, "st")]
    return dict(zip(names, values.tolist(), strict=True))


def voiced_frames(seed, *, n_frames=400, share=0.7):
    rng = np.random.default_rng(seed)
    chosen = rng.random(n_frames // 8).repeat(8) < share
    chosen[:8] = True
    return rng, np.flatnonzero(chosen)


def test_contour_of_a_rise_and_a_fall():
    rise, fall = np.linspace(30, 34, 41), np.linspace(36, 30, 21)
    frames = np.concatenate([np.arange(10, 51), np.arange(60, 81)])
    found = contour_of(np.concatenate([rise, fall]), np.zeros(62), frames)
    assert found["f0.first"] == pytest.approx(32.0)
    assert found["f0_slope.first"] == pytest.approx(2.0)  # 4 st over the run, which spans -1 to 1
    assert found["f0_slope.last"] == pytest.approx(-3.0)
    assert found["f0_slope.mean"] == pytest.approx(-0.5)
    assert found["f0_slope.first_to_last"] == pytest.approx(-5.0)
    assert found["f0_slope_size.highest"] == pytest.approx(3.0)
    assert found["f0_range.highest"] == pytest.approx(6.0)
    assert found["f0_curvature.mean"] == pytest.approx(0.0, abs=1e-6)
    assert found["f0_speed.first"] == pytest.approx(4.0 / 0.41)
    assert found["f0_speed.last"] == pytest.approx(-6.0 / 0.21)
    assert found["f0_peak_place.first"] > 0.85
    assert found["f0_peak_place.last"] < 0.15
    assert found["level_peak_place.mean"] == pytest.approx(0.5)


def test_contours_against_least_squares_of_numpy():
    rng, frames = voiced_frames(0)
    f0_st, level_db = rng.normal(30, 3, len(frames)), rng.normal(-10, 5, len(frames))
    expected = []
    for start, stop in zip(*runs(np.isin(np.arange(400), frames)), strict=True):
        inside = (frames >= start) & (frames < stop)
        x = np.linspace(-1, 1, inside.sum())
        fits = [np.polynomial.legendre.legfit(x, y[inside], 2)[1:] for y in (f0_st, level_db)]
        expected.append(np.concatenate(fits))
    assert len(expected) > 5
    found = contour_of(f0_st, level_db, frames)
    mean, std = np.mean(expected, axis=0), np.std(expected, axis=0)
    for i, name in enumerate(("f0_slope", "f0_curvature", "level_slope", "level_curvature")):
        assert found[f"{name}.mean"] == pytest.approx(mean[i], rel=1e-4)
        assert found[f"{name}.std"] == pytest.approx(std[i], rel=1e-4)


def test_runs_too_short_to_have_a_contour_do_not_count():
    frames = np.concatenate([np.arange(20), np.arange(30, 35)])  # 200 ms and 50 ms
    found = contour_of(np.where(frames < 20, 30.0, 50.0), np.zeros(25), frames)
    assert found["f0.highest"] == pytest.approx(30.0)
    scattered = np.array([0, 1, 10, 11, 30])
    found = contour_of(np.full(5, 40.0), np.zeros(5), scattered)
    assert found["f0.mean"] == pytest.approx(40.0)
    assert found["f0.std"] == 0.0


def test_pitch_shares_are_a_histogram_summed_from_above():
    assert [name for name, _ in PITCH_SHARE_NAMES][3:5] == [
        "share_above_median_-1.2_st",
        "share_above_median_+0_st",
    ]
    flat = pitch_shares(np.full(50, 36.0))
    assert flat[4] == pytest.approx(0.5)
    assert flat[0] == pytest.approx(1.0, abs=1e-3)
    assert flat[-1] == pytest.approx(0.0, abs=1e-3)
    # Three fifths at the median, one fifth 12 st below and one fifth 12 st above.
    spread = pitch_shares(np.repeat([24.0, 36.0, 36.0, 36.0, 48.0], 20))
    assert spread[[0, 4, 9]] == pytest.approx([0.8, 0.5, 0.2], abs=1e-3)
    rng = np.random.default_rng(1)
    f0_st = rng.normal(36, 3, 500)
    assert (np.diff(pitch_shares(f0_st)) < 0).all()
    np.testing.assert_allclose(pitch_shares(f0_st + 7), pitch_shares(f0_st), atol=1e-6)


def test_high_pitched_frames_are_the_highest_fifth():
    f0_st = np.repeat([30.0, 40.0], [60, 40])
    level = np.where(f0_st > 35, -2.0, -12.0)
    found = high_pitched(f0_st, np.stack([level, np.ones(100)], axis=1))
    assert found == pytest.approx([6.0, 0.0], abs=1e-4)  # -2 less the mean of -8
    noise = np.random.default_rng(2).normal(size=(100, 3))
    assert high_pitched(np.full(100, 36.0), noise) == pytest.approx([0.0] * 3, abs=1e-6)


def test_windows_against_plain_loops():
    rng, frames = voiced_frames(3, n_frames=203, share=0.5)
    tracks = rng.normal([30.0, -10.0], [3.0, 1.0], (len(frames), 2)).astype(np.float32)
    means, stds = [], []
    for start in range(frames[0], frames[-1] + 1 - 30 + 1, 10):
        inside = (frames >= start) & (frames < start + 30)
        if inside.sum() >= 5:
            means.append(tracks[inside].mean(0))
            stds.append(tracks[inside].std(0))
    found = windowed(tracks, frames).reshape(2, len(WINDOW_FUNCTIONALS)).T
    expected = [
        np.max(means, axis=0),
        np.max(stds, axis=0),
        np.min(means, axis=0),
        np.min(stds, axis=0),
        np.std(means, axis=0),
        np.abs(np.diff(means, axis=0)).mean(0),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("frames", [[7], [0, 100, 200], list(range(12))])
def test_few_frames_are_one_window(frames):
    tracks = np.arange(len(frames), dtype=np.float32)[:, None]
    found = dict(zip(WINDOW_FUNCTIONALS, windowed(tracks, np.array(frames)).tolist(), strict=True))
    assert found["highest_mean"] == found["lowest_mean"] == pytest.approx(tracks.mean())
    assert found["highest_std"] == pytest.approx(tracks.std(), rel=1e-5)
    assert found["step_of_means"] == 0.0


def test_kernel_shares_against_plain_loops():
    rng = np.random.default_rng(4)
    track = np.cumsum(rng.normal(size=60))
    frames = np.flatnonzero(rng.random(60) < 0.6)
    expected = []
    for dilation, threshold in itertools.product((1, 2, 4, 8), (0.1, 2.0)):
        for heavy in list(itertools.combinations(range(9), 3))[::3]:
            responses = []
            for frame in frames:
                taps = [track[min(max(frame + (k - 4) * dilation, 0), 59)] for k in range(9)]
                responses.append(sum((2 if k in heavy else -1) * x for k, x in enumerate(taps)))
            expected.append(np.mean(np.array(responses) > threshold))
    assert len(expected) == SHARES_PER_TRACK == 224
    found = kernel_shares(track, frames, (0.1, 2.0))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_patterns_tell_a_rise_from_a_fall():
    rise = shares_of(np.linspace(0, 20, 100))
    fall = shares_of(np.linspace(20, 0, 100))
    early, late = "taps_012_every_40_ms_above_0.1_st", "taps_568_every_40_ms_above_0.1_st"
    assert late in rise
    assert rise[late] == fall[early] == 1.0
    assert rise[early] == fall[late] == 0.0


@given(constant=st.floats(-60, 80), n_frames=st.integers(1, 300))
def test_a_track_that_does_not_move_has_no_patterns(constant, n_frames):
    assert set(shares_of(np.full(n_frames, constant)).values()) == {0.0}


def test_patterns_of_long_tracks_are_counted_in_blocks():
    track = np.sin(np.arange(9000) * 0.3) * 5
    whole = kernel_shares(track, np.arange(9000), (0.1, 6.0))
    parts = [
        kernel_shares(track, np.arange(start, start + 3000), (0.1, 6.0))
        for start in range(0, 9000, 3000)
    ]
    np.testing.assert_allclose(whole, np.mean(parts, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("frequency_hz", "band"),
    [(1.0, 0), (3.0, 1), (5.5, 2), (9.0, 3), (15.0, 4), (30.0, 5)],
)
def test_modulation_is_found_in_its_band(frequency_hz, band):
    t = np.arange(400) * HOP_S
    swing = 2.0 * np.sin(2 * np.pi * frequency_hz * t)
    table = modulation(np.stack([swing, 20 + swing / 2, np.zeros(400)], axis=1)).reshape(3, -1)
    assert table.shape[1] == len(MODULATION_BANDS)
    assert table[0].argmax() == table[1].argmax() == band
    assert table[0, band] - table[1, band] == pytest.approx(6.02, abs=0.3)
    assert table[2] == pytest.approx([-30.0] * 6)  # the floor
    # The power of a sine of amplitude 2, spread over the band and over both signs of frequency.
    low_hz, high_hz = ((0.5, 2), (2, 4), (4, 7), (7, 12), (12, 20), (20, 40))[band]
    assert table[0, band] == pytest.approx(10 * np.log10(1.0 / (high_hz - low_hz)), abs=0.5)


@settings(max_examples=50)
@given(
    frames=st.sets(st.integers(0, 120), min_size=1),
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e3]),
)
def test_any_frames_give_finite_values(frames, seed, scale):
    where = np.array(sorted(frames))
    tracks = scale * np.random.default_rng(seed).standard_normal((len(where), 3))
    f0_st = tracks[:, 0]
    for values in (
        pitch_shares(f0_st),
        high_pitched(f0_st, tracks),
        contours(f0_st, tracks[:, 1], where),
        windowed(tracks, where),
        modulation(tracks),
    ):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
