"""Figure 7: gender fairness, the CCC of female minus that of male speakers (section IV-I)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.figures import Description, Inputs
from valence_gap.figures.drawing import bars
from valence_gap.figures.drawing.captions import Caption, seeds_text
from valence_gap.figures.drawing.plots import Plot
from valence_gap.figures.intervals import mean_over_seeds
from valence_gap.figures.published import listed, published_gender_gaps
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores import statistics
from valence_gap.scores.group_scores import speaker_generator
from valence_gap.scores.metrics import Floats
from valence_gap.scores.run_predictions import read_genders, read_predictions, read_speakers
from valence_gap.scores.seed_variance import DIFFERENCES
from valence_gap.scores.speaker_bootstrap import group_resamples, speaker_codes

AVERAGE = "average"
Run = tuple[str, int]  # model and seed
Place = tuple[str, str]  # corpus and dimension


@dataclass(frozen=True)
class Gap:
    """The CCC of female minus that of male speakers, of one run.

    Attributes:
        value: the estimate.
        utterances: its resamples over utterances, (resamples,).
        speakers: its resamples over speakers, (resamples,); NaN if a gender has fewer than two.
        count: number of speakers; of a mean, the smallest.
    """

    value: float
    utterances: Floats
    speakers: Floats
    count: int

    @classmethod
    def mean(cls, gaps: Sequence["Gap"]) -> "Gap":
        """Mean over corpora and dimensions, resample by resample."""
        utterances, speakers = (
            np.mean([getattr(gap, name) for gap in gaps], axis=0) for name in ("utterances", "speakers")
        )
        return cls(float(np.mean([gap.value for gap in gaps])), utterances, speakers, min(gap.count for gap in gaps))


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
    means = {run: Gap.mean([gaps[run] for gaps in shown.values()]) for run in runs}
    average = _table({(AVERAGE, AVERAGE): means}, description)
    published = published_gender_gaps()
    if description.published:
        average = average.merge(
            published.rename(columns={"gender_gap": "published"})[["model", "published"]], how="left"
        )
    caption = Caption(
        "Is a model better for one gender?",
        "ΔCCC: CCC of female minus CCC of male speakers. Above 0, the model is better for female speakers; at 0, "
        f"equally good for both. Test set{description.plural()} of {description.corpus_labels()}.",
        seeds_text(table, description),
        description.note,
    )
    bar_style = bars.style_of(description, caption, label="ΔCCC", signed=True, marks={"published": "paper"})
    title = f"ΔCCC, mean of the {len(shown)} panels above"
    below = ("Average", bars.Panel(title, average)) if len(shown) > 1 else None
    rows = bars.rows_by_corpus(table, description)
    alt = f"{caption.subtitle} {bars.describe(rows, bar_style, below)}"
    numbers = pd.concat([table, average], ignore_index=True)
    theirs = listed(published, "gender_gap", "CCC of female minus male, all corpora and dimensions", description)
    return Plot(bars.plot(rows, bar_style, below=below), numbers, caption, alt, published=theirs)


def _gaps(inputs: Inputs, place: Place, description: Description) -> dict[Run, Gap]:
    """Fairness score of each run; empty if one gender has no utterances.

    Raises:
        UserError: if a run lacks predictions.
    """
    corpus, dimension = place
    by_model = read_predictions(inputs, corpus, CLEAN, dimension)
    _refuse_missing({model: set(runs) for model, runs in by_model.items()}, corpus, inputs, description)
    found = {(model.name, seed): run for model in description.models for seed, run in by_model[model.name].items()}
    genders, speakers = read_genders(inputs, corpus), read_speakers(inputs, corpus)
    labelled = genders[genders.index.isin(next(iter(found.values())).table.index)]
    groups, people = [], []
    for gender in ("female", "male"):
        ids = labelled.index[labelled == gender]
        samples = [run.select(ids) for run in found.values()]
        groups.append((samples[0][0], np.concatenate([predictions for _, predictions in samples], axis=1)))
        people.append(speaker_codes(speakers.reindex(ids).to_numpy(dtype=object)))
    if not all(len(truth) for truth, _ in groups):
        return {}
    evaluation = description.evaluation
    rng = statistics.generator(evaluation.seed, corpus, "female-male")
    rows = statistics.group_difference_resamples(*groups, resamples=evaluation.bootstrap, rng=rng)
    spoken = group_resamples(
        (*groups[0], people[0]),
        (*groups[1], people[1]),
        resamples=evaluation.bootstrap,
        rng=speaker_generator(evaluation, corpus, "female-male"),
    )
    count = sum(len(np.unique(codes)) for codes in people)
    return {
        run: Gap(float(row[0]), row[1:], over, count) for run, row, over in zip(found, rows.T, spoken.T, strict=True)
    }


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


def _table(rows: Mapping[Place, Mapping[Run, Gap]], description: Description) -> pd.DataFrame:
    """Return a table of corpus, dimension, model, and the columns that :func:`mean_over_seeds` adds."""
    found = []
    for (corpus, dimension), by_run in rows.items():
        for (model, seed), gap in by_run.items():
            numbers = {
                "ccc": gap.value,
                "se_utterances": float(statistics.standard_error(gap.utterances)),
                "se_speakers": float(statistics.speaker_error(gap.speakers, gap.count)),
                "speakers": gap.count,
            }
            found.append({"corpus": corpus, "dimension": dimension, "model": model, "seed": seed} | numbers)
    confidence = description.evaluation.confidence
    return mean_over_seeds(pd.DataFrame(found), description.kinds(), confidence, bounds=DIFFERENCES)
