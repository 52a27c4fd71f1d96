"""Inputs of the models, one utterance at a time: stem features, waveforms or spectrograms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from valence_gap.audio.packs import INDEX, Pack, open_pack, read_indexed
from valence_gap.definitions.models import Backbone
from valence_gap.models.base import InputKind
from valence_gap.models.cnn14 import min_frames
from valence_gap.models.front_ends.log_mel import LogMel
from valence_gap.models.front_ends.spectrograms import FrontEnd
from valence_gap.models.front_ends.stem import Stem
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json

FEATURES = "features.npy"
EPSILON = 1e-7  # added to the variance, for silent utterances, as in transformers

Lengths = npt.NDArray[np.int64]


class Inputs(Protocol):
    """Inputs of a model; ``inputs[row]`` is (frames, channels | mels) or (samples,): float32, or bfloat16 as stored."""

    @property
    def ids(self) -> list[str]:
        """Ids of the utterances, in order."""

    @property
    def lengths(self) -> Lengths:
        """Int64 (utterances,), number of frames or samples of each utterance."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Tensor: ...


@dataclass(frozen=True)
class _Computed:
    """Inputs that are computed from the audio at each access."""

    pack: Pack
    lengths: Lengths
    compute: Callable[[Tensor], Tensor]

    @property
    def ids(self) -> list[str]:
        return self.pack.ids

    def __len__(self) -> int:
        return len(self.pack)

    def __getitem__(self, row: int) -> Tensor:
        return self.compute(torch.from_numpy(self.pack.read(row)))


@dataclass(frozen=True)
class _StemFeatures:
    """Stem features that are computed from the audio at each access."""

    stem: Stem
    waveforms: _Computed
    lengths: Lengths

    @property
    def ids(self) -> list[str]:
        return self.waveforms.ids

    def __len__(self) -> int:
        return len(self.waveforms)

    def __getitem__(self, row: int) -> Tensor:
        return self.stem(self.waveforms[row])


@dataclass(frozen=True)
class _Stored:
    """Stem features on disk: the bits of bfloat16 numbers (uint16), or float32, which a model may want rounded."""

    ids: list[str]
    offsets: Lengths
    lengths: Lengths
    stored: npt.NDArray[Any]
    rounded: bool

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> Tensor:
        start = int(self.offsets[row])
        part = self.stored[start : start + int(self.lengths[row])]
        if part.dtype == np.uint16:
            return torch.from_numpy(np.array(part).view(np.int16)).view(torch.bfloat16)
        features = torch.from_numpy(np.array(part))
        return features.to(torch.bfloat16).float() if self.rounded else features


