"""Synthesised sounds for the noise conditions: the categories of ESC-50 in miniature.

They are crude, but the major classes differ as real ones do (natural sounds are broad and slow, human ones have a
voice's pitch and formants, interior ones click and hum), so that they disturb models of speech in different ways.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from valence_gap.miniature.sounds import (
    CLIP_SAMPLES,
    RATE_HZ,
    Rng,
    Sound,
    burst,
    cut,
    events,
    resonant,
    ring,
    swell,
    texture,
    voiced,
    wander,
)

HISS = 0.003
"""Hiss of the recorder, relative to a clip's peak: silence between events is not digital silence."""


@dataclass(frozen=True)
class Category:
    """One of ESC-50's fifty categories.

    Attributes:
        target: its number; the major class is ``target // 10``.
        sound: function that synthesises it, (CLIP_SAMPLES,).
        short: whether the sound ends before the clip does; the rest is zeros, as in many of the real clips.
    """

    target: int
    sound: Callable[[Rng], Sound]
    short: bool = False


def clip(category: Category, rng: Rng) -> Sound:
    """Synthesise one clip of a category.

    Args:
        category: category of the sound.
        rng: random generator.

    Returns:
        (220500,) at 44.1 kHz, its peak between .2 and .95.
    """
    samples = category.sound(rng)
    samples += HISS * np.max(np.abs(samples)) * texture(rng, 50, 16000, 0.5)
    if category.short:
        samples = cut(samples, rng.uniform(1.2, 4.0))
    return samples * (rng.uniform(0.2, 0.95) / float(np.max(np.abs(samples))))


def _sea_waves(rng: Rng) -> Sound:
    breakers = swell(CLIP_SAMPLES, rng.uniform(0.15, 0.3), rng.uniform(), 2) + 0.08
    return texture(rng, 80, 5000, 1.0) * breakers


def _fire(rng: Rng) -> Sound:
    crackles = events(rng, 18, lambda r: burst(r, 1500, 12000, r.uniform(0.001, 0.008)), spread=1.0)
    return 0.15 * texture(rng, 40, 400, 1.5, 6, 0.4) + crackles


def _crickets(rng: Rng) -> Sound:
    t = np.arange(CLIP_SAMPLES) / RATE_HZ
    pulses = swell(CLIP_SAMPLES, rng.uniform(25, 35), 0, 1) * swell(CLIP_SAMPLES, rng.uniform(1.5, 3), 0, 0.5)
    return np.sin(2 * np.pi * rng.uniform(3800, 5200) * t) * pulses + 0.02 * texture(rng, 100, 3000, 1.0)


def _birds(rng: Rng) -> Sound:
    chirps = events(rng, 4, lambda r: ring(r, 2000, 5000, r.uniform(0.02, 0.06), glide=r.uniform(-8, 8)))
    return chirps + 0.01 * texture(rng, 100, 4000, 1.0)


def _thunder(rng: Rng) -> Sound:
    claps = events(rng, 0.4, lambda r: burst(r, 20, 900, r.uniform(0.3, 0.8), attack_s=0.05, slope=2.0))
    return claps + 0.05 * texture(rng, 1000, 12000)


def _rain(rng: Rng) -> Sound:
    return 0.3 * texture(rng, 500, 15000, 0.5) + events(rng, 60, partial(burst, low_hz=2e3, high_hz=9e3, decay_s=2e-3))


def _drops(rng: Rng) -> Sound:
    return events(rng, 2, partial(ring, low_hz=700, high_hz=1600, decay_s=0.03, glide=6), jitter=0.3)


def _pouring(rng: Rng) -> Sound:
    bubbles = events(rng, 30, partial(ring, low_hz=400, high_hz=2000, decay_s=0.012, glide=5))
    return 0.2 * texture(rng, 500, 9000, 0.5, 8, 0.2) + bubbles


def _flush(rng: Rng) -> Sound:
    return texture(rng, 150, 7000, 0.8, 6, 0.3) * swell(CLIP_SAMPLES, 0.2, 0.1, 0.5)


def _baby(rng: Rng) -> Sound:
    wail = partial(voiced, pitch_hz=(380, 560), length_s=(0.5, 1.0), formants_hz=(1100, 2800, 3700), breath=0.15)
    return events(rng, 1.1, wail, jitter=0.2)


def _sneeze(rng: Rng) -> Sound:
    return events(rng, 0.7, lambda r: burst(r, 800, 9000, r.uniform(0.06, 0.12), attack_s=0.02), jitter=0.3)


def _claps(rng: Rng) -> Sound:
    hands = partial(burst, low_hz=700, high_hz=4000, decay_s=0.008)
    people = (events(rng, rng.uniform(3, 5), hands, jitter=0.15) for _ in range(6))
    return np.asarray(sum(people))


def _breath(rng: Rng) -> Sound:
    turns = swell(CLIP_SAMPLES, rng.uniform(0.5, 0.9), rng.uniform(), 2)
    return resonant(texture(rng, 300, 8000, 0.5), (700, 1600, 2700), 400) * turns


def _cough(rng: Rng) -> Sound:
    throat = partial(voiced, pitch_hz=(90, 220), length_s=(0.12, 0.25), formants_hz=(650, 1400, 2500), breath=1.5)
    return events(rng, 2.2, throat, jitter=0.4)


def _footsteps(rng: Rng) -> Sound:
    return events(rng, 1.9, lambda r: burst(r, 60, 900, 0.04, slope=1.0), jitter=0.08, spread=0.2)


