"""Figure 2: CCC of every model, in-domain and cross-corpus (section IV-A)."""

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Drawing
from valence_gap.figures.tables import KEYS, of_condition, over_seeds, published_figure_2, read_scores


def draw(inputs: Inputs, description: Description) -> Drawing:
    """Bars of the CCC on the clean test sets, with intervals, and the published values where they are asked for.

    Args:
        inputs: with ``scores``.
        description: models, corpora and dimensions.
    """
    table = over_seeds(of_condition(read_scores(inputs, description, group_by="all"), CLEAN))
    if description.published:
        published = published_figure_2().rename(columns={"ccc": "published", "source": "published_in"})
        table = table.merge(published, how="left", on=list(KEYS))
    look = bars.Look(
        models=description.models,
        note=description.note,
        label="CCC",
        interval=description.interval_label(),
        mark=("published", "published") if description.published else None,
    )
    return Drawing(bars.draw(bars.rows_by_corpus(table, description), look), table)
