"""Figure 13: CCC by the fraction of the training set (section V-C)."""

from valence_gap.definitions.figures import Description, Inputs, in_words
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.drawing.steps import Steps, plot_steps


def plot(inputs: Inputs, description: Description) -> Plot:
    """CCC against the share of the training set, a curve for each corpus; the axis is logarithmic.

    Args:
        inputs: with ``scores``.
        description: models: variants of one model by their ``fraction``.
    """
    steps = {model.name: 100 * model.fraction for model in description.models}
    whole = [model.name for model in description.models if model.fraction == 1]
    caption = Caption(
        "How much training data is needed?",
        f"CCC of {in_words(whole) or 'a model'} by the share of the training set that it is fine-tuned on; each share "
        f"contains the smaller ones. Test set{description.plural()} of {description.corpus_labels()}.",
        note=description.note,
    )
    axis = Steps(steps, "Training data (%), logarithmic axis", "\N{NO-BREAK SPACE}%", logarithmic=True)
    return plot_steps(inputs, description, axis, caption)
