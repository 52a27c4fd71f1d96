"""The trained module of a training job and its data: a whole model with its inputs, or a head with pooled states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn

from valence_gap.definitions.models import Recipe, Training
from valence_gap.models.cnn14 import min_frames
from valence_gap.models.loading import SpeechModel
from valence_gap.prediction.inference import lengths_per_s, predict
from valence_gap.prediction.inputs import Inputs, open_inputs
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.study.checks.recipes import training_errors
from valence_gap.training import fractions, graphs
from valence_gap.training.batching import Rows, sorting_lengths
from valence_gap.training.examples import Examples, PooledInputs, TruncatedInputs, read_examples
from valence_gap.training.kept_inputs import Keep
from valence_gap.training.micro_batches import part_size

Forward = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class TrainingSplit:
    """The files of one split.

    Attributes:
        labels: table of the labels.
        features: folder of stored stem features, for models that read them.
        audio: pack of the audio, for models that read waveforms or spectrograms.
    """

    labels: Path
    features: Path | None = None
    audio: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the split that affect the trained model."""
        folders = [folder for folder in (self.features, self.audio) if folder]
        return self.labels, *(
            path for each in folders for path in sorted(each.glob("*.npy")) + sorted(each.glob("*.parquet"))
        )


@dataclass(frozen=True)
class Learner:
    """The module that is trained, and its training and development examples.

    Attributes:
        module: the module that is trained: the model, or only its head if the rest is frozen.
        forward: inputs, lengths -> predictions (batch, 3).
        predict_dev: -> predictions float32 (dev utterances, 3); the module must be in evaluation mode.
        train: training examples.
        dev: development examples.
        lengths: by which the training examples are put into batches, int64 (utterances,).
        part_size: utterances of a batch that are computed at once; None: a batch is computed as a whole.
        prepare: called with the batches of an epoch before any of them is loaded.
    """

    module: nn.Module
    forward: Forward
    predict_dev: Callable[[], npt.NDArray[np.float32]]
    train: Examples
    dev: Examples
    lengths: npt.NDArray[np.int64]
    part_size: int | None
    prepare: Callable[[Sequence[Rows]], None] = lambda batches: None


