"""How many utterances of a batch are computed at once."""

import torch

from valence_gap.definitions.models import Training
from valence_gap.models.encoder import TransformerModel
from valence_gap.models.loading import SpeechModel
from valence_gap.prediction.inference import lengths_per_s
from valence_gap.runtime import precision
from valence_gap.runtime.progress import log_line
from valence_gap.training.card_memory import TrainedSize, part_that_fits
from valence_gap.training.examples import Examples


def part_size(training: Training, model: SpeechModel, train: Examples, device: torch.device) -> int | None:
    """Utterances of a batch that are computed at once; the loss is that of the whole batch for every number.

    Args:
        training: its recipe has ``micro_batch_size``; ``auto`` is chosen by the total memory of the GPU.
        model: the model to train.
        train: the training examples.
        device: device of the computation.

    Returns:
        The number; None: a batch is computed as a whole.
    """
    recipe = training.recipe
    if recipe.micro_batch_size != "auto":
        return recipe.micro_batch_size
    capacity = precision.total_memory(device)
    if capacity is None or not isinstance(model, TransformerModel):
        return None
    bf16 = precision.multiplies_in_bf16(device)
    part = part_that_fits(size_of(training, model, train), recipe, capacity, bf16=bf16)
    log_line(f"micro_batch_size: auto is {part} of {recipe.batch_size} utterances on a GPU of {capacity / 1e9:.0f} GB")
    return part if part < recipe.batch_size else None


def size_of(training: Training, model: TransformerModel, train: Examples) -> TrainedSize:
    """What the memory of a training of a transformer depends on, beside its recipe."""
    config = model.backbone.config
    padded_s = model.min_length / lengths_per_s(model)
    return TrainedSize(
        sum(weight.numel() for weight in model.parameters()),
        training.frozen,
        max(float(train.durations_s.max()), padded_s),
        config.num_hidden_layers,
        config.hidden_size,
        config.conv_dim[-1] if model.stem else 0,
        model.shape.frames_per_s,
    )
