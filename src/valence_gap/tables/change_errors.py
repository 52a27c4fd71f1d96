"""Errors of mean changes of the CCC: the utterances or speakers of the test sets, and the training seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import CLEAN, Evaluation
from valence_gap.definitions.figures import Inputs
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores.group_scores import speaker_generator
from valence_gap.scores.metrics import Floats
from valence_gap.scores.run_predictions import RunPredictions, read_predictions, read_speakers, same_utterances
from valence_gap.scores.seed_variance import (
    BOTH,
    DIFFERENCES,
    UTTERANCES,
    Part,
    bootstrap_part,
    combined,
    critical_values,
    pooled,
)
from valence_gap.scores.speaker_bootstrap import paired_resamples, speaker_codes
from valence_gap.scores.statistics import (
    bootstrap,
    paired_difference_resamples,
    speaker_error,
    standard_error,
)

Place = tuple[str, str, str]
"""Condition, corpus and dimension."""


@dataclass(frozen=True)
class Resampled:
    """The change of one place in all resamples, mean over the seeds.

    Attributes:
        utterances: resampled utterances, (resamples,).
        speakers: resampled speakers, (resamples,); all NaN if fewer than two are known.
        speaker_count: number of speakers.
    """

    utterances: Floats
    speakers: Floats
    speaker_count: int


def resampled_changes(
    inputs: Inputs, model: str, seeds: Sequence[int], places: Sequence[Place], evaluation: Evaluation
) -> dict[Place, Resampled]:
    """Resample the changes of the CCC: augmented minus clean, on the same resamples.

    All seeds, conditions and dimensions of a corpus have the same resamples, if the same utterances have labels in
    every dimension. Resamples of different corpora are independent.

    Args:
        inputs: with ``predictions``, ``labels`` and ``utterances``, ``pack_indexes`` where bad audio is skipped, and
            ``augmented_utterances`` where subsets are augmented: clean speech counts on the same utterances.
        model: name of the model.
        seeds: its seeds.
        places: conditions, corpora and dimensions.
        evaluation: how often is resampled, and with which seed.

    Raises:
        UserError: if predictions, labels or utterances are missing, or runs are of different utterances.
    """
    conditions: dict[tuple[str, str], list[str]] = {}
    for condition, corpus, dimension in places:
        conditions.setdefault((corpus, dimension), []).append(condition)
    found: dict[Place, Resampled] = {}
    for (corpus, dimension), names in progress(list(conditions.items()), "changes", unit="columns"):
        runs = {name: read_predictions(inputs, corpus, name, dimension).get(model, {}) for name in (CLEAN, *names)}
        _refuse_missing(runs, model, seeds, corpus)
        resampled = _resample(runs, seeds, read_speakers(inputs, corpus), corpus, evaluation)
        found |= {(name, corpus, dimension): one for name, one in zip(names, resampled, strict=True)}
    return found


def _refuse_missing(
    runs: Mapping[str, Mapping[int, RunPredictions]], model: str, seeds: Sequence[int], corpus: str
) -> None:
    offenders = [
        f"seed {seed} on {corpus}: '{name}'" for name, by_seed in runs.items() for seed in seeds if seed not in by_seed
    ]
    if offenders:
        remedy = "pass the predictions that the scores were computed from with --predictions"
        raise UserError(f"predictions of {model} are missing", offenders, remedy)


def _resample(
    runs: Mapping[str, Mapping[int, RunPredictions]],
    seeds: Sequence[int],
    speakers: "pd.Series[str]",
    corpus: str,
    evaluation: Evaluation,
) -> list[Resampled]:
    """The changes of one corpus and dimension by condition; the first of ``runs`` is the clean one."""
    ids = same_utterances([by_seed[seed] for name, by_seed in runs.items() if name != CLEAN for seed in seeds])
    codes = speaker_codes(speakers.reindex(ids).to_numpy(dtype=object))
    over_utterances, over_speakers = [], []
    for seed in seeds:
        selected = [by_seed[seed].select(ids) for by_seed in runs.values()]
        truth, clean = selected[0]
        augmented = np.concatenate([predictions for _, predictions in selected[1:]], axis=1)
        rng, resamples = bootstrap(evaluation, corpus, "all")["rng"], evaluation.bootstrap
        over_utterances.append(paired_difference_resamples(truth, augmented, clean, resamples=resamples, rng=rng)[1:])
        rng = speaker_generator(evaluation, corpus, "all")
        over_speakers.append(paired_resamples(truth, augmented, clean, codes, resamples=resamples, rng=rng))
    means = [np.mean(by_seed, axis=0).T for by_seed in (over_utterances, over_speakers)]
    count = len(np.unique(codes))
    return [Resampled(utterances, people, count) for utterances, people in zip(*means, strict=True)]


def mean_change(
    by_seed: Mapping[Place, Floats], resampled: Mapping[Place, Resampled], confidence: float
) -> dict[str, float | str]:
    """The mean of one or more changes, with both standard errors of the test sets and an interval that has the seeds'.

    The error of each corpus is the larger of those over its utterances and over its speakers (see
    :func:`valence_gap.scores.seed_variance.bootstrap_part`); corpora are independent. The variance between seeds is
    that of the mean change, since one training is tested in all places. The interval is Student's t.

    Args:
        by_seed: changes of the places, (seeds,) each.
        resampled: the same places, resampled.
        confidence: of the interval.

    Returns:
        change, seeds (their number), sd (over the seeds), se_seeds (both NaN for one seed), se_utterances,
        se_speakers (NaN if a corpus has fewer than two speakers), standard_error, degrees_of_freedom, low, high and
        interval_covers.
    """
    values = np.mean(list(by_seed.values()), axis=0)
    parts, utterances, speakers = [], [], []
    for corpus in dict.fromkeys(corpus for _, corpus, _ in by_seed):
        own = [resampled[place] for place in by_seed if place[1] == corpus]
        count = min(one.speaker_count for one in own)
        utterances.append(standard_error(np.sum([one.utterances for one in own], axis=0) / len(by_seed)))
        speakers.append(speaker_error(np.sum([one.speakers for one in own], axis=0) / len(by_seed), count))
        parts.append(bootstrap_part(utterances[-1], speakers[-1], count))
    between = np.array(np.nan)
    if len(values) > 1:
        seeds = pooled([values])
        between = seeds.variance / len(values)
        parts.append(Part(between, seeds.freedom))
    error, freedom = combined(parts)
    change, reach = values.mean(), critical_values(confidence, freedom) * error
    return {
        "change": change,
        "seeds": len(values),
        "sd": float(np.sqrt(between * len(values))),
        "se_seeds": float(np.sqrt(between)),
        "se_utterances": float(np.sqrt(np.sum(np.square(utterances)))),
        "se_speakers": float(np.sqrt(np.sum(np.square(speakers)))),
        "standard_error": float(error),
        "degrees_of_freedom": float(freedom),
        "low": float(np.clip(change - reach, *DIFFERENCES)),
        "high": float(np.clip(change + reach, *DIFFERENCES)),
        "interval_covers": BOTH if len(values) > 1 else UTTERANCES,
    }
