"""The models of the study: built from a definition, or loaded from a folder."""

from pathlib import Path

from valence_gap.definitions.models import Training
from valence_gap.models import cnn14, encoder
from valence_gap.models.base import InputKind, ModelOutput, SpeechModel
from valence_gap.runtime.errors import UserError
from valence_gap.weights import folders, limits

__all__ = ["InputKind", "ModelOutput", "SpeechModel", "build", "load"]


def build(training: Training, backbone: Path | None) -> SpeechModel:
    """A model that is ready to be trained; random numbers are drawn from PyTorch's generator, which the caller seeds.

    Args:
        training: the definition of the trained model.
        backbone: folder of the backbone in Hugging Face format; None for CNN14, which starts from random weights.

    Raises:
        UserError: the backbone is missing, damaged, or of another architecture.
    """
    if training.backbone.architecture == "cnn14":
        return cnn14.build_cnn14(training)
    if backbone is None:
        raise UserError("a transformer model needs the folder of its backbone", remedy="Give the folder.")
    with limits.user_errors(backbone):
        model = encoder.build_transformer(training, backbone)
    model.backbone_definition = training.backbone
    return model


def load(folder: Path) -> SpeechModel:
    """A finished model, in evaluation mode.

    Raises:
        UserError: the folder holds no model that this project knows, or a damaged one.
    """
    with limits.user_errors(folder):
        if folders.read_config(folder).get("model_type") == cnn14.MODEL_TYPE:
            return cnn14.load_cnn14(folder)
        return encoder.load_transformer(folder)
