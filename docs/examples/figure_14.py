"""Figure 14: valence CCC against arousal CCC of each model; the distance to the diagonal is the valence gap."""

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_scores, select_condition
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import mean_over_seeds


def plot(inputs: Inputs, description: Description) -> Plot:
    """A point for each model and corpus.

    Args:
        inputs: with ``scores``.
        description: models and corpora.
    """
    scores = select_condition(read_scores(inputs, description, group_by="all"), CLEAN)
    means = mean_over_seeds(scores, description.kinds(), description.evaluation.confidence)
    table = means.pivot(index=["corpus", "model"], columns="dimension", values="ccc").reset_index()
    subtitle = f"CCC on the test sets of {description.corpus_labels()}; on the line there is no gap."
    caption = Caption("The valence gap", subtitle, note=description.note)
    figure = style.new_figure(style.COLUMN_IN, 2.8, caption)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=style.MUTED, linewidth=0.5)
    for model in description.models:
        points = table[table["model"] == model.name]
        axes.scatter(points["arousal"], points["valence"], s=9, color=model.colour, label=model.label)
    axes.set_xlabel("CCC, arousal")
    axes.set_ylabel("CCC, valence")
    style.add_legend(figure, axes.get_legend_handles_labels()[0], columns=3)
    return Plot(figure, table, caption, alt=subtitle)
