"""CCC of one model minus that of another, as bars; used by figures 3 and 5."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs, ShownModel
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import mean_over_seeds
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics
from valence_gap.scores.group_scores import speaker_generator
from valence_gap.scores.run_predictions import RunPredictions, read_predictions, read_speakers
from valence_gap.scores.seed_variance import DIFFERENCES
from valence_gap.scores.speaker_bootstrap import paired_resamples, speaker_codes

Pair = tuple[ShownModel, str]
LABEL = "ΔCCC"


def plot(
    pairs: Sequence[Pair],
    inputs: Inputs,
    description: Description,
    *,
    subtrahend: str,
    caption: Caption,
) -> Plot:
    """Bars of the differences on the clean test sets, with intervals of the paired bootstrap and of the seeds.

    Both models of a pair are compared on the same utterances and resamples, seed by seed.

    Args:
        pairs: each model, which names the bar, with the name of the model whose CCC is subtracted.
        inputs: with ``predictions``, ``labels`` and ``utterances``.
        description: corpora and dimensions, and how intervals are computed.
        subtrahend: column of the table that names the second of each pair.
        caption: the words; the seeds are put before its foot.

    Raises:
        UserError: if predictions, labels or utterances are missing, or a pair has no seed in common.
    """
    rows = []
    panels = [(corpus.name, dimension) for corpus in description.corpora for dimension in corpus.dimensions]
    for corpus, dimension in progress(panels, "differences", unit="panels"):
        found = read_predictions(inputs, corpus, CLEAN, dimension)
        speakers = read_speakers(inputs, corpus)
        for one, other in pairs:
            for seed, first, second in _common_seeds(found, one.name, other):
                difference = _difference(first, second, speakers, description)
                rows.append(
                    {"corpus": corpus, "dimension": dimension, "model": one.name, subtrahend: other}
                    | {"seed": seed, **difference}
                )
    models = tuple(one for one, _ in pairs)
    labels = {model.name: model.label for model in models}
    table = mean_over_seeds(
        pd.DataFrame(rows),
        {model.name: model.kind for model in models},
        description.evaluation.confidence,
        keys=["corpus", "dimension", "model", subtrahend],
        bounds=DIFFERENCES,
    )
    caption = replace(caption, foot=" ".join(filter(None, [seeds_text(table, description, labels), caption.foot])))
    bar_style = bars.style_of(description, caption, models=models, label=LABEL, signed=True)
    shown = bars.rows_by_corpus(table, description)
    alt = f"{caption.subtitle} {bars.describe(shown, bar_style)}"
    return Plot(bars.plot(shown, bar_style), table, caption, alt)


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


def _difference(
    first: RunPredictions, second: RunPredictions, speakers: "pd.Series[str]", description: Description
) -> dict[str, float]:
    """Ccc (the difference), se_utterances and se_speakers, both over paired resamples, and the number of speakers."""
    ids = first.table.index.intersection(second.table.index)
    truth, predictions = first.select(ids)
    others = second.select(ids)[1]
    evaluation, corpus = description.evaluation, first.run.corpus
    options = statistics.bootstrap(evaluation, corpus, "all")
    estimate = statistics.paired_difference(truth, predictions, others, **options)
    codes = speaker_codes(speakers.reindex(ids).to_numpy(dtype=object))
    rng = speaker_generator(evaluation, corpus, "all")
    resampled = paired_resamples(truth, predictions, others, codes, resamples=evaluation.bootstrap, rng=rng)
    count = len(np.unique(codes))
    se_speakers = statistics.speaker_error(resampled, count)
    errors = {"se_utterances": estimate.se[0], "se_speakers": se_speakers[0], "speakers": count}
    return {"ccc": estimate.value[0], **errors}
