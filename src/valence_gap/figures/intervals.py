"""Means over training seeds with intervals of both parts: the utterances (or speakers) tested, and the seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from valence_gap.scores.seed_variance import (
    BOTH,
    CCCS,
    ERRORS,
    SPEAKERS,
    UTTERANCES,
    intervals_of_means,
    pooled_seed_variance,
)

KEYS = ("corpus", "dimension", "model")


def mean_over_seeds(
    table: pd.DataFrame,
    kinds: Mapping[str, str],
    confidence: float,
    *,
    keys: Sequence[str] = KEYS,
    condition: str | None = None,
    bounds: tuple[float, float] = CCCS,
) -> pd.DataFrame:
    """Mean over the seeds of each model, with an interval of both parts.

    The variance between seeds is pooled over all models of a kind, so a model with one seed borrows it. The standard
    error is sqrt(se_bootstrap^2 + variance / seeds), where se_bootstrap is the larger of the errors over utterances and
    over speakers (see :func:`valence_gap.scores.seed_variance.bootstrap_part`); the interval is Student's t with the
    degrees of freedom of Welch and Satterthwaite. The bootstrap error of a mean over seeds is taken to be the mean of
    the errors of its seeds, which is an upper bound, reached where the seeds err on the same utterances.

    Args:
        table: one row per seed, with the keys, seed, ccc, se_utterances, se_speakers and speakers.
        kinds: the kind of each model.
        confidence: of the interval.
        keys: columns that identify a row of the figure; ``model`` is one of them.
        bounds: of the values; intervals are cut there.
        condition: the key, beside corpus and dimension, within which variances are pooled.

    Returns:
        The keys; ccc (mean), low and high; seeds (their number), sd (sample standard deviation over the seeds), minimum
        and maximum over the seeds, by_seed (such as '42=0.71 43=0.69'); se_utterances, se_speakers, se_seeds,
        standard_error, degrees_of_freedom; interval_covers (the parts), and borrowed_from (models whose variance is
        used for a model with one seed). In order of first occurrence.
    """
    groups = table.assign(
        by_seed=table["seed"].astype(str) + "=" + table["ccc"].map(lambda value: f"{value:.9g}")
    ).groupby(list(keys), sort=False)
    spread = groups["ccc"].agg(seeds="size", sd="std", minimum="min", maximum="max")
    texts = groups["by_seed"].agg(" ".join)
    found = groups[["ccc", *ERRORS, SPEAKERS]].mean().join(spread).join(texts).reset_index()
    found = found.merge(_seed_part(table, found, kinds, condition), left_index=True, right_index=True)
    between, between_freedom = (found[name].to_numpy(dtype=np.float64) for name in ("se_seeds", "freedom"))
    error, freedom, half = intervals_of_means(found, between**2, between_freedom, confidence)
    found = found.assign(standard_error=error, degrees_of_freedom=freedom)
    found["low"], found["high"] = (found["ccc"] - half).clip(*bounds), (found["ccc"] + half).clip(*bounds)
    found["interval_covers"] = np.where(np.isfinite(between), BOTH, UTTERANCES)
    last = ["seeds", "sd", "minimum", "maximum", "by_seed", *ERRORS, "se_seeds", "standard_error", "degrees_of_freedom"]
    return found[[*keys, "ccc", "low", "high", *last, "interval_covers", "borrowed_from"]]


def seed_values(by_seed: str) -> list[float]:
    """The values of the single seeds: '42=0.71 43=0.69' gives 0.71 and 0.69."""
    return [float(part.partition("=")[2]) for part in by_seed.split()]


def _seed_part(
    table: pd.DataFrame, found: pd.DataFrame, kinds: Mapping[str, str], condition: str | None
) -> pd.DataFrame:
    """se_seeds, freedom and borrowed_from of each row of ``found``."""
    pooled = pooled_seed_variance(_cells(table, kinds, condition).assign(seed=table["seed"], ccc=table["ccc"]))
    cells = _cells(found, kinds, condition)
    merged = cells.merge(pooled, how="left", on=[name for name in cells if name != "model"])
    lenders = [models.split() if isinstance(models, str) else [] for models in merged["models"]]
    borrowed = [
        "" if model in names else ", ".join(names) for model, names in zip(merged["model"], lenders, strict=True)
    ]
    error = np.sqrt(merged["variance"].to_numpy(dtype=np.float64) / found["seeds"].to_numpy(dtype=np.float64))
    return pd.DataFrame(
        {"se_seeds": error, "freedom": merged["degrees_of_freedom"].to_numpy(), "borrowed_from": borrowed},
        index=found.index,
    )


def _cells(table: pd.DataFrame, kinds: Mapping[str, str], condition: str | None) -> pd.DataFrame:
    """kind, corpus, condition, dimension and model of each row."""
    empty = pd.Series("", index=table.index)
    return pd.DataFrame(
        {
            "kind": table["model"].map(kinds),
            "corpus": table["corpus"],
            "condition": table[condition].astype(str) if condition else empty,
            "dimension": table.get("dimension", empty),
            "model": table["model"],
        }
    )
