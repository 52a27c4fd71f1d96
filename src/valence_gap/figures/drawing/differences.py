"""CCC of one model minus that of another, as bars; used by figures 3 and 5."""

from collections.abc import Sequence

import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs, ShownModel
from valence_gap.figures.data import RunPredictions, mean_over_seeds, read_predictions
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Plot
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics

Pair = tuple[ShownModel, str]


def plot(
    pairs: Sequence[Pair],
    inputs: Inputs,
    description: Description,
    *,
    subtrahend: str,
    remarks: tuple[str, ...] = (),
) -> Plot:
    """Bars of the differences on the clean test sets, with intervals of the paired bootstrap.

    Both models of a pair are judged on the same utterances and resamples, seed by seed.

    Args:
        pairs: each model, which names the bar, with the name of the model whose CCC is subtracted.
        inputs: with ``predictions`` and ``labels``.
        description: corpora and dimensions, and how intervals are computed.
        subtrahend: column of the table that names the second of each pair.
        remarks: additional lines of the legend.

    Raises:
        UserError: if predictions or labels are missing, or a pair has no seed in common.
    """
    rows = []
    panels = [(corpus.name, dimension) for corpus in description.corpora for dimension in corpus.dimensions]
    for corpus, dimension in progress(panels, "differences", unit="panels"):
        found = read_predictions(inputs, corpus, CLEAN, dimension)
        for one, other in pairs:
            for seed, first, second in _common_seeds(found, one.name, other):
                difference = _difference(first, second, description)
                rows.append(
                    {"corpus": corpus, "dimension": dimension, "model": one.name, subtrahend: other}
                    | {"seed": seed, **difference}
                )
    table = mean_over_seeds(pd.DataFrame(rows), ["corpus", "dimension", "model", subtrahend])
    models = tuple(one for one, _ in pairs)
    bar_style = bars.style_of(description, models=models, label="ΔCCC", signed=True, fitted=True, remarks=remarks)
    return Plot(bars.plot(bars.rows_by_corpus(table, description), bar_style), table)


def _common_seeds(
    found: dict[str, dict[int, RunPredictions]], first: str, second: str
) -> list[tuple[int, RunPredictions, RunPredictions]]:
    """Predictions of two models that were trained with the same seed.

    Raises:
        UserError: if there is no such seed.
    """
    one, other = found.get(first, {}), found.get(second, {})
    seeds = sorted(one.keys() & other.keys())
    if not seeds:
        raise UserError(
            "no seed has predictions of both models",
            [f"{model}: seeds {sorted(runs)}" for model, runs in ((first, one), (second, other))],
            "predict with both models for the same seed, or train them with a common seed",
        )
    return [(seed, one[seed], other[seed]) for seed in seeds]


def _difference(first: RunPredictions, second: RunPredictions, description: Description) -> dict[str, float]:
    ids = first.table.index.intersection(second.table.index)
    truth, predictions = first.select(ids)
    options = statistics.bootstrap(description.evaluation, first.run.corpus, "all")
    return statistics.paired_difference(truth, predictions, second.select(ids)[1], **options).first("ccc")
