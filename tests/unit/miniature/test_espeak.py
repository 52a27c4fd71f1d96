import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from valence_gap.miniature.espeak import NEUTRAL, RATE_HZ, Delivery, Voice, speak
from valence_gap.runtime.errors import UserError

TEXT = "I like the old town, but the weather was awful."
FLUTTERING = Voice("en-us+f1", "female", 50, 175, "a")
ECHOING = Voice("en-gb-scotland+f5", "female", 40, 190, "b")
DEEP = Voice("en+m1", "male", 30, 160, "c")
VOICES = (FLUTTERING, ECHOING, DEEP)

PROGRAM = """
import hashlib
from valence_gap.miniature.espeak import NEUTRAL, Voice, speak
print(hashlib.sha256(speak({text!r}, {voice!r}, NEUTRAL).tobytes()).hexdigest())
"""


def digest(voice: Voice) -> str:
    return hashlib.sha256(speak(TEXT, voice, NEUTRAL).tobytes()).hexdigest()


def test_speech_does_not_depend_on_earlier_speech() -> None:
    forwards = {voice: digest(voice) for voice in VOICES}
    speak("Something else!", DEEP, Delivery(rate_wpm=300, pitch=90, pitch_range=90, volume=180))
    backwards = {voice: digest(voice) for voice in reversed(VOICES)}
    assert forwards == backwards
    assert len(set(forwards.values())) == len(VOICES)


@pytest.mark.parametrize("voice", VOICES)
def test_another_process_gives_the_same_samples(voice: Voice) -> None:
    program = PROGRAM.format(text=TEXT, voice=voice)
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == digest(voice)


def test_samples_are_float32_between_minus_one_and_one() -> None:
    samples = speak(TEXT, DEEP, NEUTRAL)
    assert samples.dtype == np.float32
    assert samples.ndim == 1
    assert 0.05 < np.abs(samples).max() <= 1


def test_rate_shortens_and_volume_raises() -> None:
    slow = speak(TEXT, DEEP, replace(NEUTRAL, rate_wpm=125))
    fast = speak(TEXT, DEEP, replace(NEUTRAL, rate_wpm=250))
    assert len(fast) < 0.7 * len(slow)
    quiet = speak(TEXT, DEEP, replace(NEUTRAL, volume=40))
    loud = speak(TEXT, DEEP, replace(NEUTRAL, volume=120))
    assert np.sqrt(np.mean(loud**2)) > 2 * np.sqrt(np.mean(quiet**2))


def median_f0_hz(samples: np.ndarray) -> float:
    """Median over loud frames of the strongest autocorrelation peak between 60 and 400 Hz."""
    frames = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024)
    frames = frames[np.square(frames).sum(axis=1) > np.square(frames).sum(axis=1).mean()]
    lags = np.arange(RATE_HZ // 400, RATE_HZ // 60)
    peaks = [np.argmax([np.dot(frame[lag:], frame[:-lag]) for lag in lags]) for frame in frames]
    return float(np.median(RATE_HZ / lags[peaks]))


def test_pitch_rises_with_the_delivery_and_with_the_voice() -> None:
    low = median_f0_hz(speak(TEXT, DEEP, replace(NEUTRAL, pitch=30)))
    high = median_f0_hz(speak(TEXT, DEEP, replace(NEUTRAL, pitch=80)))
    higher_voice = median_f0_hz(speak(TEXT, replace(DEEP, pitch=80), NEUTRAL))
    assert high > 1.2 * low
    assert higher_voice > 1.2 * low


def test_the_base_rate_scales_the_delivery() -> None:
    assert np.array_equal(
        speak(TEXT, replace(DEEP, rate_wpm=210), NEUTRAL),
        speak(TEXT, replace(DEEP, rate_wpm=175), replace(NEUTRAL, rate_wpm=210)),
    )


def test_little_silence_is_left() -> None:
    samples = np.abs(speak(TEXT + " ", DEEP, NEUTRAL))
    audible = np.flatnonzero(samples >= 0.001)
    assert audible[0] <= 0.05 * RATE_HZ
    assert len(samples) - audible[-1] - 1 <= 0.1 * RATE_HZ + 1


def test_nothing_to_say_gives_no_samples() -> None:
    assert speak("", DEEP, NEUTRAL).shape == (0,)


def test_an_unknown_voice_is_named_and_the_next_call_works() -> None:
    with pytest.raises(UserError, match="xx-unknown"):
        speak(TEXT, replace(DEEP, name="xx-unknown"), NEUTRAL)
    assert len(speak(TEXT, DEEP, NEUTRAL)) > RATE_HZ
