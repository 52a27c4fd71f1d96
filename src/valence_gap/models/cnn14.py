"""CNN14, the baseline without pre-training (paper, section III-B; architecture of PANNs, Kong et al. 2020)."""

import itertools
import operator
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from torch import Tensor, nn

from valence_gap.definitions import models, values
from valence_gap.definitions.validation import explain
from valence_gap.models.base import ModelOutput, SpeechModel
from valence_gap.models.layers.attention import dropout
from valence_gap.models.layers.spec_augment import masked_stripes
from valence_gap.models.layers.valid_frames import gather, is_on_gpu, normalised, scatter, valid_frames
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.transfers import sent
from valence_gap.weights import folders
from valence_gap.weights.model_types import CONFIG

MODEL_TYPE: Final = "valence-gap-cnn14"
HEAD_DROPOUT = "Set head_dropout to a number (the paper names none: 0.0)."
SHAPE = ("channels", "mel_bins", "window_s", "hop_s", "block_pooling", "block_dropout", "spec_augment")
"""The settings that the definition of a CNN14 backbone and the configuration of a model share."""
FRAME_STEP: Final = 32
"""On a GPU, the frames of a batch are a multiple of this: cuDNN plans each convolution anew for every new shape."""


class Cnn14Config(BaseModel):
    """Content of ``config.json`` of a CNN14; other keys, which Hugging Face tools may add, are kept.

    Attributes:
        model_type: distinguishes the folder from that of a transformer.
        channels: channels of the convolutional blocks.
        mel_bins: number of Mel bins of the input.
        window_s: window of the input spectrogram in seconds.
        hop_s: hop of the input spectrogram in seconds.
        block_pooling: ``max`` (the paper) or ``average`` (PANNs).
        block_dropout: probability of dropout after each block.
        spec_augment: stripes of the input are masked in training.
        head_dropout: probability of dropout before each linear layer.
        training_precision: the number format of the training.
    """

    model_config = ConfigDict(extra="allow")

    model_type: Literal["valence-gap-cnn14"] = MODEL_TYPE
    channels: tuple[PositiveInt, ...] = Field(default=(64, 128, 256, 512, 1024, 2048), min_length=1)
    mel_bins: PositiveInt = 64
    window_s: PositiveFloat = 0.032
    hop_s: PositiveFloat = 0.010
    block_pooling: Literal["max", "average"] = "max"
    block_dropout: float = Field(default=0.2, ge=0, le=1)
    spec_augment: bool = Field(default=False, exclude_if=operator.not_)
    head_dropout: float = Field(default=0.0, ge=0, le=1)
    training_precision: precision.Precision = "auto"


def min_frames(channels: int) -> int:
    """Frames that an utterance needs for ``channels`` blocks: each except the last halves them (six blocks: 32)."""
    return 1 << (channels - 1)


class ConvolutionalBlock(nn.Module):
    """Two 3x3 convolutions, each with batch normalisation and ReLU; (batch, channels, frames, bins) in and out."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, states: Tensor, rows: Tensor) -> Tensor:
        """Convolve; ``states`` must be zero in all frames except ``rows``, and so is the result."""
        states = F.relu(normalised(self.bn1, self.conv1(states), rows))
        return F.relu(normalised(self.bn2, self.conv2(states), rows))


class Cnn14Head(nn.Module):
    """The two linear layers after the pooling: (batch, channels) -> (batch, 3), in float32."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.out_proj = nn.Linear(width, len(values.DIMENSIONS))

    def forward(self, pooled: Tensor) -> Tensor:
        """Map pooled states to arousal, dominance and valence."""
        with torch.autocast(pooled.device.type, enabled=False):
            hidden = F.relu(self.dense(self.dropout(pooled.float())))
            return cast(Tensor, self.out_proj(self.dropout(hidden)))


