"""Noise tables."""

from __future__ import annotations

import numpy as np

from shared.sandbox.render.noise import fine_grain, smooth_noise


def grid(size: int = 128) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float32]], ...]:
    x, y = np.meshgrid(np.arange(size, dtype=np.float32) / 4, np.arange(size, dtype=np.float32) / 4)
    return x.astype(np.float32), y.astype(np.float32)


def test_noise_depends_on_place_alone_not_on_the_picture() -> None:
    x, y = grid()
    whole = smooth_noise(x, y, cell=2.0, offset=(5.0, 9.0))
    part = smooth_noise(x[40:60, 30:50].copy(), y[40:60, 30:50].copy(), cell=2.0, offset=(5.0, 9.0))
    assert np.array_equal(whole[40:60, 30:50], part)


def test_noise_is_about_standard() -> None:
    x, y = grid(512)
    noise = smooth_noise(x, y, cell=1.0, offset=(0.0, 0.0))
    assert abs(float(noise.mean())) < 0.2
    assert 0.7 < float(noise.std()) < 1.2


def test_grain_differs_by_generator_and_repeats_by_seed() -> None:
    first, again, other = (fine_grain((32, 48), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