@dataclass(frozen=True)
class _Subset:
    """A selection of the rows of other inputs."""

    whole: Inputs
    rows: Lengths

    @property
    def ids(self) -> list[str]:
        ids = self.whole.ids
        return [ids[row] for row in self.rows]

    @property
    def lengths(self) -> Lengths:
        return self.whole.lengths[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Tensor:
        return self.whole[int(self.rows[row])]


def open_inputs(
    kind: InputKind,
    *,
    features: Path | None = None,
    audio: Path | None = None,
    backbone: Backbone | None = None,
    stem: Stem | None = None,
    front_end: FrontEnd | None = None,
) -> Inputs:
    """Open the inputs of a model; only the index is read.

    Args:
        kind: ``input_kind`` of the model.
        features: folder of stored stem features; used only if ``kind`` is ``stem``.
        audio: pack of the audio, for all other inputs.
        backbone: definition of the backbone, for log-Mel spectrograms.
        stem: the model's own stem, which computes stem features that are not stored, and says whether they are rounded.
        front_end: the model's own front end, for its spectrograms.

    Raises:
        UserError: the folder is missing or damaged.
        ValueError: an argument that this kind needs is missing.
    """
    if kind == "stem" and features is not None:
        if stem is not None and stem.normalised != are_normalised(features):
            raise UserError(
                "stem features and the model that reads them differ in the normalisation of the audio",
                [f"{features}: {_described(not stem.normalised)}", f"the model: {_described(stem.normalised)}"],
                "Compute the features again, and train the models of this backbone again: snakemake -R "
                "extract_stem_features",
            )
        return _open_features(features, rounded=stem is None or stem.rounded)
    if audio is None:
        raise ValueError(f"inputs of kind {kind} are computed from audio, but no pack is given: give its pack")
    return computed_inputs(kind, open_pack(audio), backbone=backbone, stem=stem, front_end=front_end)


def computed_inputs(
    kind: InputKind,
    pack: Pack,
    *,
    backbone: Backbone | None = None,
    stem: Stem | None = None,
    front_end: FrontEnd | None = None,
) -> Inputs:
    """Return inputs that are computed from the audio of a pack at each access; arguments as in ``open_inputs``.

    Raises:
        ValueError: an argument that this kind needs is missing.
    """
    waveforms = _Computed(pack, pack.samples, normalise if stem is None or stem.normalised else _as_it_is)
    if kind == "waveform":
        return waveforms
    if kind == "stem":
        if stem is None:
            raise ValueError("stem features are stored or computed: give their folder or the stem")
        return _StemFeatures(stem, waveforms, _lengths(pack, stem.frames))
    if kind == "spectrogram":
        if front_end is None:
            raise ValueError("spectrograms need the front end of the model: give `front_end`")
        return _Computed(pack, _lengths(pack, front_end.frames), front_end)
    if backbone is None:
        raise ValueError("log-Mel spectrograms need the definition of the backbone: give `backbone`")
    spectrogram = log_mel(backbone)
    return _Computed(pack, _lengths(pack, spectrogram.frames), spectrogram)


def log_mel(backbone: Backbone) -> LogMel:
    """Return the input spectrogram of a CNN14."""
    least = min_frames(len(backbone.channels))
    return LogMel(backbone.mel_bins, backbone.window_s, backbone.hop_s, least)


def are_normalised(features: Path) -> bool:
    """Whether stored stem features are of audio of zero mean and unit variance, by their record; true without one."""
    try:
        record = read_json(features / "run.json")
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(record, dict) or bool(record.get("normalised", True))


def _described(normalised: bool) -> str:
    return "audio of zero mean and unit variance" if normalised else "audio as it is (do_normalize: false)"


def _as_it_is(waveform: Tensor) -> Tensor:
    return waveform


def normalise(waveform: Tensor) -> Tensor:
    """Scale an utterance to zero mean and unit variance, as in the backbones' training: float32 (samples,)."""
    if not waveform.numel():
        return waveform
    exact = waveform.double()
    centred = exact - exact.mean()
    return (centred / torch.sqrt(centred.square().mean() + EPSILON)).float()


def before_stem(inputs: Inputs) -> tuple[Stem, Inputs] | None:
    """Return the stem by which inputs are computed at each access, and its waveforms, row by row; None for others."""
    if isinstance(inputs, _StemFeatures):
        return inputs.stem, inputs.waveforms
    if isinstance(inputs, _Subset) and (found := before_stem(inputs.whole)) is not None:
        return found[0], _Subset(found[1], inputs.rows)
    return None


def subset(inputs: Inputs, rows: npt.ArrayLike | Sequence[int]) -> Inputs:
    """Return the ``rows`` of ``inputs``, in the order of ``rows``."""
    return _Subset(inputs, np.asarray(rows, dtype=np.int64))


def pad(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack tensors of different lengths, padded with zeros at the end.

    Args:
        tensors: (length, ...) each.

    Returns:
        (batch, longest, ...), and the lengths, int64 (batch,).
    """
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    return torch.nn.utils.rnn.pad_sequence(list(tensors), batch_first=True), lengths


def _open_features(folder: Path, *, rounded: bool) -> Inputs:
    stored = _Stored(*read_indexed(folder, FEATURES, "frames", "does not contain stem features"), rounded)
    if stored.stored.dtype not in (np.uint16, np.float32) or int(stored.lengths.sum()) != len(stored.stored):
        raise UserError(
            f"{folder} is damaged: {INDEX} does not match {FEATURES}",
            remedy="Delete the folder and run its step again.",
        )
    if stored.stored.dtype == np.uint16 and not rounded:
        raise UserError(
            "the model has `precision: fp32`, but its stem features are rounded to bfloat16",
            [str(folder / FEATURES)],
            "Write them again with `valence-gap extract-features --format float32`, or give the audio.",
        )
    return stored


def _lengths(pack: Pack, frames: Callable[[int], int]) -> Lengths:
    return np.array([frames(int(samples)) for samples in pack.samples], dtype=np.int64)
