"""The parts of synthetic sounds: textures of coloured noise, and events such as bursts, rings and voices."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

RATE_HZ = 44_100
CLIP_S = 5.0
CLIP_SAMPLES = round(CLIP_S * RATE_HZ)

Sound = NDArray[np.float64]
Span = tuple[float, float]
Rng = np.random.Generator


def cut(samples: Sound, length_s: float) -> Sound:
    """Return a sound that ends early, with zeros after it."""
    length, fade = round(length_s * RATE_HZ), round(0.02 * RATE_HZ)
    kept = samples.copy()
    kept[length - fade : length] *= np.linspace(1, 0, fade)
    kept[length:] = 0
    return kept


def coloured(rng: Rng, samples: int, low_hz: float, high_hz: float, slope: float = 0.0) -> Sound:
    """Return noise of unit power between two frequencies; its power falls with frequency to the ``slope``."""
    length = fft.next_fast_len(samples, real=True)
    frequency_hz = np.maximum(fft.rfftfreq(length, 1 / RATE_HZ), 1.0)
    gain = frequency_hz ** (-slope / 2)
    gain /= np.sqrt((1 + (low_hz / frequency_hz) ** 6) * (1 + (frequency_hz / high_hz) ** 6))
    noise = fft.irfft(fft.rfft(rng.standard_normal(length)) * gain, length)[:samples]
    return np.asarray(noise / (np.std(noise) + 1e-12))


def resonant(source: Sound, formants_hz: Sequence[float], width_hz: float = 120.0) -> Sound:
    """Filter a source by resonances."""
    length = fft.next_fast_len(len(source), real=True)
    frequency_hz = fft.rfftfreq(length, 1 / RATE_HZ)
    gain = sum(1 / (1 + ((frequency_hz - formant) / width_hz) ** 2) for formant in formants_hz) + 0.01
    filtered = fft.irfft(fft.rfft(source, length) * gain, length)[: len(source)]
    return np.asarray(filtered / (np.std(filtered) + 1e-12))


def wander(rng: Rng, samples: int, per_s: float, depth: float) -> Sound:
    """Return a gain that changes at random: ``per_s`` turns a second, ``depth`` in nepers."""
    points = max(2, int(per_s * samples / RATE_HZ) + 2)
    steps = np.interp(np.linspace(0, points - 1, samples), np.arange(points), rng.standard_normal(points))
    return np.asarray(np.exp(depth * steps))


def swell(samples: int, per_s: float, phase: float, sharpness: float) -> Sound:
    """Return a gain that rises and falls regularly; its peaks are narrower as ``sharpness`` grows."""
    turns = np.arange(samples) / RATE_HZ * per_s + phase
    return np.asarray((0.5 - 0.5 * np.cos(2 * np.pi * turns)) ** sharpness)


def texture(
    rng: Rng, low_hz: float, high_hz: float, slope: float = 0.0, per_s: float = 1.0, depth: float = 0.1
) -> Sound:
    """Return a clip of coloured noise whose gain changes at random."""
    return coloured(rng, CLIP_SAMPLES, low_hz, high_hz, slope) * wander(rng, CLIP_SAMPLES, per_s, depth)


def events(rng: Rng, per_s: float, event: Callable[[Rng], Sound], *, jitter: float = 1.0, spread: float = 0.4) -> Sound:
    """Return a clip of events: regular at ``jitter`` 0, random at 1; ``spread`` of their strength in nepers."""
    clip_samples = np.zeros(CLIP_SAMPLES)
    onset_s = rng.uniform(0, min(1 / per_s, 0.5))
    while onset_s < CLIP_S:
        sound = event(rng) * np.exp(spread * rng.standard_normal())
        start = round(onset_s * RATE_HZ)
        stop = min(start + len(sound), CLIP_SAMPLES)
        clip_samples[start:stop] += sound[: stop - start]
        onset_s += (1 - jitter + jitter * rng.exponential()) / per_s
    return clip_samples


def burst(
    rng: Rng, low_hz: float, high_hz: float, decay_s: float, *, attack_s: float = 0.001, slope: float = 0.0
) -> Sound:
    """Return noise that starts at once and decays."""
    samples = round(6 * decay_s * RATE_HZ)
    t = np.arange(samples) / RATE_HZ
    return coloured(rng, samples, low_hz, high_hz, slope) * np.minimum(t / attack_s, 1) * np.exp(-t / decay_s)


def ring(rng: Rng, low_hz: float, high_hz: float, decay_s: float, *, glide: float = 0.0, partials: int = 1) -> Sound:
    """Return a struck tone, or several inharmonic ones; ``glide`` in octaves a second."""
    t = np.arange(round(6 * decay_s * RATE_HZ)) / RATE_HZ
    total = np.zeros(len(t))
    for _ in range(partials):
        pitch_hz = np.exp(rng.uniform(np.log(low_hz), np.log(high_hz)))
        total += np.sin(2 * np.pi * np.cumsum(pitch_hz * 2 ** (glide * t)) / RATE_HZ) * rng.uniform(0.4, 1)
    return np.asarray(total * np.exp(-t / decay_s))


def voiced(rng: Rng, pitch_hz: Span, length_s: Span, formants_hz: Sequence[float], *, breath: float = 0.1) -> Sound:
    """Return a syllable: pulses of a gliding pitch and some breath, filtered by formants."""
    samples = round(rng.uniform(*length_s) * RATE_HZ)
    start, stop = rng.uniform(*pitch_hz, size=2)
    contour = np.geomspace(start, stop, samples) * wander(rng, samples, 12, 0.02)
    pulses = 2 * (np.cumsum(contour) / RATE_HZ % 1) - 1
    source = pulses + breath * rng.standard_normal(samples)
    return resonant(source, formants_hz) * np.sin(np.linspace(0, np.pi, samples)) ** 0.5
