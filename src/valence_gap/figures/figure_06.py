"""Figure 6: CCC averaged over the augmentations of the test sets (section IV-H)."""

import pandas as pd

from valence_gap.definitions.evaluation import AUGMENTED_MEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_scores, select_condition
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.drawing.style import format_ccc
from valence_gap.figures.intervals import KEYS, mean_over_seeds
from valence_gap.figures.published import listed, published_augmented, published_changes
from valence_gap.runtime.errors import UserError
from valence_gap.scores.same_utterances import augmented_rows, recordings, subset_text


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the mean CCC over all augmentations, with its own interval, the CCC of the same recordings marked.

    Args:
        inputs: with ``scores``, of the clean and of the augmented test sets.
        description: models, corpora and dimensions.
    """
    scores = read_scores(inputs, description, group_by="all")
    single = augmented_rows(scores)
    _refuse_uneven(single)
    clean, means = (
        mean_over_seeds(rows, description.kinds(), description.evaluation.confidence)
        for rows in (recordings(scores), select_condition(scores, AUGMENTED_MEAN))
    )
    table = means.merge(clean.rename(columns={"ccc": "clean"})[[*KEYS, "clean"]], how="left", on=list(KEYS))
    table["change"] = table["ccc"] - table["clean"]
    if description.published:
        published = published_augmented().rename(columns={"ccc": "published", "source": "published_in"})
        table = table.merge(published, how="left", on=list(KEYS))
    caption = Caption(
        "Robustness to noise and other changes",
        _subtitle(scores, single["condition"].nunique(), description),
        f"{seeds_text(table, description)} {_changes_text(table, description)}",
        description.note,
    )
    bar_style = bars.style_of(description, caption, marks={"clean": "as recorded", "published": "paper"})
    rows = bars.rows_by_corpus(table, description)
    alt = f"{caption.subtitle} {bars.describe(rows, bar_style)} {_changes_text(table, description)}"
    return Plot(bars.plot(rows, bar_style), table, caption, alt, published=_published(description))


def _subtitle(scores: pd.DataFrame, augmentations: int, description: Description) -> str:
    """What bars and diamonds are; the number of utterances where a fixed subset of a test set is augmented."""
    bar = f"A bar is the mean CCC over the {augmentations} augmentations of a test set, a diamond the CCC"
    part = subset_text(scores, {corpus.name: corpus.label for corpus in description.corpora})
    if part:
        return (
            f"{bar} on the same utterances as recorded. Fixed subset{description.plural()} of the test "
            f"set{description.plural()}: {part}, so the diamonds differ from the bars of Figure 2."
        )
    return f"{bar} on the test set as recorded. Test set{description.plural()} of {description.corpus_labels()}."


def _changes_text(table: pd.DataFrame, description: Description) -> str:
    """The mean change of each model over the panels, and the paper's where it is drawn beside the study's."""
    table_6 = published_changes()
    published = dict(zip(table_6["model"], table_6["change"], strict=True)) if description.published else {}
    changes = table.groupby("model")["change"].mean()
    parts = [
        f"{model.label} {format_ccc(changes[model.name], signed=True)}"
        + (f" (paper {format_ccc(published[model.name], signed=True)})" if model.name in published else "")
        for model in description.models
    ]
    return f"Mean change over the panels: {', '.join(parts)}."


def _published(description: Description) -> pd.DataFrame:
    changes = listed(
        published_changes(), "change", "mean change by augmentation, all corpora and dimensions", description
    )
    augmented = listed(published_augmented(), "ccc", "CCC, mean over augmentations", description)
    return pd.concat([changes, augmented], ignore_index=True)


def _refuse_uneven(augmented: pd.DataFrame) -> None:
    """Refuse models with different augmentations: their averages cannot be compared."""
    if augmented.empty:
        raise UserError(
            "no score table has an augmented condition", remedy="pass the scores of the augmented test sets too"
        )
    everything = set(augmented["condition"])
    lacking = [
        f"{model}, seed {seed}, on {corpus}: lacks {', '.join(sorted(everything - set(rows['condition'])))}"
        for (model, seed, corpus), rows in augmented.groupby(["model", "seed", "corpus"], sort=False)
        if set(rows["condition"]) != everything
    ]
    if lacking:
        raise UserError(
            "models were not all scored under the same augmentations", lacking, "score the missing conditions"
        )
