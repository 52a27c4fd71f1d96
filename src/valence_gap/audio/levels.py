"""The levels of an audio file: what suggests that it is not a usable recording of speech."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

RemarkKind = Literal["silent", "cancelled", "full-scale", "scaled", "longer", "undecoded", "unterminated"]

REMARKS: Mapping[RemarkKind, str] = {
    "silent": "silent",
    "cancelled": "with channels that cancel in the mono mix",
    "full-scale": "clipped",
    "scaled": "beyond full scale, which were scaled",
    "longer": "longer than their headers give",
    "undecoded": "with bytes after the audio that cannot be decoded",
    "unterminated": "that end without an end mark",
}
"""The kinds of remarks, in words that follow a number of files."""

LARGEST_FLOAT = 1.5  # the peak of a float file that is still taken for a recording that is slightly too loud
LARGEST_LOSSY = 4.0  # the decoder of a lossy format overshoots, most after clipping
SILENT = 1e-3  # -60 dB: at most 32 of the 32,768 steps of PCM16
CANCELLED = 0.01  # the mono mix has 20 dB less power than the channels: unrelated channels lose 3 dB if there are two
FULL_SCALE = 0.98  # mu-law and A-law end at .98
CLIPPED_SHARE = 1e-3
CLIPPED_FLOAT = 1.001  # the peak of float audio that was clipped is 1
FLOAT_FORMATS = ("FLOAT", "DOUBLE")


@dataclass
class Levels:
    """The levels of a file, of which blocks are added one after the other.

    Attributes:
        frames: number of frames.
        values: number of samples in all channels.
        peak: largest absolute sample of all channels.
        mono_peak: largest absolute sample of the mean of the channels.
        full_scale: number of samples of all channels at full scale.
        power: sum of the squares of all channels, divided by the number of channels.
        mono_power: sum of the squares of the mean of the channels.
        formats: the encodings of the file's streams, as libsndfile names them.
    """

    frames: int = 0
    values: int = 0
    peak: float = 0.0
    mono_peak: float = 0.0
    full_scale: int = 0
    power: float = 0.0
    mono_power: float = 0.0
    formats: set[str] = field(default_factory=set)

    def add(self, block: npt.NDArray[np.float32], mono: npt.NDArray[np.float32]) -> None:
        """Add a block, float32 (frames, channels), and the mean of its channels, float32 (frames,)."""
        peak = _peak(block)
        self.frames += len(block)
        self.values += block.size
        self.peak = max(self.peak, peak)
        if peak >= FULL_SCALE:
            self.full_scale += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
        if block.shape[1] == 1:
            self.mono_peak = self.peak
            return
        self.mono_peak = max(self.mono_peak, _peak(mono))
        self.power += float(np.square(block, dtype=np.float64).sum()) / block.shape[1]
        self.mono_power += float(np.square(mono, dtype=np.float64).sum())

    def out_of_range(self) -> str:
        """Return by how much the samples are too large for audio in -1..1; empty where they are not."""
        largest = LARGEST_FLOAT if self.formats & set(FLOAT_FORMATS) else LARGEST_LOSSY
        if self.peak <= largest:
            return ""
        return (
            f"its largest sample is {self.peak:,.5g}, and full scale is 1: its samples are too large by a factor of at "
            f"least {self.peak:,.5g} (of 32,768 if they are 16-bit integers saved as floats). Divide them by it"
        )

    def gain(self) -> float:
        """Return the factor that brings a float file within -1..1; 1 where it is, and for other formats."""
        return 1 / self.mono_peak if self.mono_peak > 1 and self.formats <= set(FLOAT_FORMATS) else 1.0

    def remarks(self) -> dict[RemarkKind, str]:
        """Return what is unusual about the levels, by its kind."""
        found: dict[RemarkKind, str] = {}
        if self.gain() != 1:
            found["scaled"] = f"scaled by {self.gain():.3f}, since its peak is {self.mono_peak:.3f}"
        if self.peak < SILENT:
            found["silent"] = "silent" if not self.peak else f"silent (peak {20 * np.log10(self.peak):.0f} dB)"
        elif self.mono_power < CANCELLED * self.power:
            found["cancelled"] = "its channels cancel in the mono mix"
        share = self.full_scale / max(self.values, 1)
        beyond = self.peak > CLIPPED_FLOAT and self.formats <= set(
            FLOAT_FORMATS
        )  # then it was not clipped at full scale
        if share >= CLIPPED_SHARE and self.full_scale > 1 and not beyond:
            found["full-scale"] = f"clipped: {share:.1%} of its samples at full scale"
        return found


def _peak(block: npt.NDArray[np.float32]) -> float:
    return max(float(block.max()), -float(block.min())) if block.size else 0.0
