"""Mixing a noise clip into an utterance at a signal-to-noise ratio (paper, section III-D)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from valence_gap.audio.decoding import AudioError, decode_waveform
from valence_gap.audio.packs import FULL_SCALE, Waveform
from valence_gap.runtime.errors import UserError

AUDIBLE = 1 / FULL_SCALE  # a clip whose peak is below one step of PCM16 is silence
FAINT = 0.01  # a stretch 40 dB below its clip is the clip's padding or noise floor, not its sound
TRIES = 32
CEILING = (FULL_SCALE - 1) / FULL_SCALE  # the largest sample of PCM16; the smallest is -1

Signal = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clip:
    """A noise clip: its name and float32 (samples,) at 16 kHz."""

    name: str
    waveform: Waveform


@dataclass(frozen=True)
class Clips:
    """The noise clips of one class.

    Attributes:
        audible: the clips that can be mixed in, in the order of their names.
        silent: names of the silent clips, which are never mixed in.
    """

    audible: Sequence[Clip] = ()
    silent: Sequence[str] = ()


@dataclass(frozen=True)
class Mixture:
    """An utterance with noise in it.

    Attributes:
        signal: float64 (samples,), within +-1.
        noise_gain: factor by which the noise was multiplied.
        scale: factor by which the whole mixture was multiplied to avoid clipping; 1 where that was not needed.
    """

    signal: Signal
    noise_gain: float
    scale: float


def load_clips(paths: Iterable[Path]) -> Clips:
    """Decode the noise clips of a class.

    Raises:
        UserError: clips are bad, or none is audible.
    """
    clips: list[Clip] = []
    silent: list[str] = []
    bad: list[str] = []
    for path in sorted(paths):
        name = path.name
        try:
            waveform = decode_waveform(path)
        except AudioError as error:
            bad.append(f"{name}: {error}")
            continue
        if np.abs(waveform).max() < AUDIBLE:
            silent.append(name)
        else:
            clips.append(Clip(name, waveform))
    if bad:
        raise UserError(f"{len(bad)} noise clips are bad", bad, "Fetch the noise corpus again.")
    if not clips:
        raise UserError("there is no audible noise clip", silent, "Check the noise corpus.")
    return Clips(clips, silent)


def rms(signal: npt.NDArray[np.floating]) -> float:
    """Root mean square of a signal, in float64; 0 where it has no samples."""
    return float(np.sqrt(np.mean(np.square(signal, dtype=np.float64)))) if signal.size else 0.0


def random_segment(clip: Waveform, samples: int, generator: np.random.Generator) -> Waveform:
    """Return a random stretch of an audible clip; a clip that is shorter is looped from a random offset.

    Another offset is drawn while the stretch is in the clip's padding (40 dB below the clip), because mixing would
    amplify the padding to the level of the noise. After ``TRIES`` draws, the stretch begins at the clip's loudest
    sample.

    Args:
        clip: float32 (clip samples,).
        samples: length of the stretch.
        generator: source of the offset.

    Returns:
        float32 (samples,).
    """
    offsets = clip.size if clip.size < samples else clip.size - samples + 1
    faint = FAINT * rms(clip)
    for _ in range(TRIES):
        stretch = _loop(clip, int(generator.integers(offsets)), samples)
        if rms(stretch) > faint:
            return stretch
    return _loop(clip, int(np.abs(clip).argmax()), samples)


def _loop(clip: Waveform, offset: int, samples: int) -> Waveform:
    """Return ``samples`` samples of the endlessly repeated clip, from ``offset`` on."""
    if offset + samples <= clip.size:
        return clip[offset : offset + samples]
    return np.resize(np.roll(clip, -offset), samples)


def mix(speech: Waveform, noise: Waveform, snr_db: float) -> Mixture:
    """Add noise to speech so that the ratio of their RMS over the whole utterance is ``snr_db``.

    Args:
        speech: float32 (samples,), not silent.
        noise: float32 (samples,), not silent: the stretch that is mixed in.
        snr_db: RMS of the speech over that of the noise, in dB.

    Returns:
        The mixture; scaled as a whole where it would clip, which does not change the ratio.
    """
    gain = rms(speech) / rms(noise) / 10 ** (snr_db / 20)
    signal = speech.astype(np.float64) + gain * noise.astype(np.float64)
    excess = max(float(signal.max()) / CEILING, -float(signal.min()))
    scale = 1 / excess if excess > 1 else 1.0
    return Mixture(signal * scale, gain, scale)
