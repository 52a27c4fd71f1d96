"""Build the models of the study from a definition, or load them from a folder."""

from pathlib import Path

from valence_gap.definitions.models import Training
from valence_gap.models import cnn14, encoder
from valence_gap.models.base import InputKind, ModelOutput, SpeechModel
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import Precision
from valence_gap.weights import folders, limits

__all__ = ["InputKind", "ModelOutput", "SpeechModel", "build", "load"]


def build(training: Training, backbone: Path | None) -> SpeechModel:
    """Build a model for training; random numbers come from PyTorch's generator, which the caller seeds.

    Args:
        training: the definition of the trained model.
        backbone: folder of the backbone in Hugging Face format; None for CNN14, which starts from random weights.

    Raises:
        UserError: the backbone is missing or damaged, or has another architecture.
    """
    if training.backbone.architecture == "cnn14":
        return cnn14.build_cnn14(training)
    if backbone is None:
        raise UserError("a transformer model needs a backbone, but none is given", remedy="Give its folder.")
    with limits.user_errors(backbone):
        model = encoder.build_transformer(training, backbone)
    model.backbone_definition = training.backbone
    return model


def load(folder: Path, precision: Precision | None = None) -> SpeechModel:
    """Load a finished model, in evaluation mode.

    Args:
        folder: the model.
        precision: used instead of the number format of its training.

    Raises:
        UserError: the folder does not contain a model that this project supports, or the model is damaged.
    """
    with limits.user_errors(folder):
        if folders.read_config(folder).get("model_type") == cnn14.MODEL_TYPE:
            return cnn14.load_cnn14(folder, precision)
        return encoder.load_transformer(folder, precision)
