"""The synthesised noise clips."""

import numpy as np
import pytest

from valence_gap.miniature.noise import CATEGORIES, clip
from valence_gap.miniature.sounds import CLIP_SAMPLES, RATE_HZ, coloured, ring


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def centroid_hz(samples) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(np.sum(np.fft.rfftfreq(len(samples), 1 / RATE_HZ) * power) / np.sum(power))


def test_three_major_classes_are_complete_and_the_others_exist():
    targets = [category.target for category in CATEGORIES.values()]
    assert len(targets) == len(set(targets))
    majors = [target // 10 for target in targets]
    assert [majors.count(major) for major in range(5)] == [1, 10, 10, 10, 1]


def test_categories_have_the_numbers_of_esc50():
    known = {"dog": 0, "rain": 10, "thunderstorm": 19, "crying_baby": 20, "laughing": 26, "drinking_sipping": 29}
    known |= {"door_wood_knock": 30, "vacuum_cleaner": 36, "clock_tick": 38, "glass_breaking": 39, "siren": 42}
    assert {name: CATEGORIES[name].target for name in known} == known


@pytest.mark.parametrize("name", CATEGORIES)
def test_a_clip_is_five_seconds_of_sound_and_repeatable(name):
    samples = clip(CATEGORIES[name], rng())
    assert samples.shape == (5 * 44_100,)
    assert np.isfinite(samples).all()
    assert 0.2 <= np.abs(samples).max() <= 0.95
    assert np.array_equal(samples, clip(CATEGORIES[name], rng()))
    assert not np.array_equal(samples, clip(CATEGORIES[name], rng(1)))


@pytest.mark.parametrize("name", CATEGORIES)
def test_short_sounds_are_padded_with_zeros_and_no_others(name):
    samples = clip(CATEGORIES[name], rng())
    last_s = (np.flatnonzero(samples)[-1] + 1) / RATE_HZ
    if CATEGORIES[name].short:
        assert 1.0 < last_s <= 4.0
    else:
        assert last_s == pytest.approx(5.0, abs=0.001)


def test_classes_sound_unlike_each_other():
    centroids_hz = {
        name: centroid_hz(clip(CATEGORIES[name], rng())) for name in ("wind", "footsteps", "brushing_teeth", "rain")
    }
    assert centroids_hz["wind"] < 1000
    assert centroids_hz["footsteps"] < 1000
    assert centroids_hz["rain"] > 3000
    assert centroids_hz["brushing_teeth"] > 3000


def test_a_clock_ticks_twice_a_second():
    samples = np.abs(clip(CATEGORIES["clock_tick"], rng()))
    blocks = samples[: CLIP_SAMPLES // 441 * 441].reshape(-1, 441).max(axis=1)
    onsets_s = np.flatnonzero((blocks[1:] > 0.1 * samples.max()) & (blocks[:-1] <= 0.1 * samples.max())) / 100
    assert np.diff(onsets_s) == pytest.approx(np.full(len(onsets_s) - 1, 0.5), abs=0.021)
    assert len(onsets_s) >= 8


def test_noise_keeps_to_its_band_with_unit_power():
    noise = coloured(rng(), RATE_HZ, 1000, 2000)
    power = np.abs(np.fft.rfft(noise)) ** 2
    frequency_hz = np.fft.rfftfreq(RATE_HZ, 1 / RATE_HZ)
    assert np.std(noise) == pytest.approx(1)
    # Outside, power falls with the sixth power of the distance: an octave away 1/65 of it is left.
    octave = {hz: power[(frequency_hz > hz - 100) & (frequency_hz < hz + 100)].mean() for hz in (500, 1500, 4000)}
    assert octave[500] == pytest.approx(octave[1500] / 65, rel=0.5)
    assert octave[4000] == pytest.approx(octave[1500] / 65, rel=0.5)


def test_a_ring_has_its_pitch_and_its_decay():
    tone = ring(rng(), 1000, 1000, 0.1)
    assert np.argmax(np.abs(np.fft.rfft(tone))) * RATE_HZ / len(tone) == pytest.approx(1000, abs=3)
    first, later = (np.abs(tone[start : start + 441]).max() for start in (0, 4410))
    assert later / first == pytest.approx(np.exp(-1), rel=0.05)
