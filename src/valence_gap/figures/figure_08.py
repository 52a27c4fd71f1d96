"""Figure 8: CCC by speaker, and how far the models agree on which speakers are difficult (section IV-J)."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import read_scores, select_condition
from valence_gap.figures.drawing import style
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import mean_over_seeds, seed_values
from valence_gap.figures.published import listed, published_agreement
from valence_gap.runtime.errors import UserError
from valence_gap.scores.statistics import spearman

# Share of a speaker's place over which the models are spread, so that their intervals do not overlap.
SPREAD = 0.7
# Distance of the seeds' marks from their interval, as a share of the distance to the next one; they hide no mean.
ASIDE = 0.35
# Number of names that fit beside each other.
LEGEND_COLUMNS = 7
# Number of letters of the speakers' names that fit beside each other.
LETTERS = 100


def plot(inputs: Inputs, description: Description) -> Plot:
    """A panel for each dimension, a place for each speaker, a mark with interval for each model.

    If a model has several seeds, the mark is their mean, and small rings are the single seeds. Speakers are in order of
    their mean CCC over all dimensions and models. The additional table ``spearman`` contains Spearman's correlation
    between the models over the speakers, by dimension.

    Args:
        inputs: with ``scores``, which include the speakers with enough utterances.
        description: models, and the corpus.
    """
    corpus = description.corpora[0]
    scores = read_scores(inputs, description, group_by="speaker")
    if scores.empty:
        raise UserError(
            f"no speaker of {corpus.name} has {description.evaluation.min_samples} labelled utterances",
            remedy="lower evaluation.min_samples",
        )
    scores = select_condition(scores[scores["corpus"] == corpus.name], CLEAN)
    keys = ["corpus", "dimension", "model", "group"]
    confidence = description.evaluation.confidence
    table = mean_over_seeds(scores, description.kinds(), confidence, keys=keys, condition="group")
    table = table.rename(columns={"group": "speaker"})
    order = table.groupby("speaker")["ccc"].mean().sort_values(kind="stable").index
    table["place"] = table["speaker"].map({speaker: place for place, speaker in enumerate(order)})
    agreement = _agreement(table, description)
    correlations = _correlations_text(agreement, description)
    caption = Caption(
        "Are some speakers harder than others, for all models?",
        f"CCC of single speakers of the test set of {corpus.label} (named as in the corpus), from the hardest on the "
        f"left to the easiest: mean over resamples of {description.evaluation.speaker_draws} utterances of a speaker.",
        " ".join(filter(None, [seeds_text(table, description, drawn="Marks"), correlations])),
        description.note,
    )
    alt = f"{caption.subtitle} {_describe(table, description)} {correlations}"
    figure = _plot(table, list(order), description, caption)
    return Plot(figure, table, caption, alt, {"spearman": agreement}, _published(description))


def _plot(table: pd.DataFrame, speakers: list[str], description: Description, caption: Caption) -> Figure:
    corpus = description.corpora[0]
    figure = style.new_figure(style.PAGE_IN, 0.6 + 1.2 * len(corpus.dimensions), caption)
    parts = [table[table["dimension"] == dimension] for dimension in corpus.dimensions]
    panels = style.stacked_panels(
        figure, [style.value_range(part[["ccc", "low", "high", "minimum", "maximum"]]) for part in parts]
    )
    for axes, dimension, part in zip(panels, corpus.dimensions, parts, strict=True):
        _plot_panel(axes, part, description)
        axes.grid(axis="x")
        style.label_row(axes, corpus.title(dimension))
    panels[-1].set_xticks(range(len(speakers)), speakers, rotation=90 if sum(map(len, speakers)) > LETTERS else 0)
    panels[-1].set_xlim(-0.6, len(speakers) - 0.4)
    panels[-1].set_xlabel("Speaker")
    handles = [
        Line2D(
            [], [], color=model.colour, marker=style.marker_of(place), markersize=3.4, linewidth=0.8, label=model.label
        )
        for place, model in enumerate(description.models)
    ]
    if (table["seeds"] > 1).any():
        handles.append(Line2D([], [], linestyle="", **style.SEED, label="single seeds"))
    lines = -(-len(handles) // LEGEND_COLUMNS)
    style.add_legend(figure, handles, -(-len(handles) // lines))
    return figure


def _plot_panel(axes: Axes, rows: pd.DataFrame, description: Description) -> None:
    """Draw marks and intervals side by side; models differ in shape and in colour."""
    offsets = style.dodge_offsets(len(description.models), SPREAD)
    aside = ASIDE * SPREAD / max(len(offsets) - 1, 1)
    for number, (offset, model) in enumerate(zip(offsets, description.models, strict=True)):
        own = rows[rows["model"] == model.name]
        x = own["place"].to_numpy(dtype=float) + offset
        axes.vlines(x, own["low"], own["high"], color=model.colour, linewidth=0.7)
        axes.plot(
            x, own["ccc"].to_numpy(), linestyle="", marker=style.marker_of(number), markersize=3, color=model.colour
        )
        ring = style.SEED | {"markersize": 1.5, "markeredgecolor": model.colour}
        for place, by_seed in zip(x - aside, own["by_seed"], strict=True):
            values = seed_values(by_seed)
            if len(values) > 1:
                axes.plot([place] * len(values), values, linestyle="", **ring)


def _describe(table: pd.DataFrame, description: Description) -> str:
    """The spread of the speakers in words, by dimension."""
    parts = []
    for dimension in description.corpora[0].dimensions:
        means = table[table["dimension"] == dimension].groupby("speaker")["ccc"].mean()
        ends = f"{style.format_ccc(means.min())} to {style.format_ccc(means.max())}"
        parts.append(f"{dimension.capitalize()}: {len(means)} speakers, mean over the models {ends}.")
    return " ".join(parts)


def _correlations_text(agreement: pd.DataFrame, description: Description) -> str:
    """Lowest and highest rank correlation of two models, and the paper's where it is drawn beside the study's."""
    pairs = agreement[agreement["model"] < agreement["other"]]
    theirs = published_agreement().set_index("dimension") if description.published else None
    parts = []
    for dimension, rows in pairs.groupby("dimension", sort=False):
        known = rows["spearman"].dropna()
        if known.empty:
            continue
        text = f"{dimension} {style.format_ccc(known.min())} to {style.format_ccc(known.max())}"
        if theirs is not None and dimension in theirs.index:
            low, high = (float(theirs[end][dimension]) for end in ("lowest", "highest"))
            text += f" (paper {style.format_ccc(low)} to {style.format_ccc(high)})"
        parts.append(text)
    return f"Rank correlation of two models over the speakers: {', '.join(parts)}." if parts else ""


def _published(description: Description) -> pd.DataFrame:
    found = published_agreement()
    parts = [
        listed(found, end, f"{end} rank correlation of two models over speakers", description)
        for end in ("lowest", "highest")
    ]
    return pd.concat(parts, ignore_index=True)


def _agreement(table: pd.DataFrame, description: Description) -> pd.DataFrame:
    """dimension, model, other, spearman: a row for each pair of models."""
    names = [model.name for model in description.models]
    rows = []
    for dimension in description.corpora[0].dimensions:
        wide = table[table["dimension"] == dimension].pivot(index="speaker", columns="model", values="ccc")[names]
        correlations = spearman(wide.to_numpy())
        for one, name in enumerate(names):
            for two, other in enumerate(names):
                rows.append((dimension, name, other, correlations[one, two]))
    return pd.DataFrame(rows, columns=["dimension", "model", "other", "spearman"])
