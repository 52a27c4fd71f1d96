"""The speech synthesis of the miniature: espeak-ng, called in this process through the library of ``espeakng_loader``.

espeak-ng (GPL-3) is used as installed and is not part of this package.
"""

import ctypes
import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Literal

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from valence_gap.runtime.errors import UserError

RATE_HZ = 22_050
NOMINAL_RATE_WPM = 175
NOMINAL_PITCH = 50

_RATE_LIMITS_WPM = (80, 449)  # from 450 words per minute on, espeak-ng switches to another method of synthesis
_LEVEL_LIMITS = (0, 99)
_VOLUME_LIMITS = (0, 200)
_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_RANDOM_SEED = 1

_SILENCE = 0.001
_LEAD_S = 0.05
_TAIL_S = 0.10

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_lock = threading.Lock()


@dataclass(frozen=True)
class Delivery:
    """The manner of speaking, in espeak-ng's units, for a speaker of nominal pitch and rate.

    Attributes:
        rate_wpm: words per minute.
        pitch: 0..99.
        pitch_range: 0..99; 0 is monotonous.
        volume: 0..200; 100 is espeak-ng's default; far above it, loud voices clip.
    """

    rate_wpm: int
    pitch: int
    pitch_range: int
    volume: int


@dataclass(frozen=True)
class Voice:
    """One speaker.

    Attributes:
        name: accent and variant in espeak-ng's spelling, such as ``en-us+m3``.
        gender: gender of the variant.
        pitch: this speaker's pitch when the delivery's is nominal (50).
        rate_wpm: this speaker's rate when the delivery's is nominal (175).
        speaker: a name for the speaker, unique in a population.
    """

    name: str
    gender: Literal["female", "male"]
    pitch: int
    rate_wpm: int
    speaker: str


NEUTRAL = Delivery(rate_wpm=NOMINAL_RATE_WPM, pitch=NOMINAL_PITCH, pitch_range=50, volume=100)


def speak(text: str, voice: Voice, delivery: Delivery) -> NDArray[np.float32]:
    """Speak ``text``: equal arguments give equal samples in every process, regardless of earlier calls.

    Args:
        text: the text; markup and phonemes in brackets are spoken as words. A text that is empty, or has nothing to
            pronounce, gives no samples.
        voice: the speaker; its base values shift the pitch and scale the rate of the delivery.
        delivery: the manner of speaking.

    Returns:
        (samples,) in -1..1 at ``RATE_HZ``, with at most 50 ms of silence before and 100 ms after the speech.

    Raises:
        UserError: espeak-ng has no such voice, or cannot be loaded again on this system.
    """
    rate_wpm = round(delivery.rate_wpm * voice.rate_wpm / NOMINAL_RATE_WPM)
    parameters = {
        _RATE: _within(rate_wpm, _RATE_LIMITS_WPM),
        _PITCH: _within(delivery.pitch + voice.pitch - NOMINAL_PITCH, _LEVEL_LIMITS),
        _RANGE: _within(delivery.pitch_range, _LEVEL_LIMITS),
        _VOLUME: _within(delivery.volume, _VOLUME_LIMITS),
    }
    with _lock, _fresh_library() as library:
        samples = _synthesise(library, text, voice.name, parameters)
    return _without_long_silence(samples)


def without_controls(text: str) -> str:
    r"""Replace control characters by spaces: NUL would end the text, and after SOH espeak-ng reads commands.

    Examples:
        >>> without_controls("good\0 and\tbad")
        'good  and bad'
    """
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in text)


def _synthesise(library: ctypes.CDLL, text: str, voice: str, parameters: dict[int, int]) -> NDArray[np.float32]:
    chunks: list[NDArray[np.int16]] = []

    def collect(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _Callback(collect)
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DO_NOT_EXIT)
    if rate_hz != RATE_HZ:
        raise UserError(f"espeak-ng did not start (it returned {rate_hz})", remedy="Reinstall espeakng-loader.")
    library.espeak_ng_SetRandSeed(_RANDOM_SEED)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise UserError("espeak-ng has no such voice", [voice], remedy="`espeak-ng --voices` lists its languages.")
    for parameter, value in parameters.items():
        library.espeak_SetParameter(parameter, value, 0)
    encoded = without_controls(text).encode() + b"\0"
    library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded)), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    joined = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
    return joined.astype(np.float32) / np.float32(32768)


@contextmanager
def _fresh_library() -> Iterator[ctypes.CDLL]:
    """Load espeak-ng with all its variables in their initial state.

    Its flutter, its phase and its random numbers continue from one utterance to the next, and none of its functions
    resets them, not even ``espeak_Terminate``. So it is loaded for each utterance and unloaded after it.
    """
    path = espeakng_loader.get_library_path()
    if _is_loaded(path):
        raise UserError(
            "espeak-ng stays loaded, so that each utterance would depend on the ones before it",
            [path],
            remedy="Close what else uses this library in this process, or make the miniature on a system with glibc.",
        )
    library = ctypes.CDLL(path)
    try:
        yield library
    finally:
        library.espeak_Terminate()
        _dlclose()(library._handle)


def _is_loaded(path: str) -> bool:
    try:
        library = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
    except OSError:
        return False
    _dlclose()(library._handle)
    return True


@cache
def _dlclose() -> "ctypes._NamedFuncPointer":
    close = ctypes.CDLL(None).dlclose
    close.argtypes = [ctypes.c_void_p]
    return close


def _without_long_silence(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    audible = np.flatnonzero(np.abs(samples) >= _SILENCE)
    if len(audible) == 0:
        return samples[:0]
    first = max(0, int(audible[0]) - round(_LEAD_S * RATE_HZ))
    return samples[first : int(audible[-1]) + 1 + round(_TAIL_S * RATE_HZ)]


def _within(value: int, limits: tuple[int, int]) -> int:
    return min(max(value, limits[0]), limits[1])
