from itertools import pairwise

import numpy as np
import pytest

from valence_gap.definitions.miniature import Speech
from valence_gap.miniature.unlabelled import degraded, unlabelled_speech
from valence_gap.runtime.errors import UserError

HOURS = 40 / 3600


def test_hours_are_exact_and_offsets_cover_them() -> None:
    samples, offsets = unlabelled_speech(Speech(), HOURS, workers=1)
    assert samples.dtype == np.int16
    assert offsets.dtype == np.int64
    assert samples.shape == (40 * 16_000,)
    assert offsets[0] == 0
    assert offsets[-1] == len(samples)
    assert np.all(np.diff(offsets) > 0)
    loudness = [np.abs(samples[start:end]).max() for start, end in pairwise(offsets[:-1])]
    assert min(loudness) > 500


def test_workers_change_nothing() -> None:
    speech = Speech(languages=("en", "de"), noise=True, seed=7)
    alone, alone_offsets = unlabelled_speech(speech, HOURS, workers=1)
    shared, shared_offsets = unlabelled_speech(speech, HOURS, workers=2)
    assert np.array_equal(alone, shared)
    assert np.array_equal(alone_offsets, shared_offsets)


def test_more_hours_begin_with_the_fewer_and_seeds_differ() -> None:
    few, offsets = unlabelled_speech(Speech(seed=1), HOURS / 2, workers=1)
    many, _ = unlabelled_speech(Speech(seed=1), HOURS, workers=1)
    other, _ = unlabelled_speech(Speech(seed=2), HOURS / 2, workers=1)
    assert np.array_equal(few[: offsets[-2]], many[: offsets[-2]])
    assert not np.array_equal(few, other)


def test_noise_is_mixed_within_its_snr_and_some_is_of_telephone_bandwidth() -> None:
    time_s = np.arange(16_000) / 16_000
    clean = (0.1 * np.sin(2 * np.pi * 1000 * time_s)).astype(np.float32)
    untouched, snrs_db = 0, []
    for seed in range(200):
        result = degraded(clean, np.random.default_rng(seed))
        assert result.shape == clean.shape
        assert np.abs(result).max() <= 1
        if np.array_equal(result, clean):
            untouched += 1
        elif np.mean(np.abs(np.fft.rfft(result)[5000:])) > 2e-3:
            noise = result - clean
            snrs_db.append(10 * np.log10(np.mean(clean**2) / np.mean(noise**2)))
    assert 0.2 < untouched / 200 < 0.4
    assert min(snrs_db) > -0.1
    assert np.median(snrs_db) < 20


def test_unknown_languages_are_refused() -> None:
    with pytest.raises(UserError, match="tlh"):
        unlabelled_speech(Speech(languages=("en", "tlh")), HOURS, workers=1)