def build_learner(
    training: Training,
    model: SpeechModel,
    train: TrainingSplit,
    dev: TrainingSplit,
    utterances: Path,
    device: torch.device,
    keep: Keep | None = None,
) -> Learner:
    """Open the data of a training; if a frozen part stays in evaluation mode, compute its pooled states once.

    Args:
        training: the definition of the trained model.
        model: the model to train, on its device.
        train: training split.
        dev: development split.
        utterances: table of the training utterances, from which the fraction is selected.
        device: device of the computation.
        keep: keeps the log-Mel spectrograms of all epochs; None: they are computed in every epoch.

    Raises:
        UserError: the recipe does not fit the model, or inputs and labels do not match.
    """
    recipe = training.recipe
    _check(training, model, train)
    rate_hz = lengths_per_s(model)
    shortest = min_frames(len(training.backbone.channels)) if model.input_kind == "log-mel" else 1
    train_examples, dev_examples = (
        read_examples(_open(training, model, source), source.labels, shortest=shortest, rate_hz=rate_hz, selected=ids)
        for source, ids in ((train, _selected(training, utterances)), (dev, None))
    )
    if recipe.max_duration_s is not None:
        longest = max(int(recipe.max_duration_s * rate_hz), shortest)
        truncated = TruncatedInputs(train_examples.inputs, longest)
        train_examples = replace(train_examples, inputs=truncated, durations_s=truncated.lengths / rate_hz)
    if keep is not None and model.input_kind == "log-mel" and recipe.epochs > 1:
        train_examples, dev_examples = (
            replace(each, inputs=keep(each.inputs, training.backbone.mel_bins))
            for each in (train_examples, dev_examples)
        )
    lengths = sorting_lengths(train_examples.inputs.lengths, recipe, head_only=training.frozen)
    if training.frozen and recipe.frozen_mode == "evaluation":
        return _head_learner(recipe, model, train_examples, dev_examples, device, lengths)
    dtype = precision.resolve(recipe.precision)

    def forward(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if not model.training:  # of a frozen model, the loop sets the mode of the head alone
            model.train()
        with precision.autocast(dtype, device):
            predictions: torch.Tensor = model(inputs, lengths).predictions
        return predictions

    def predict_dev() -> npt.NDArray[np.float32]:
        return predict(
            model, dev_examples.inputs, precision=recipe.precision, keep_pooled=False, what="dev predictions"
        )[0]

    module = model.head if training.frozen else model
    at_once = part_size(training, model, train_examples, device)

    def prepare(batches: Sequence[Rows]) -> None:
        if at_once is None:
            graphs.capture(training, model, train_examples, batches, device)

    return Learner(module, forward, predict_dev, train_examples, dev_examples, lengths, at_once, prepare)


def _head_learner(
    recipe: Recipe,
    model: SpeechModel,
    train: Examples,
    dev: Examples,
    device: torch.device,
    sorted_by: npt.NDArray[np.int64],
) -> Learner:
    pooled = [
        torch.from_numpy(predict(model, each.inputs, precision=recipe.precision, what="pooled states")[1])
        for each in (train, dev)
    ]
    dev_pooled = pooled[1].to(device)

    def forward(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        predictions: torch.Tensor = model.head(inputs)
        return predictions

    def predict_dev() -> npt.NDArray[np.float32]:
        with torch.no_grad():
            return np.asarray(model.head(dev_pooled).cpu().numpy(), dtype=np.float32)

    pooled_inputs = PooledInputs(train.inputs.ids, pooled[0])
    at_once = None if recipe.micro_batch_size == "auto" else recipe.micro_batch_size  # pooled states always fit
    return Learner(model.head, forward, predict_dev, replace(train, inputs=pooled_inputs), dev, sorted_by, at_once)


def _selected(training: Training, utterances: Path) -> list[str] | None:
    if training.fraction == 1:
        return None
    table = pd.read_parquet(utterances, columns=["id", "speaker"])
    seed = training.seed if training.fraction_seed is None else training.fraction_seed
    return fractions.select(table, training.fraction, seed=seed)


def _open(training: Training, model: SpeechModel, source: TrainingSplit) -> Inputs:
    if source.audio is None and (model.input_kind != "stem" or source.features is None):
        raise UserError(
            f"there is no input for the labels in {source.labels}",
            remedy=f"This model reads inputs of kind {model.input_kind}: "
            "give the packs of both splits, or their stem features if the stem is not trained.",
        )
    return open_inputs(
        model.input_kind,
        features=source.features,
        audio=source.audio,
        backbone=training.backbone,
        stem=model.stem,
        front_end=model.front_end,
    )


def _check(training: Training, model: SpeechModel, train: TrainingSplit) -> None:
    """Refuse a definition whose training would run, but would not do what the definition says."""
    stored = model.input_kind == "stem" and train.features is not None
    refused = [f"{key}: {complaint}" for key, complaint in training_errors(training, stored=stored)]
    if refused:
        raise UserError("the definition of the model is not valid", refused, "Correct its row or its recipe.")


def files_of(backbone: Path | None, train: TrainingSplit, dev: TrainingSplit, utterances: Path) -> dict[str, Path]:
    """Return all files that affect the model, by names that do not depend on their location.

    Raises:
        UserError: files are missing.
    """
    named = {"train/utterances": utterances}
    named |= {
        f"{split}/{path.name}": path for split, source in (("train", train), ("dev", dev)) for path in source.files
    }
    if backbone is not None:
        named |= {f"backbone/{name}": backbone / name for name in ("config.json", "model.safetensors")}
    missing = [str(path) for path in named.values() if not path.is_file()]
    if missing:
        raise UserError("files that the training reads are missing", missing, "Run the steps that write them first.")
    return named
