"""Figure 2: CCC of every model, in-domain and cross-corpus (section IV-A)."""

import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_scores, select_condition
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import KEYS, mean_over_seeds
from valence_gap.figures.published import listed, published_cccs, published_drops

TITLE = "How well the models predict emotion"


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the CCC on the clean test sets, with intervals and, if requested, the published values.

    Args:
        inputs: with ``scores``.
        description: models, corpora and dimensions.
    """
    subtitle = (
        "CCC (concordance correlation coefficient; 1: perfect, 0: no better than a constant) on the test "
        f"set{description.plural()} of {description.corpus_labels()}."
    )
    return plot_cccs(inputs, description, TITLE, subtitle)


def plot_cccs(inputs: Inputs, description: Description, title: str, subtitle: str) -> Plot:
    """The same with other words, for figure 9."""
    scores = select_condition(read_scores(inputs, description, group_by="all"), CLEAN)
    table = mean_over_seeds(scores, description.kinds(), description.evaluation.confidence)
    if description.published:
        published = published_cccs().rename(columns={"ccc": "published", "source": "published_in"})
        table = table.merge(published, how="left", on=list(KEYS))
    caption = Caption(title, subtitle, seeds_text(table, description), description.note)
    bar_style = bars.style_of(description, caption, marks={"published": "paper"})
    rows = bars.rows_by_corpus(table, description)
    alt = f"{subtitle} {bars.describe(rows, bar_style)}"
    return Plot(bars.plot(rows, bar_style), table, caption, alt, published=_published(description))


def _published(description: Description) -> pd.DataFrame:
    cccs = listed(published_cccs(), "ccc", "CCC", description)
    drops = listed(published_drops(), "relative_drop", "share of the in-domain CCC that is lost", description)
    return pd.concat([cccs, drops], ignore_index=True)
