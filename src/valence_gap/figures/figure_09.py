"""Figure 9: a randomly initialised transformer, compared with CNN14 and a pre-trained one (section IV-K)."""

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures import figure_02
from valence_gap.figures.drawing.style import Plot


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the CCC on the clean test sets, as in figure 2.

    Args:
        inputs: with ``scores``.
        description: models: CNN14, the randomly initialised model, the pre-trained one; corpora and dimensions.
    """
    return figure_02.plot(inputs, description)
