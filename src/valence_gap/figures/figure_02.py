"""Figure 2: CCC of every model, in-domain and cross-corpus (section IV-A)."""

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import KEYS, mean_over_seeds, published_figure_2, read_scores, select_condition
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Plot


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the CCC on the clean test sets, with intervals and, if requested, the published values.

    Args:
        inputs: with ``scores``.
        description: models, corpora and dimensions.
    """
    table = mean_over_seeds(select_condition(read_scores(inputs, description, group_by="all"), CLEAN))
    if description.published:
        published = published_figure_2().rename(columns={"ccc": "published", "source": "published_in"})
        table = table.merge(published, how="left", on=list(KEYS))
    bar_style = bars.style_of(description, mark=("published", "published") if description.published else None)
    return Plot(bars.plot(bars.rows_by_corpus(table, description), bar_style), table)
