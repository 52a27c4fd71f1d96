"""Recordings: the effect of a corpus' rooms and microphones on a voice, so that the corpora differ in their sound."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import fft

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.miniature.labels import draws

Span = tuple[float, float]

SPEECH_RMS = 0.1
"""RMS of a synthesised voice at nominal volume; noise floors are relative to it, so that they can mask soft speech."""

PEAK = 0.98


@dataclass(frozen=True)
class Setting:
    """Ranges from which each speaker's recording is drawn.

    Attributes:
        gain_db: level.
        decay_s: time in which the room's echo falls by 60 dB.
        direct_db: energy of the direct sound over that of the echo.
        low_hz: lower edge of the band.
        high_hz: upper edge of the band.
        snr_db: nominal speech over the noise floor.
        noise_slope: the noise floor's power falls with frequency to this power.
    """

    gain_db: Span
    decay_s: Span
    direct_db: Span
    low_hz: Span
    high_hz: Span
    snr_db: Span
    noise_slope: Span


SETTINGS: Mapping[str, Setting] = {
    # Produced podcasts: close microphones, even levels, some of them compressed to less bandwidth.
    "msp-podcast": Setting(
        gain_db=(-8, -1),
        decay_s=(0.08, 0.20),
        direct_db=(12, 20),
        low_hz=(50, 90),
        high_hz=(6000, 7900),
        snr_db=(30, 45),
        noise_slope=(0.5, 1.5),
    ),
    # Actors in one laboratory, at low level, with the room and its ventilation.
    "iemocap": Setting(
        gain_db=(-14, -10),
        decay_s=(0.28, 0.34),
        direct_db=(6, 10),
        low_hz=(40, 50),
        high_hz=(7600, 7900),
        snr_db=(22, 28),
        noise_slope=(0.9, 1.1),
    ),
    # Home videos with built-in microphones.
    "cmu-mosi": Setting(
        gain_db=(-11, -1),
        decay_s=(0.20, 0.45),
        direct_db=(5, 14),
        low_hz=(100, 200),
        high_hz=(3800, 6500),
        snr_db=(17, 28),
        noise_slope=(0.0, 2.0),
    ),
}


@dataclass(frozen=True)
class Recording:
    """One speaker's room, microphone and noise floor."""

    gain: float
    room: NDArray[np.float32]
    band_hz: Span
    noise_rms: float
    noise_slope: float


@lru_cache(maxsize=256)
def recording_of(corpus: str, speaker: str, seed: int) -> Recording:
    """Draw the room, the microphone and the noise floor of a speaker."""
    rng = draws(seed, corpus, "recording", speaker)
    gain_db, decay_s, direct_db, low_hz, high_hz, snr_db, slope = (
        float(rng.uniform(*span)) for span in astuple(SETTINGS[corpus])
    )
    noise_rms = SPEECH_RMS * 10 ** (-snr_db / 20)
    return Recording(10 ** (gain_db / 20), _room(decay_s, direct_db, rng), (low_hz, high_hz), noise_rms, slope)


def _room(decay_s: float, direct_db: float, rng: np.random.Generator) -> NDArray[np.float32]:
    samples = max(2, int(decay_s * SAMPLE_RATE_HZ))
    echo = rng.standard_normal(samples) * 10 ** (-3 * np.arange(samples) / samples)
    echo[: SAMPLE_RATE_HZ // 500] = 0  # the first reflection arrives after 2 ms
    echo *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(echo**2))
    echo[0] = 1.0
    return echo.astype(np.float32)


def record(
    voice: NDArray[np.float32], rate_hz: int, recording: Recording, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Play a voice in a room and record it.

    Args:
        voice: (samples,) in -1..1.
        rate_hz: its sampling rate.
        recording: the room and the microphone.
        rng: random generator of the noise floor.

    Returns:
        (samples,) at 16 kHz, as long as the voice; scaled as a whole where it would clip.
    """
    dry = soxr.resample(voice, rate_hz, SAMPLE_RATE_HZ)
    length = fft.next_fast_len(len(dry) + len(recording.room), real=True)
    frequency_hz = fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    spectrum = fft.rfft(dry, length) * fft.rfft(recording.room, length)
    floor = fft.rfft(rng.standard_normal(length, dtype=np.float32)) * _tilt(frequency_hz, recording.noise_slope)
    spectrum = (spectrum + recording.noise_rms * floor) * _band(frequency_hz, recording.band_hz)
    recorded = fft.irfft(spectrum, length)[: len(dry)] * np.float32(recording.gain)
    peak = float(np.max(np.abs(recorded), initial=0.0))
    return np.asarray(recorded * min(1.0, PEAK / max(peak, 1e-9)), dtype=np.float32)


def _tilt(frequency_hz: NDArray[np.float32], slope: float) -> NDArray[np.float32]:
    gain = np.maximum(frequency_hz, 50.0) ** (-slope / 2)
    return np.asarray(gain / np.sqrt(np.mean(gain**2)), dtype=np.float32)


def _band(frequency_hz: NDArray[np.float32], band_hz: Span) -> NDArray[np.float32]:
    low, high = band_hz
    safe = np.maximum(frequency_hz, 1.0)
    return np.asarray(1 / np.sqrt((1 + (low / safe) ** 8) * (1 + (safe / high) ** 16)), dtype=np.float32)
