"""The variance between training seeds, pooled over models of a kind, and standard errors that contain it.

A model that is trained again with another seed gets other scores. A test set says nothing about this, so intervals over
utterances alone are too narrow for a statement about models. Three seeds of one model tell a variance with two degrees
of freedom only; pooled over models of a kind, which are trained alike, there are more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from valence_gap.scores.metrics import Floats

PLACE = ["corpus", "condition", "dimension"]
SPREAD = ["seeds", "mean", "sd", "minimum", "maximum"]
ERRORS = ["se_utterances", "se_speakers"]
SPEAKERS = "speakers"
"""Column of the number of speakers in the test set."""
CCCS, DIFFERENCES = (-1.0, 1.0), (-2.0, 2.0)
"""Bounds of CCCs and of differences of two."""
BOTH, UTTERANCES = "utterances and seeds", "utterances only"
"""What an interval covers."""
INTERVAL = [
    "se_utterances",
    "se_speakers",
    "se_bootstrap",
    "se_seeds",
    "standard_error",
    "degrees_of_freedom",
    "low",
    "high",
]


@dataclass(frozen=True)
class Part:
    """A part of a variance.

    Attributes:
        variance: in squared units of the score, (cases,).
        freedom: its degrees of freedom, a number or (cases,); infinite for a variance that is known.
    """

    variance: Floats
    freedom: Floats | float


def bootstrap_part(utterances: Floats, speakers: Floats, count: Floats | float, growth: float = 1.0) -> Part:
    """The part of the test set: the larger of the errors over utterances and over speakers.

    A variance over few speakers is known with few degrees of freedom only: one less than there are speakers. The
    variance over utterances counts as known.

    Args:
        utterances: standard error of the bootstrap over utterances, (cases,).
        speakers: the same over speakers, see :func:`speaker_error`; NaN where there are none, (cases,).
        count: number of speakers.
        growth: how many times the utterances and speakers there are.
    """
    degrees = np.maximum(np.asarray(count, dtype=np.float64) - 1, 1)
    freedom = np.where(np.nan_to_num(speakers) > utterances, degrees, np.inf)
    return Part(np.fmax(utterances, speakers) ** 2 / growth, freedom)


def pooled(samples: Sequence[Floats]) -> Part:
    """The variance of one training, pooled over several models: squared deviations from each model's own mean.

    Args:
        samples: for each model, values by seed, (seeds, cases).

    Returns:
        The variance, (cases,), and the sum of the seeds less one each as its degrees of freedom.

    Raises:
        ValueError: if no model has two seeds.
    """
    freedom = sum(len(values) - 1 for values in samples)
    if freedom < 1:
        raise ValueError("a variance between seeds needs a model with two of them")
    return Part(sum(((values - values.mean(axis=0)) ** 2).sum(axis=0) for values in samples) / freedom, float(freedom))


def combined(parts: Sequence[Part]) -> tuple[Floats, Floats]:
    """The standard error of a sum of independent parts, and its degrees of freedom by Welch and Satterthwaite.

    Returns:
        (cases,) each; infinitely many degrees where no part has a variance.
    """
    total: Floats = np.sum([part.variance for part in parts], axis=0)
    terms: Floats = np.sum([part.variance**2 / part.freedom for part in parts], axis=0)
    freedom = np.divide(total**2, terms, out=np.full_like(total, np.inf), where=terms > 0)
    return np.sqrt(total), freedom


def critical_values(confidence: float, freedom: Floats) -> Floats:
    """How many standard errors an interval reaches to each side (Student's t), (cases,)."""
    from scipy.special import ndtri, stdtrit  # slow to import

    share = 0.5 + confidence / 2
    finite = np.isfinite(freedom)
    found: Floats = np.where(finite, stdtrit(np.where(finite, freedom, 1.0), share), ndtri(share))
    return found


def intervals_of_means(
    means: pd.DataFrame, seeds: Floats, seed_freedom: Floats, confidence: float
) -> tuple[Floats, Floats, Floats]:
    """The error of means over seeds from both parts, and the interval: Student's t.

    Args:
        means: se_utterances, se_speakers (NaN: no speakers) and speakers (their number) of each mean.
        seeds: the variance between seeds of each mean, (cases,); NaN: unknown, so that it is left out.
        seed_freedom: its degrees of freedom, (cases,); NaN where it is unknown.
        confidence: of the intervals.

    Returns:
        The standard errors, their degrees of freedom and the half widths, (cases,) each.
    """
    utterances, speakers, count = (means[name].to_numpy(dtype=np.float64) for name in [*ERRORS, SPEAKERS])
    between = Part(np.nan_to_num(seeds), np.nan_to_num(seed_freedom, nan=1.0))
    error, freedom = combined([bootstrap_part(utterances, speakers, count), between])
    return error, freedom, critical_values(confidence, freedom) * error


def pooled_seed_variance(scores: pd.DataFrame) -> pd.DataFrame:
    """The variance of the CCC between training seeds, pooled over the models of each kind.

    Args:
        scores: kind, model, seed, corpus, condition, dimension and ccc; one row for each training and place.

    Returns:
        kind, corpus, condition, dimension, variance (of one training), degrees_of_freedom, and models: the names of
        those with two seeds or more, joined by spaces. Kinds without such a model have no row.
    """
    groups = scores.groupby(["kind", *PLACE, "model"], sort=False)["ccc"]
    found = groups.agg(["size", "var"]).reset_index()
    found = found[found["size"] > 1]
    found = found.assign(freedom=found["size"] - 1, squares=found["var"] * (found["size"] - 1))
    places = found.groupby(["kind", *PLACE], sort=False)
    table = places.agg(squares=("squares", "sum"), degrees_of_freedom=("freedom", "sum"), models=("model", " ".join))
    table = table.assign(variance=table["squares"] / table["degrees_of_freedom"]).reset_index()
    return table[["kind", *PLACE, "variance", "degrees_of_freedom", "models"]]


def means_with_errors(scores: pd.DataFrame, kinds: Mapping[str, str], confidence: float) -> pd.DataFrame:
    """The mean over the seeds of each model and place, with the error of the test set and of the seeds.

    The bootstrap part is the larger of both bootstraps, over utterances and over speakers. Runs of one model err on
    the same utterances, so the standard error of their mean is taken to be the mean of theirs; it is no larger.

    Args:
        scores: model, seed, corpus, condition, dimension, ccc, se_utterances, se_speakers (NaN: no speakers) and
            speakers (their number).
        kinds: the kind of each model; one that is not named is a kind of its own.
        confidence: of the intervals.

    Returns:
        The model and the place, seeds, mean, sd, minimum, maximum, se_utterances, se_speakers, se_bootstrap, se_seeds
        (NaN where no model of the kind has two seeds), standard_error, degrees_of_freedom, low, high, borrowed_from.
    """
    names = scores["model"].map(lambda name: kinds.get(name, name))
    scores = scores.assign(kind=names)
    groups = scores.groupby(["model", *PLACE], sort=False)
    means = groups.agg(
        kind=("kind", "first"),
        mean=("ccc", "mean"),
        seeds=("ccc", "size"),
        sd=("ccc", "std"),
        minimum=("ccc", "min"),
        maximum=("ccc", "max"),
        se_utterances=("se_utterances", "mean"),
        se_speakers=("se_speakers", "mean"),
        speakers=("speakers", "first"),
    ).reset_index()
    pool = pooled_seed_variance(scores).rename(columns={"models": "borrowed_from"})
    found = means.merge(pool, how="left", on=["kind", *PLACE])
    return _with_intervals(found, confidence)


def _with_intervals(found: pd.DataFrame, confidence: float) -> pd.DataFrame:
    seeds = (found["variance"] / found["seeds"]).to_numpy(dtype=np.float64)
    seed_freedom = found["degrees_of_freedom"].to_numpy(dtype=np.float64)
    error, degrees, reach = intervals_of_means(found, seeds, seed_freedom, confidence)
    found = found.assign(
        se_bootstrap=found[ERRORS].max(axis=1),
        se_seeds=np.sqrt(seeds),
        standard_error=error,
        degrees_of_freedom=np.where(np.isfinite(degrees), degrees, np.nan),
        low=found["mean"] - reach,
        high=found["mean"] + reach,
        borrowed_from=found["borrowed_from"].fillna(""),
    )
    return found[["model", *PLACE, *SPREAD, *INTERVAL, "borrowed_from"]]