def _laugh(rng: Rng) -> Sound:
    pitch_hz = rng.uniform(150, 320)
    syllable = partial(
        voiced,
        pitch_hz=(0.85 * pitch_hz, 1.2 * pitch_hz),
        length_s=(0.1, 0.16),
        formants_hz=(750, 1250, 2600),
        breath=0.4,
    )
    return events(rng, 5, syllable, jitter=0.1) * swell(CLIP_SAMPLES, 0.4, 0.2, 0.5)


def _toothbrush(rng: Rng) -> Sound:
    return texture(rng, 2500, 12000) * swell(CLIP_SAMPLES, rng.uniform(3, 6), 0, 0.7)


def _snore(rng: Rng) -> Sound:
    nose = partial(voiced, pitch_hz=(35, 60), length_s=(1.0, 1.4), formants_hz=(250, 800, 1800), breath=0.6)
    return events(rng, 0.5, nose, jitter=0.1)


def _sip(rng: Rng) -> Sound:
    return events(rng, 1.4, lambda r: resonant(burst(r, 800, 7000, 0.08, attack_s=0.15), (1800, 3200), 500), jitter=0.3)


def _clicks(rng: Rng, per_s: float, jitter: float, low_hz: float, high_hz: float, decay_s: float) -> Sound:
    return events(rng, per_s, partial(burst, low_hz=low_hz, high_hz=high_hz, decay_s=decay_s), jitter=jitter)


def _creak(rng: Rng) -> Sound:
    hinge = partial(voiced, pitch_hz=(30, 130), length_s=(0.6, 1.4), formants_hz=(600, 1500, 2900), breath=0.1)
    return events(rng, 0.8, hinge, jitter=0.3)


def _can(rng: Rng) -> Sound:
    return events(rng, 0.6, lambda r: burst(r, 3000, 14000, 0.12) + ring(r, 2500, 6000, 0.12, partials=4), jitter=0.2)


def _hum(rng: Rng, pitch_hz: float, air: float, beat_hz: float) -> Sound:
    """A motor: harmonics of its turning, and the air that it moves."""
    turning = np.cumsum(pitch_hz * wander(rng, CLIP_SAMPLES, 2, 0.005)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * k * turning + rng.uniform(0, 6)) / k for k in range(1, 13))
    gain = 0.6 + 0.4 * swell(CLIP_SAMPLES, beat_hz, rng.uniform(), 1)
    return np.asarray((tones + air * texture(rng, 200, 9000, 0.7)) * gain)


def _alarm(rng: Rng) -> Sound:
    t = np.arange(CLIP_SAMPLES) / RATE_HZ
    beeps = (t * rng.uniform(3, 6) % 1 < 0.5) & (t % 1 < 0.7)
    return np.asarray(np.tanh(3 * np.sin(2 * np.pi * rng.uniform(1800, 2600) * t)) * beeps)


def _glass(rng: Rng) -> Sound:
    return events(rng, 9, partial(ring, low_hz=2500, high_hz=12000, decay_s=0.06, partials=5), spread=1.0)


def _dog(rng: Rng) -> Sound:
    bark = partial(voiced, pitch_hz=(250, 500), length_s=(0.12, 0.22), formants_hz=(700, 1300, 2400), breath=0.5)
    return events(rng, 1.5, bark, jitter=0.5)


def _siren(rng: Rng) -> Sound:
    contour = 700 + 500 * swell(CLIP_SAMPLES, 0.5, rng.uniform(), 1)
    return np.asarray(np.tanh(2 * np.sin(2 * np.pi * np.cumsum(contour) / RATE_HZ)))


CATEGORIES: Mapping[str, Category] = {
    "dog": Category(0, _dog, short=True),
    "rain": Category(10, _rain),
    "sea_waves": Category(11, _sea_waves),
    "crackling_fire": Category(12, _fire),
    "crickets": Category(13, _crickets),
    "chirping_birds": Category(14, _birds),
    "water_drops": Category(15, _drops, short=True),
    "wind": Category(16, partial(texture, low_hz=60, high_hz=900, slope=1.0, per_s=1.5, depth=0.7)),
    "pouring_water": Category(17, _pouring),
    "toilet_flush": Category(18, _flush),
    "thunderstorm": Category(19, _thunder),
    "crying_baby": Category(20, _baby),
    "sneezing": Category(21, _sneeze, short=True),
    "clapping": Category(22, _claps),
    "breathing": Category(23, _breath),
    "coughing": Category(24, _cough, short=True),
    "footsteps": Category(25, _footsteps),
    "laughing": Category(26, _laugh),
    "brushing_teeth": Category(27, _toothbrush),
    "snoring": Category(28, _snore),
    "drinking_sipping": Category(29, _sip, short=True),
    "door_wood_knock": Category(
        30, partial(_clicks, per_s=4, jitter=0.2, low_hz=100, high_hz=1200, decay_s=0.03), True
    ),
    "mouse_click": Category(31, partial(_clicks, per_s=1.5, jitter=0.5, low_hz=2e3, high_hz=8e3, decay_s=0.003), True),
    "keyboard_typing": Category(32, partial(_clicks, per_s=7, jitter=0.6, low_hz=900, high_hz=6e3, decay_s=0.006)),
    "door_wood_creaks": Category(33, _creak),
    "can_opening": Category(34, _can, short=True),
    "washing_machine": Category(35, partial(_hum, pitch_hz=50, air=0.5, beat_hz=1.2)),
    "vacuum_cleaner": Category(36, partial(_hum, pitch_hz=230, air=1.5, beat_hz=0.1)),
    "clock_alarm": Category(37, _alarm),
    "clock_tick": Category(38, partial(_clicks, per_s=2, jitter=0.0, low_hz=1500, high_hz=7e3, decay_s=0.004)),
    "glass_breaking": Category(39, _glass, short=True),
    "siren": Category(42, _siren),
}
"""All categories of the three classes that the paper mixes in, and one of each class that it leaves out."""
