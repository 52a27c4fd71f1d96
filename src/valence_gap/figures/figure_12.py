"""Figure 12: CCC by the number of transformer layers that are kept (section V-B)."""

from valence_gap.errors import UserError
from valence_gap.figures.description import Description, Inputs
from valence_gap.figures.steps import Step, draw_steps
from valence_gap.figures.style import Drawing


def draw(inputs: Inputs, description: Description) -> Drawing:
    """CCC against the bottom layers kept, a curve for each corpus.

    Args:
        inputs: with ``scores``.
        description: models: variants of one backbone; one without ``layers`` keeps all and stands at the right.
    """
    kept = sorted(model.layers for model in description.models if model.layers)
    if not kept:
        raise UserError("no model of this figure has dropped layers", remedy="give its models 'layers'")
    beyond = kept[-1] + (kept[-1] - kept[-2] if len(kept) > 1 else 1)
    steps = {
        model.name: Step(model.layers or beyond, str(model.layers) if model.layers else "all")
        for model in description.models
    }
    return draw_steps(inputs, description, steps, x_label="Layers kept")
