"""Pre-trained speech encoder, mean pooling, regression head: the paper's transformer models (section III-B)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import torch
from torch import Tensor, nn

from valence_gap.definitions import models, values
from valence_gap.models.base import ModelOutput, SpeechModel
from valence_gap.models.families import (
    FAMILIES,
    EncoderFamily,
    family_of,
    final_dropout,
    new_encoder,
    reads_normalised,
)
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.head import RegressionHead
from valence_gap.models.layers import attention
from valence_gap.models.sizes import Size, size_from_config
from valence_gap.models.undrawn import UndrawnMatrices
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.weights import folders
from valence_gap.weights.model_types import CONFIG, model_type_error

if TYPE_CHECKING:
    from valence_gap.models.families import Config, Encoder

WHISPER_FRAME_S = 0.020
# The classes of transformers for audio classification have a linear layer of this size where this head has others. With
# the backbone's size they would load, leave it random, and give meaningless scores under the names of the outputs.
_NO_STOCK_HEAD = -1
_MAY_BE_MISSING = ("masked_spec_embed",)  # absent if the backbone was published with SpecAugment off


class TransformerModel(SpeechModel):
    """Encoder, masked mean over time, head.

    In training, the backbone uses SpecAugment, dropout and layer drop as in its configuration; a frozen backbone stays
    in evaluation mode, unless ``frozen_mode`` says otherwise. Weights are float32. Under autocast, the transformer
    multiplies in bfloat16, but pooling and head stay in float32.

    Args:
        backbone: encoder without a head.
        head_dropout: probability of dropout in the head.
        frozen: train only the head.
        train_stem: also train the convolutional stem; then the input of the model is the waveform.
        activation_checkpointing: recompute activations in the backward pass to save memory.
        training_precision: the number format of the training; with ``fp32`` the output of the stem is not rounded.
        normalised: the waveforms have zero mean and unit variance; otherwise they are in -1..1 as they are.
        frozen_mode: mode of a frozen backbone while its head is trained.
    """

    def __init__(
        self,
        backbone: "Encoder",
        *,
        head_dropout: float,
        frozen: bool = False,
        train_stem: bool = False,
        activation_checkpointing: bool = False,
        training_precision: precision.Precision = "auto",
        normalised: bool = True,
        frozen_mode: Literal["evaluation", "training"] = "evaluation",
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.regression = RegressionHead(_config(backbone).hidden_size, head_dropout)
        self.regression.initialise(_initializer_range(_config(backbone)))
        self.frozen, self.frozen_mode = frozen, frozen_mode
        self.precision = training_precision
        self.backbone_definition = models.Backbone()
        if self._family.front_end is None:
            self.input_kind = "waveform" if train_stem else "stem"
            self.stem = Stem.of(backbone, normalised=normalised, rounded=training_precision != "fp32")
        else:
            self.input_kind = "spectrogram"
            self.front_end = self._family.front_end(_config(backbone))
            self.min_length = round(self.front_end.rate_hz * _window_s(_config(backbone)))
        if frozen:
            backbone.requires_grad_(False)
        elif not train_stem:
            for module in [*([self.stem.extractor] if self.stem else []), *map(backbone.get_submodule, self._frozen)]:
                module.requires_grad_(False)
        if activation_checkpointing:
            cast(Any, backbone).activation_checkpointing_enable({"use_reentrant": False})
        attention.replace_dropout(self)

    @property
    def head(self) -> nn.Module:
        """Maps pooled states to the predictions."""
        return self.regression

    def train(self, mode: bool = True) -> Self:
        """Set the mode; with ``frozen_mode: evaluation`` a frozen backbone stays without dropout and SpecAugment."""
        super().train(mode)
        if self.frozen and self.frozen_mode == "evaluation":
            self.backbone.train(False)
        return self

    @property
    def shape(self) -> Size:
        """The encoder's size."""
        return size_from_config(_config(self.backbone).to_dict())

    def encode(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """Compute the mean of the last transformer layer over the valid frames.

        Args:
            inputs: float32 (batch, frames, channels), stem features or a spectrogram; (batch, samples) if the stem is
                trained.
            lengths: int64 (batch,), number of valid frames or samples of each row, on the CPU.

        Returns:
            float32 (batch, hidden).
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            if self.input_kind == "waveform" and self.stem is not None:
                inputs, lengths = self.stem.batch(inputs, lengths)
            states, mask = self._family.states(self.backbone, inputs, lengths)
            with torch.autocast(inputs.device.type, enabled=False):
                kept = states.float().masked_fill(~mask[..., None], 0)
                return kept.sum(dim=1) / mask.sum(dim=1, keepdim=True)

    def forward(self, inputs: Tensor, lengths: Tensor) -> ModelOutput:
        """Compute predictions and pooled states of a batch; the arguments are those of ``encode``."""
        pooled = self.encode(inputs, lengths)
        return ModelOutput(self.regression(pooled), pooled)

    def save(self, folder: Path) -> None:
        """Write the model in the layout of the authors' released model."""
        prefix = self._family.prefix
        weights = {f"{prefix}.{name}": weight for name, weight in self.backbone.state_dict().items()}
        weights |= {f"classifier.{name}": weight for name, weight in self.regression.state_dict().items()}
        folders.write(folder, self._configuration(), weights)

    @property
    def _family(self) -> EncoderFamily:
        return FAMILIES[_config(self.backbone).model_type]

    @property
    def _frozen(self) -> tuple[str, ...]:
        return self._family.frozen

    def _configuration(self) -> dict[str, Any]:
        return {
            **_config(self.backbone).to_dict(),
            "architectures": [f"{self._family.name}ForSpeechClassification"],
            "dtype": "float32",
            "pooling_mode": "mean",
            "classifier_proj_size": _NO_STOCK_HEAD,
            "final_dropout": self.regression.dropout.p,
            "id2label": {str(index): name for index, name in enumerate(values.DIMENSIONS)},
            "label2id": {name: index for index, name in enumerate(values.DIMENSIONS)},
            folders.OWN: {
                "frozen": self.frozen,
                "train_stem": self.input_kind == "waveform",
                "precision": self.precision,
                **({} if self.stem is None or self.stem.normalised else {"normalised": False}),
            },
        }


def build_transformer(training: models.Training, folder: Path) -> TransformerModel:
    """Build a model for training from the backbone in ``folder``.

    The head has a random initialisation, and so has the backbone if ``training.pretrained`` is false. The caller seeds
    PyTorch's generator.

    Raises:
        UserError: the folder does not contain such an encoder, or it has fewer layers than ``training.layers``.
    """
    family, config = family_of(folder)
    if training.layers is not None:
        if training.layers > config.num_hidden_layers:
            raise UserError(
                f"the model keeps {training.layers} transformer layers, but its backbone has fewer",
                [f"{folder}: it has {config.num_hidden_layers} layers"],
                "Lower `layers` of the model, or remove this key to keep all layers.",
            )
        config.num_hidden_layers = training.layers
    backbone = new_encoder(family, config)
    if training.pretrained:
        weights = folders.read_weights(folder, lambda name: family.weight_name(name, config.num_hidden_layers))
        folders.load_state(backbone, weights, folder, optional=_MAY_BE_MISSING)
    recipe = training.recipe
    return TransformerModel(
        backbone,
        head_dropout=final_dropout(config) if recipe.head_dropout is None else recipe.head_dropout,
        frozen=training.frozen,
        train_stem=recipe.train_stem,
        activation_checkpointing=recipe.activation_checkpointing,
        training_precision=recipe.precision,
        frozen_mode=recipe.frozen_mode,
        normalised=reads_normalised(folder),
    )


def load_transformer(folder: Path, requested: precision.Precision | None = None) -> TransformerModel:
    """Load a finished model: one that ``save`` wrote, or one in the layout of the authors' released model.

    Args:
        folder: the model.
        requested: used instead of the number format of its training.

    Raises:
        UserError: the folder does not contain such a model.
    """
    family, config = family_of(folder)
    if wrong := model_type_error(folder, "checkpoint"):
        raise UserError("this is not a finished model", [wrong], "Give the folder of a trained model.")
    _check_outputs(config, folder)
    own: Mapping[str, Any] = getattr(config, folders.OWN, None) or {}
    with UndrawnMatrices():
        model = TransformerModel(
            new_encoder(family, config),
            head_dropout=config.final_dropout,
            frozen=bool(own.get("frozen", False)),
            train_stem=bool(own.get("train_stem", False)),
            training_precision=requested or own.get("precision", "auto"),
            # A model of this project says how it was trained; a released one does in its preprocessor's configuration.
            normalised=bool(own.get("normalised", True)) if own else reads_normalised(folder),
        )
    # The names are those in the file, so that a message about a missing weight shows them.
    stored = nn.ModuleDict({family.prefix: model.backbone, "classifier": model.regression})
    may_be_missing = [f"{family.prefix}.{name}" for name in _MAY_BE_MISSING]
    folders.load_state(stored, folders.read_weights(folder, lambda name: name), folder, optional=may_be_missing)
    return model.eval()


def _check_outputs(config: "Config", folder: Path) -> None:
    """Refuse a model with another pooling or other outputs; outputs without names are assumed to be in our order."""
    labels = cast(Mapping[Any, str], config.id2label or {})
    names = [labels[number] for number in sorted(labels, key=int)]
    named = not all(name.startswith("LABEL_") for name in names)
    wrong = [f"id2label {', '.join(names)}"] if named and names != list(values.DIMENSIONS) else []
    pooling = getattr(config, "pooling_mode", "mean")
    wrong += [f"pooling_mode {pooling}"] if pooling != "mean" else []
    if wrong:
        raise UserError(
            "this model does not predict the values that the models of the study predict",
            [f"{folder / CONFIG}: {each}" for each in wrong],
            f"Use a model with mean pooling and the outputs {', '.join(values.DIMENSIONS)}, in this order.",
        )


def load_stem(folder: Path, *, rounded: bool = True) -> Stem:
    """Load only the stem of the backbone or finished model in ``folder``; the other weights are not read.

    Args:
        folder: the backbone or model.
        rounded: round the features to bfloat16.

    Raises:
        UserError: the folder does not contain a speech encoder, or the encoder has no stem.
    """
    family, config = family_of(folder)
    if family.front_end is not None:
        raise UserError(
            "stem features cannot be stored: this encoder has no convolutional stem on the waveform",
            [f"{folder / CONFIG}: model_type {config.model_type!r}"],
            "Set `streamed: true` for this backbone.",
        )
    config.num_hidden_layers = 0
    with UndrawnMatrices():
        backbone = new_encoder(family, config).train(False)
    stem = Stem.of(backbone, normalised=reads_normalised(folder), rounded=rounded)
    start = "feature_extractor."

    def rename(name: str) -> str | None:
        name = name.removeprefix(f"{family.prefix}.")
        return name.removeprefix(start) if name.startswith(start) else None

    folders.load_state(stem.extractor, folders.read_weights(folder, rename), folder)
    return stem


def _initializer_range(config: Any) -> float:
    """Standard deviation of the initial weights of linear layers; in Whisper its key has another name."""
    return float(config.init_std if config.model_type == "whisper" else config.initializer_range)


def _window_s(config: Any) -> float:
    """Duration in seconds to which the encoder pads every shorter utterance."""
    return WHISPER_FRAME_S * config.max_source_positions if config.model_type == "whisper" else 0.0


def _config(backbone: "Encoder") -> Any:
    return cast(Any, backbone.config)
