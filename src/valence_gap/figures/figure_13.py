"""Figure 13: CCC by the fraction of the training set (section V-C)."""

from valence_gap.figures.description import Description, Inputs
from valence_gap.figures.steps import Step, draw_steps
from valence_gap.figures.style import Drawing


def draw(inputs: Inputs, description: Description) -> Drawing:
    """CCC against the share of the training set, on a logarithmic axis, a curve for each corpus.

    Args:
        inputs: with ``scores``.
        description: models: variants of one model by their ``fraction``.
    """
    steps = {model.name: Step(model.fraction, f"{100 * model.fraction:g}") for model in description.models}
    return draw_steps(inputs, description, steps, x_label="Training data (%)", x_log=True)
