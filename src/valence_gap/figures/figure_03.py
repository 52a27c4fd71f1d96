"""Figure 3: CCC of the fusion with text minus that of the audio model alone (section IV-B)."""

from valence_gap.errors import UserError
from valence_gap.figures import differences
from valence_gap.figures.description import Description, Inputs, ShownModel
from valence_gap.figures.style import Drawing

REMEDY = "list fusions in figures.*.models; their audio models may stand beside them"


def draw(inputs: Inputs, description: Description) -> Drawing:
    """Bars of the differences, with intervals of the paired bootstrap: both models on the same resamples.

    Args:
        inputs: with ``predictions`` of the fusions and of their audio models, and ``labels``.
        description: models: fusions, each with ``audio``; their audio models may stand beside them.
    """
    return differences.draw(_pairs(description), inputs, description, subtrahend="audio")


def _pairs(description: Description) -> list[tuple[ShownModel, str]]:
    """Each fusion with the name of its audio model, in order.

    Raises:
        UserError: if there is no fusion, or a model that neither is one nor belongs to one.
    """
    fusions = [model for model in description.models if model.audio]
    owned = {model.audio for model in fusions}
    alone = [model.name for model in description.models if not model.audio and model.name not in owned]
    if alone or not fusions:
        raise UserError("this figure shows fusions with text, and needs their `audio` models", alone, REMEDY)
    return [(fusion, fusion.audio) for fusion in fusions]
