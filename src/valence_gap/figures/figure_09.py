"""Figure 9: a randomly initialised transformer, compared with CNN14 and a pre-trained one (section IV-K)."""

from valence_gap.definitions.figures import Description, Inputs, in_words
from valence_gap.figures import figure_02
from valence_gap.figures.drawing.plots import Plot

TITLE = "What pre-training gives"
WORDS = {
    "random initialisation": "starts from random weights",
    "CNN14": "is a convolutional network without pre-training",
    "fine-tuned": "starts from pre-trained weights",
    "frozen": "is pre-trained, and only its head is trained",
}


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the CCC on the clean test sets, as in figure 2.

    Args:
        inputs: with ``scores``.
        description: models: CNN14, the randomly initialised model, the pre-trained one; corpora and dimensions.
    """
    shown = in_words([f"{model.label} {WORDS[model.kind]}" for model in description.models])
    where = f"CCC on the test set{description.plural()} of {description.corpus_labels()}."
    return figure_02.plot_cccs(inputs, description, TITLE, f"{where} {shown}.")
