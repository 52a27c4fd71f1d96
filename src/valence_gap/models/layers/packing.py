"""Packed frames: the valid frames of a padded batch, one utterance after the other, on one axis.

Layers that compute each frame by itself then spend nothing on padding, and attention over packed frames needs no mask.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from valence_gap.runtime.transfers import sent

CAPACITY = 1024  # the packed axis of a training batch is filled up to a multiple of this, so that its shapes repeat
SEQUENCES = 32  # likewise the number of sequences
MIN_FILLERS = 8  # the filling is at least so many sequences: one sequence of 1,023 frames would be as dear as 8 of 360
LONGEST = 512  # the bound on the length of a sequence is a multiple of this; a higher bound than needed costs little

Shape = tuple[int, int, int]
"""Length of the packed axis, number of sequences, and a bound on the length of a sequence."""


@dataclass(frozen=True)
class Packing:
    """Where the valid frames of a padded batch are on a packed axis.

    Behind the frames of the utterances there may be filling: copies of a valid frame, as sequences of their own, whose
    results are not used.

    Attributes:
        places: place of each packed frame in the flattened padded batch, int64 (capacity,).
        starts: first frame of each sequence on the packed axis, and the end of the last one, int32 (sequences + 1,).
            A sequence may be empty.
        longest: no sequence has more frames.
        frames: number of valid frames.
    """

    places: Tensor
    starts: Tensor
    longest: int
    frames: int

    @property
    def shape(self) -> Shape:
        """All that the sizes of computations on the packed axis depend on."""
        return len(self.places), len(self.starts) - 1, self.longest

    def pack(self, states: Tensor) -> Tensor:
        """The valid frames of padded states (batch, frames, hidden), and the filling: (capacity, hidden)."""
        return states.flatten(0, 1).index_select(0, self.places)

    def unpack(self, packed: Tensor, shape: torch.Size) -> Tensor:
        """Packed states (capacity, hidden) as padded ones of ``shape``, (batch, frames, hidden), with zeros between."""
        padded = packed.new_zeros(shape[0] * shape[1], shape[2])
        return padded.index_copy(0, self.places[: self.frames], packed[: self.frames]).view(shape)


def filled_shape(lengths: Tensor) -> Shape:
    """The shape of the filled packing of a batch, from the number of valid frames of each row, int64 (batch,)."""
    frames, longest = int(lengths.sum()), int(lengths.max())
    sequences = _multiple(len(lengths) + MIN_FILLERS, SEQUENCES)
    return _multiple(frames, CAPACITY), sequences, _multiple(longest, LONGEST)


def packing_of(lengths: Tensor, width: int, device: torch.device, *, filled: bool) -> Packing:
    """Return the packing of a padded batch; it is computed on the CPU, and nothing waits for a GPU.

    Args:
        lengths: number of valid frames of each row, at least one, int64 (batch,), on the CPU.
        width: frames of a row with padding.
        device: device of the states.
        filled: fill up the packed axis, so that the shapes of different batches are equal more often.
    """
    places = (torch.arange(width) < lengths[:, None]).flatten().nonzero()[:, 0]
    ends = lengths.cumsum(0)
    frames, longest = len(places), int(lengths.max())
    if filled:
        capacity, sequences, longest = filled_shape(lengths)
        filling, fillers = capacity - frames, sequences - len(lengths)
        each = -(-filling // fillers)
        ends = torch.cat([ends, frames + (each * torch.arange(1, fillers + 1)).clamp(max=filling)])
        places = torch.cat([places, places[:1].expand(filling)])
    starts = torch.cat([ends.new_zeros(1), ends]).to(torch.int32)
    return Packing(sent(places, device), sent(starts, device), longest, frames)


def _multiple(number: int, of: int) -> int:
    """The lowest multiple of ``of`` that is not below a number."""
    return -(-number // of) * of
