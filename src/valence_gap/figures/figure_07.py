"""Figure 7: gender fairness, the CCC of female minus that of male speakers (section IV-I)."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.data import KEYS, mean_over_seeds, read_genders, read_predictions
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.style import Plot
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats

AVERAGE = "average"
Run = tuple[str, int]  # model and seed
Place = tuple[str, str]  # corpus and dimension


def plot(inputs: Inputs, description: Description) -> Plot:
    """Bars of the fairness score by corpus and dimension, and of its average over all of them where there are several.

    The interval of the average is a bootstrap interval too: each resample is averaged over the corpora and dimensions.
    All dimensions of one corpus use the same resampled utterances.

    Args:
        inputs: with ``predictions``, ``labels`` and ``utterances``.
        description: models, corpora and dimensions, and how intervals are computed.

    Raises:
        UserError: if predictions are missing, or no corpus has both genders.
    """
    places: list[Place] = [
        (corpus.name, dimension) for corpus in description.corpora for dimension in corpus.dimensions
    ]
    found = {place: _gaps(inputs, place, description) for place in progress(places, "genders", unit="panels")}
    shown = {place: gaps for place, gaps in found.items() if gaps}
    if not shown:
        raise UserError(
            "no corpus of this figure has both female and male speakers in its test set",
            [corpus.name for corpus in description.corpora],
            "give the genders (a column gender, or the corpus' file of them), or leave the figure out of the targets",
        )
    table = _table(shown, description)
    runs = dict.fromkeys(run for gaps in shown.values() for run in gaps)
    means = {run: np.mean([gaps[run] for gaps in shown.values()], axis=0) for run in runs}
    average = _table({(AVERAGE, AVERAGE): means}, description)
    bar_style = bars.style_of(description, label="ΔCCC", signed=True)
    title = f"ΔCCC, mean of the {len(shown)} panels above"
    below = ("Average", bars.Panel(title, average)) if len(shown) > 1 else None
    rows = bars.rows_by_corpus(table, description)
    return Plot(bars.plot(rows, bar_style, below=below), pd.concat([table, average], ignore_index=True))


def _gaps(inputs: Inputs, place: Place, description: Description) -> dict[Run, Floats]:
    """Fairness score of each run, (1 + resamples,), the estimate first; empty if one gender has no utterances.

    Raises:
        UserError: if a run lacks predictions.
    """
    corpus, dimension = place
    by_model = read_predictions(inputs, corpus, CLEAN, dimension)
    _refuse_missing({model: set(runs) for model, runs in by_model.items()}, corpus, inputs, description)
    found = {(model.name, seed): run for model in description.models for seed, run in by_model[model.name].items()}
    genders = read_genders(inputs, corpus)
    labelled = genders[genders.index.isin(next(iter(found.values())).table.index)]
    groups = []
    for gender in ("female", "male"):
        ids = labelled.index[labelled == gender]
        samples = [run.select(ids) for run in found.values()]
        groups.append((samples[0][0], np.concatenate([predictions for _, predictions in samples], axis=1)))
    if not all(len(truth) for truth, _ in groups):
        return {}
    evaluation = description.evaluation
    rng = statistics.generator(evaluation.seed, corpus, "female-male")
    rows = statistics.group_difference_resamples(*groups, resamples=evaluation.bootstrap, rng=rng)
    return dict(zip(found, rows.T, strict=True))


def _refuse_missing(found: Mapping[str, set[int]], corpus: str, inputs: Inputs, description: Description) -> None:
    """Refuse seeds without predictions: averages over different corpora cannot be compared."""
    requested: dict[str, set[int]] = {model.name: set() for model in description.models}
    for run, _ in inputs.predictions:
        if run.model in requested:
            requested[run.model].add(run.seed)
    missing = [f"{model}: no predictions" for model, seeds in requested.items() if not seeds]
    missing += [
        f"{model}, seed {seed}, on {corpus}"
        for model, seeds in requested.items()
        for seed in sorted(seeds - found.get(model, set()))
    ]
    if missing:
        raise UserError(
            "predictions are missing for the figure",
            missing,
            "run these predictions, or remove the models from the figure",
        )


def _table(rows: Mapping[Place, Mapping[Run, Floats]], description: Description) -> pd.DataFrame:
    """Return a table of corpus, dimension, model, and the columns that :func:`mean_over_seeds` adds."""
    found = []
    for (corpus, dimension), by_run in rows.items():
        for (model, seed), values in by_run.items():
            low, high = statistics.interval(values[1:, None], description.evaluation.confidence)
            numbers = {"ccc": values[0], "low": low[0], "high": high[0]}
            found.append({"corpus": corpus, "dimension": dimension, "model": model, "seed": seed} | numbers)
    return mean_over_seeds(pd.DataFrame(found), KEYS)
