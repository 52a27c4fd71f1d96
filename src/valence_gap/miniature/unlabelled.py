"""Unlabelled speech of the miniature, on which its backbones are pre-trained.

It differs between backbones as the pre-training data of the paper's models do (Table II): in the amount, in the
languages, and in whether it is clean or noisy and partly of telephone bandwidth.
"""

import multiprocessing
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count, cycle, islice
from typing import TypeVar

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from valence_gap.definitions.miniature import Speech
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.miniature.espeak import RATE_HZ, Delivery, speak
from valence_gap.miniature.labels import draws
from valence_gap.miniature.text import sentence_stream
from valence_gap.miniature.voices import unlabelled_voice
from valence_gap.miniature.writers.recording import record, recording_of
from valence_gap.runtime.progress import progress

Samples = NDArray[np.float32]
T = TypeVar("T")
R = TypeVar("R")

_NOISY = 0.6
_TELEPHONE = 0.25
_SNR_DB = (0.0, 25.0)
_TELEPHONE_BAND_HZ = (300.0, 3400.0)
_BABBLE_BAND_HZ = (200.0, 4000.0)
_BLOCK = 64  # utterances that each worker gets at once
_ROOMS = 200  # rooms in which unlabelled speech is recorded, in turn


@dataclass(frozen=True)
class _Task:
    index: int
    language: str
    text: str
    speech: Speech


