"""Figure 13: CCC by the fraction of the training set (section V-C)."""

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.drawing.steps import plot_steps
from valence_gap.figures.drawing.style import Plot


def plot(inputs: Inputs, description: Description) -> Plot:
    """CCC against the share of the training set, a curve for each corpus; the steps are not linear, as in the paper.

    Args:
        inputs: with ``scores``.
        description: models: variants of one model by their ``fraction``.
    """
    steps = {model.name: 100 * model.fraction for model in description.models}
    return plot_steps(inputs, description, steps, x_label="Training data (%), steps not linear")