class Cnn14(nn.Module):
    """The network.

    Padded frames are set to zero before every convolution and pooling. A convolution also reads zeros beyond the end of
    an utterance without padding. Batch normalisation excludes padded frames from its statistics. So predictions do not
    depend on the amount of padding, in training or in evaluation.
    """

    def __init__(self, config: Cnn14Config) -> None:
        super().__init__()
        self.config = config
        self.bn0 = nn.BatchNorm1d(config.mel_bins)
        pairs = itertools.pairwise((1, *config.channels))
        self.blocks = nn.ModuleList(ConvolutionalBlock(before, after) for before, after in pairs)
        self.classifier = Cnn14Head(config.channels[-1], config.head_dropout)
        self.apply(_initialise)

    @classmethod
    def from_pretrained(cls, folder: Path | str) -> Self:
        """Load the network from a folder that ``Cnn14Model.save`` wrote, in evaluation mode.

        Raises:
            UserError: the folder does not contain a CNN14, or the CNN14 is damaged.
        """
        folder = Path(folder)
        try:
            network = cls(Cnn14Config.model_validate(folders.read_config(folder)))
        except ValidationError as error:
            wrong = [f"{folder / CONFIG}: {explain(cast(Any, each), Cnn14Config)}" for each in error.errors()]
            raise UserError("the configuration of a model is not valid", wrong, "Train the model again.") from error
        folders.load_state(network, folders.read_weights(folder, lambda name: name), folder)
        return network.eval()

    def pool(self, spectrograms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the last convolutional layer.

        Args:
            spectrograms: float32 (batch, frames, mel bins).
            lengths: int64 (batch,), number of valid frames of each row, at least ``min_frames``.

        Returns:
            Maximum over time and mean over time of the mean over frequency, float32 (batch, channels) each.
        """
        config, device = self.config, spectrograms.device
        lengths = lengths.cpu()
        if is_on_gpu(spectrograms):
            spectrograms = F.pad(spectrograms, (0, 0, 0, -spectrograms.shape[1] % FRAME_STEP))
        _, rows = valid_frames(lengths, spectrograms.shape[1], device)
        states = scatter(self.bn0(gather(spectrograms.flatten(0, 1), rows)), rows, spectrograms.shape)
        if self.training and config.spec_augment:
            states = states * sent(~masked_stripes(lengths, states.shape[1:], config.hop_s), device)
        states = states[:, None]
        for index, block in enumerate(self.blocks):
            states = block(states, rows)
            if index < len(self.blocks) - 1:
                states = F.max_pool2d(states, 2) if config.block_pooling == "max" else F.avg_pool2d(states, 2)
                lengths = lengths // 2  # an odd frame at the end is dropped, as without padding
                mask, rows = valid_frames(lengths, states.shape[2], device)
                states = states * mask[:, None, :, None]
            if self.training:
                states = dropout(states, config.block_dropout)
        with torch.autocast(states.device.type, enabled=False):
            # After ReLU no state is below zero, so padding of zeros does not change the maximum.
            course = states.float().mean(dim=3)
            return course.amax(dim=2), course.sum(dim=2) / sent(lengths, device)[:, None]

    def forward(self, spectrograms: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute pooled states and predictions, in the output order of the released model.

        Args:
            spectrograms: float32 (batch, frames, mel bins), log-Mel in dB.
            lengths: int64 (batch,), number of valid frames of each row; by default all frames.

        Returns:
            The mean of the last convolutional layer, float32 (batch, channels), and predictions, float32 (batch, 3).
        """
        if lengths is None:
            lengths = torch.full((len(spectrograms),), spectrograms.shape[1])
        highest, mean = self.pool(spectrograms, lengths)
        return mean, self.classifier(highest + mean)


class Cnn14Model(SpeechModel):
    """CNN14 as a model of the study.

    ``encode`` returns the sum of maximum and mean over time, the input of the head. ``ModelOutput.pooled`` is only the
    mean, as the paper's embeddings (footnote 4).
    """

    def __init__(self, network: Cnn14) -> None:
        super().__init__()
        config = network.config
        # With channels last, a training step takes a quarter less time (measured on one CPU thread).
        self.network = cast(Cnn14, cast(Any, network).to(memory_format=torch.channels_last))
        self.input_kind = "log-mel"
        self.frozen = False
        self.precision = config.training_precision
        self.backbone_definition = models.Backbone(architecture="cnn14", **config.model_dump(include=set(SHAPE)))

    @property
    def shape(self) -> models.Backbone:
        """The definition of the network."""
        return self.backbone_definition

    @property
    def head(self) -> nn.Module:
        """The two linear layers."""
        return self.network.classifier

    def encode(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute maximum plus mean over time of the last convolutional layer: float32 (batch, channels)."""
        highest, mean = self.network.pool(inputs, lengths)
        return highest + mean

    def forward(self, inputs: Tensor, lengths: Tensor) -> ModelOutput:
        """Compute predictions, and the mean over time of the last convolutional layer."""
        pooled, predictions = self.network(inputs, lengths)
        return ModelOutput(predictions, pooled)

    def save(self, folder: Path) -> None:
        """Write the network in the format that ``Cnn14.from_pretrained`` loads."""
        config = {**self.network.config.model_dump(mode="json"), "architectures": [Cnn14.__name__]}
        folders.write(folder, config, self.network.state_dict())


def build_cnn14(training: models.Training) -> Cnn14Model:
    """Build a CNN14 with random weights for training."""
    backbone = training.backbone
    blocks = len(backbone.channels)
    if backbone.mel_bins < min_frames(blocks):
        raise UserError(
            f"{backbone.mel_bins} Mel bins are too few for {blocks} convolutional blocks",
            remedy=f"Set mel_bins to {min_frames(blocks)} or more, or use fewer channels.",
        )
    recipe = training.recipe
    if recipe.head_dropout is None:
        raise UserError("the recipe of a CNN14 needs its own head dropout", remedy=HEAD_DROPOUT)
    shape = {name: getattr(backbone, name) for name in SHAPE}
    config = Cnn14Config(**shape, head_dropout=recipe.head_dropout, training_precision=recipe.precision)
    return Cnn14Model(Cnn14(config))


def load_cnn14(folder: Path, requested: precision.Precision | None = None) -> Cnn14Model:
    """Load a finished CNN14.

    Args:
        folder: the model.
        requested: used instead of the number format of its training.

    Raises:
        UserError: the folder does not contain a CNN14, or the CNN14 is damaged.
    """
    model = Cnn14Model(Cnn14.from_pretrained(folder))
    model.precision = requested or model.precision
    return model.eval()


def _initialise(module: nn.Module) -> None:
    # As in PANNs; batch normalisation keeps the initialisation of PyTorch.
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
