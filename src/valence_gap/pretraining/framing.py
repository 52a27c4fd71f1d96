"""The frames of a convolutional stem, and the frames of MFCCs that belong to each."""

from collections.abc import Sequence
from dataclasses import dataclass

from valence_gap.pretraining import mfcc
from valence_gap.runtime.errors import UserError


@dataclass(frozen=True)
class Framing:
    """The frames of a stem.

    Attributes:
        hop: samples from one frame to the next.
        field: samples that a frame depends on.
    """

    hop: int
    field: int

    @property
    def parts(self) -> int:
        """MFCC frames, and so targets, in each frame."""
        return self.hop // mfcc.HOP

    def frames_of(self, samples: int) -> int:
        """Number of frames in ``samples`` samples."""
        return max(0, (samples - self.field) // self.hop + 1)

    def samples_of(self, frames: int) -> int:
        """The smallest number of samples that gives ``frames`` frames."""
        return self.hop * (frames - 1) + self.field


def framing(kernels: Sequence[int], strides: Sequence[int]) -> Framing:
    """The frames of a stem of unpadded convolutions.

    Raises:
        UserError: a frame is not a whole number of MFCC frames, or ends before its last one.
    """
    field, hop = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field += (kernel - 1) * hop
        hop *= stride
    if hop % mfcc.HOP or field < hop - mfcc.HOP + mfcc.WINDOW:
        raise UserError(
            "A backbone cannot be pre-trained with its stem.",
            [f"a frame every {hop} samples, each of {field} samples"],
            f"Choose stem_strides whose product is a multiple of {mfcc.HOP}, and kernels that cover the "
            f"{mfcc.WINDOW} samples of the last MFCC frame in each.",
        )
    return Framing(hop, field)
