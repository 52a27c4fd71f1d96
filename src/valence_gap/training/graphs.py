"""CUDA graphs for a training: which models use them, and for how much of the GPU's memory."""

from collections.abc import Sequence

import torch

from valence_gap.definitions.models import Training
from valence_gap.models.encoder import TransformerModel
from valence_gap.models.loading import SpeechModel
from valence_gap.models.wav2vec2 import SpeechEncoder
from valence_gap.runtime import precision
from valence_gap.training.batching import Rows
from valence_gap.training.card_memory import USABLE, needed_bytes
from valence_gap.training.examples import Examples
from valence_gap.training.micro_batches import size_of


def capture(
    training: Training, model: SpeechModel, train: Examples, batches: Sequence[Rows], device: torch.device
) -> None:
    """Capture the graphs of an encoder's layers, if it is one of wav2vec 2.0 or HuBERT on stem features.

    They get the memory that the training of its largest batch leaves: batches of other shapes do without them.

    Args:
        training: the definition; a frozen encoder, and one that recomputes its activations, has no graphs.
        model: in training mode; each batch is computed as a whole.
        train: the training examples.
        batches: those of an epoch.
        device: device of the computation; nothing is done on a CPU.
    """
    recipe, total = training.recipe, precision.total_memory(device)
    if total is None or training.frozen or recipe.activation_checkpointing or model.input_kind != "stem":
        return
    if isinstance(model, TransformerModel) and isinstance(model.backbone, SpeechEncoder):
        lengths = torch.tensor(train.inputs.lengths)
        memory = USABLE * total - needed_bytes(size_of(training, model, train), recipe, recipe.batch_size)
        with precision.autocast(precision.resolve(recipe.precision), device):
            model.backbone.capture_graphs([lengths[rows] for rows in batches], memory)