def unlabelled_speech(speech: Speech, hours: float, *, workers: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Speak the given hours, with the languages in turn, every utterance by a voice that no corpus has.

    An utterance depends only on its number and the definition. So the number of workers changes nothing, and a longer
    result begins with the shorter one.

    Args:
        speech: languages, noise and seed.
        hours: duration; the last utterance is cut so that it is exact.
        workers: number of processes.

    Returns:
        The samples at 16 kHz, (samples,), and the offsets of the utterances in them, (utterances + 1,).

    Raises:
        UserError: there are no sentences in one of the languages.
    """
    total = round(hours * 3600 * SAMPLE_RATE_HZ)
    samples = np.empty(total, np.int16)
    offsets = [0]
    with closing(in_processes(utterance, _tasks(speech), workers)) as utterances:
        for one in progress(_until(utterances, total), "speaking", unit="utterances"):
            end = min(offsets[-1] + len(one), total)
            samples[offsets[-1] : end] = one[: end - offsets[-1]]
            offsets.append(end)
    return samples, np.array(offsets, np.int64)


def utterance(task: _Task) -> NDArray[np.int16]:
    """Synthesise one utterance of the unlabelled speech, (samples,) at 16 kHz."""
    seed = task.speech.seed
    rng = draws(seed, "unlabelled", task.index)
    room = f"unlabelled-{task.index % _ROOMS}" if task.speech.rooms else None
    clean = spoken(task.text, task.language, task.index, seed, rng, room=room)
    return to_pcm16(degraded(clean, rng) if task.speech.noise else clean)


def spoken(
    text: str, language: str, index: int, seed: int, rng: np.random.Generator, *, room: str | None = None
) -> Samples:
    """Speak a text by a voice that no corpus has, and with a random delivery.

    Args:
        text: the words.
        language: of the text.
        index: number of the utterance, which decides the voice.
        seed: seed of the voices.
        rng: random generator of the delivery, and of the noise floor.
        room: name of the room and microphone that it is recorded with, drawn as those of MSP-Podcast; None: none.

    Returns:
        (samples,) at 16 kHz.
    """
    delivery = Delivery(
        rate_wpm=int(rng.integers(125, 250)),
        pitch=int(rng.integers(20, 80)),
        pitch_range=int(rng.integers(10, 95)),
        volume=int(rng.integers(50, 140)),
    )
    voice = speak(text, unlabelled_voice(language, index, seed=seed), delivery)
    if room is not None:
        return record(voice, RATE_HZ, recording_of("msp-podcast", room, seed), rng)
    samples: Samples = soxr.resample(voice, RATE_HZ, SAMPLE_RATE_HZ)
    return samples


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Round samples in -1..1 to PCM16."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype(np.int16)


def degraded(clean: Samples, rng: np.random.Generator) -> Samples:
    """Degrade speech as in field recordings: often noisy, sometimes over a telephone line.

    Args:
        clean: (samples,) at 16 kHz.
        rng: random generator that decides whether and how speech is degraded.

    Returns:
        (samples,), scaled down where it would clip.
    """
    degraded_speech = clean
    if rng.random() < _NOISY and len(clean):
        make = _NOISES[int(rng.integers(len(_NOISES)))]
        degraded_speech = clean + _at_snr(make(len(clean), rng), clean, rng.uniform(*_SNR_DB))
    if rng.random() < _TELEPHONE:
        degraded_speech = _band(degraded_speech, _TELEPHONE_BAND_HZ)
    peak = float(np.max(np.abs(degraded_speech), initial=1.0))
    return (degraded_speech / np.float32(peak)).astype(np.float32)


def _tasks(speech: Speech) -> Iterator[_Task]:
    texts = {language: sentence_stream(language, seed=speech.seed) for language in speech.languages}
    return (
        _Task(index, language, next(texts[language]), speech)
        for index, language in zip(count(), cycle(speech.languages), strict=False)
    )


def in_processes(make: Callable[[T], R], tasks: Iterator[T], workers: int) -> Generator[R, None, None]:
    """Map a function over tasks, in order and in several processes; the tasks need not have an end."""
    if workers <= 1:
        yield from map(make, tasks)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        # A pool reads all of the tasks that it gets before it returns results.
        while block := list(islice(tasks, _BLOCK * workers)):
            yield from pool.imap(make, block, chunksize=8)


def _until(utterances: Iterator[NDArray[np.int16]], total: int) -> Iterator[NDArray[np.int16]]:
    spoken = 0
    while spoken < total:
        spoken += len(found := next(utterances))
        yield found


def _at_snr(noise: Samples, speech: Samples, snr_db: float) -> Samples:
    power = float(np.mean(np.square(noise, dtype=np.float64)))
    noise_power = float(np.mean(np.square(speech, dtype=np.float64))) / 10 ** (snr_db / 10)
    return noise * np.float32(np.sqrt(noise_power / power)) if power > 0 else noise


def _coloured(samples: int, rng: np.random.Generator) -> Samples:
    """Return noise whose power falls with frequency: white, brown, or between."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    frequency = np.maximum(np.arange(len(spectrum)), 1.0)
    return np.fft.irfft(spectrum * frequency ** (-rng.uniform(0, 1)), samples).astype(np.float32)


def _hum(samples: int, rng: np.random.Generator) -> Samples:
    """Return mains hum with harmonics and a little hiss."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    mains_hz = (50.0, 60.0)[int(rng.integers(2))]
    tones = [
        rng.uniform(0, 1) / order * np.sin(2 * np.pi * (order * mains_hz * time_s + rng.random()))
        for order in range(1, 12)
    ]
    hum: NDArray[np.float64] = np.sum(tones, axis=0)
    return (hum + 0.02 * rng.standard_normal(samples)).astype(np.float32)


def _clicks(samples: int, rng: np.random.Generator) -> Samples:
    """Return clicks that ring for some milliseconds."""
    train = np.zeros(samples, np.float32)
    places = rng.integers(0, samples, size=1 + rng.poisson(5 * samples / SAMPLE_RATE_HZ))
    train[places] = rng.standard_normal(len(places))
    ring = np.exp(-np.arange(320) / rng.uniform(8, 80)) * rng.standard_normal(320)
    return np.convolve(train, ring)[:samples].astype(np.float32)


def _babble(samples: int, rng: np.random.Generator) -> Samples:
    """Return noise in the band of speech that rises and falls as syllables do, like people far away."""
    time_s = np.arange(samples) / SAMPLE_RATE_HZ
    talkers = np.zeros(samples)
    for _ in range(4):
        swell = np.sin(2 * np.pi * (rng.uniform(2, 6) * time_s + rng.random()))
        talkers += (1 + swell) ** 2 * rng.standard_normal(samples)
    return _band(talkers.astype(np.float32), _BABBLE_BAND_HZ)


def _band(samples: Samples, band_hz: tuple[float, float]) -> Samples:
    filtered: Samples = np.asarray(
        sosfilt(butter(4, band_hz, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), samples), np.float32
    )
    return filtered


_NOISES: tuple[Callable[[int, np.random.Generator], Samples], ...] = (_coloured, _hum, _clicks, _babble)
