"""The interface of all models of the study."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from valence_gap.definitions import models
from valence_gap.models.front_ends.spectrograms import FrontEnd
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.sizes import Size
from valence_gap.runtime.precision import Precision

InputKind = Literal["stem", "waveform", "spectrogram", "log-mel"]


@dataclass(frozen=True)
class ModelOutput:
    """The output of a model for a batch.

    Attributes:
        predictions: float32 (batch, 3): arousal, dominance, valence.
        pooled: float32 (batch, hidden), mean over time of the last transformer layer, or of the last CNN layer for
            CNN14 (paper, footnote 4).
    """

    predictions: Tensor
    pooled: Tensor


class SpeechModel(nn.Module, ABC):
    """Maps a padded batch of utterances to arousal, dominance and valence; padding does not change the result.

    Attributes:
        input_kind: kind of the input: output of the frozen convolutional stem (batch, frames, channels), waveforms of
            zero mean and unit variance, unless the stem says otherwise (batch, samples), the spectrogram of the
            encoder's own front end (batch, frames, channels), or CNN14's log-Mel spectrogram (batch, frames, mels).
        stem: its convolutional stem; None if it has none.
        front_end: its own front end, if its input is a spectrogram.
        min_length: length to which the model pads every shorter input.
        frozen: only the head is trained.
        backbone_definition: the definition of its backbone; it contains at least the settings that affect the inputs.
        precision: the number format of its training.
    """

    input_kind: InputKind
    stem: Stem | None = None
    front_end: FrontEnd | None = None
    min_length: int = 0
    frozen: bool
    backbone_definition: models.Backbone
    precision: Precision

    @property
    @abstractmethod
    def head(self) -> nn.Module:
        """Maps the output of ``encode`` to the predictions: (batch, hidden) -> (batch, 3)."""

    @property
    @abstractmethod
    def shape(self) -> Size | models.Backbone:
        """What the number of its operations depends on: an encoder's size, or the definition of a CNN14."""

    @abstractmethod
    def encode(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute the input of the head.

        Args:
            inputs: float32 (batch, frames, channels | mels) or (batch, samples), padded at the end.
            lengths: int64 (batch,), number of valid frames or samples of each row, on the CPU: on a GPU, reading them
                would make the host wait.

        Returns:
            float32 (batch, hidden).
        """

    @abstractmethod
    def forward(self, inputs: Tensor, lengths: Tensor) -> ModelOutput:
        """Compute predictions and pooled states of a batch; the arguments are those of ``encode``."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write ``config.json`` and ``model.safetensors``, which ``from_pretrained`` of transformers can load."""
