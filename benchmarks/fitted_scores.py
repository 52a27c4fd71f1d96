"""A population of labels and predictions, fitted to a finished run, from which test sets and trainings are drawn.

Of one corpus and dimension, with utterance i of speaker s and training k of model m:

    label       y = mean + u_s + e_i
    prediction  p = a_m + (b_m + d_mk) y + v_ms + r_mi + n_mki

The errors v of speakers and r of utterances are correlated over models, because the same utterances are hard for all.
What a seed changes is the slope (d, one number for each training) and the single predictions (n); their variances are
pooled over models of a kind. All terms are normal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.scores.metrics import Floats

QUADRATURE = 40
# Intercept and slope, and the errors of all utterances.
Regression = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Population:
    """The fitted numbers of one corpus and dimension; the models are in a fixed order.

    Attributes:
        mean: of the labels.
        label_sd: standard deviations of the labels between speakers and within them.
        intercepts: (models,).
        slopes: (models,).
        between: covariance of the models' errors between speakers, (models, models).
        within: the same of utterances, (models, models).
        slope_sd: of a training, between seeds, (models,).
        noise_sd: of a prediction, between seeds, (models,).
    """

    mean: float
    label_sd: tuple[float, float]
    intercepts: Floats
    slopes: Floats
    between: Floats
    within: Floats
    slope_sd: Floats
    noise_sd: Floats

    def true_cccs(self) -> Floats:
        """CCC on infinitely many speakers, the mean over infinitely many seeds, (models,)."""
        points, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
        slopes = self.slopes + points[:, None] * self.slope_sd  # (points, models)
        variance = self.label_sd[0] ** 2 + self.label_sd[1] ** 2
        spread = slopes**2 * variance + np.diag(self.between) + np.diag(self.within) + self.noise_sd**2
        bias = self.intercepts + (slopes - 1) * self.mean
        cccs: Floats = weights @ (2 * slopes * variance / (variance + spread + bias**2)) / weights.sum()
        return cccs

    def test_set(self, speaker: npt.NDArray[np.int64], rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw labels, (utterances,), and the errors of all models for them, (utterances, models)."""
        count = int(speaker.max()) + 1
        label = self.mean + self.label_sd[0] * rng.standard_normal(count)[speaker]
        label += self.label_sd[1] * rng.standard_normal(len(speaker))
        models = len(self.slopes)
        errors = rng.multivariate_normal(np.zeros(models), self.between, count, method="eigh")[speaker]
        errors += rng.multivariate_normal(np.zeros(models), self.within, len(speaker), method="eigh")
        return label, errors

    def training(self, model: int, label: Floats, errors: Floats, rng: np.random.Generator) -> Floats:
        """Draw the predictions of one training of a model, (utterances,)."""
        slope = self.slopes[model] + self.slope_sd[model] * rng.standard_normal()
        noise = self.noise_sd[model] * rng.standard_normal(len(label))
        predictions: Floats = self.intercepts[model] + slope * label + errors[:, model] + noise
        return predictions


def fit(
    labels: Floats, speaker: npt.NDArray[np.int64], runs: Mapping[str, Sequence[Floats]], kinds: Mapping[str, str]
) -> Population:
    """Fit a population to the predictions of a finished run.

    Args:
        labels: (utterances,).
        speaker: numbers from 0, (utterances,).
        runs: for each model the predictions of each seed, (utterances,) each.
        kinds: the kind of each model; what seeds change is pooled over models of a kind, and the variance of a kind
            without several seeds is that of the fine-tuned models.
    """
    between_labels, within_labels = _components(labels[:, None] - labels.mean(), speaker)
    design = np.stack([np.ones_like(labels), labels], axis=1)

    def regressed(predictions: Floats) -> tuple[Floats, Floats]:
        coefficients = np.linalg.lstsq(design, predictions, rcond=None)[0]
        return coefficients, predictions - design @ coefficients

    means = {model: np.mean(seeds, axis=0) for model, seeds in runs.items()}
    found = [regressed(values) for values in means.values()]
    between, within = _components(np.stack([errors for _, errors in found], axis=1), speaker)
    slope_sd, noise_sd = _between_seeds(runs, kinds, regressed)
    return Population(
        mean=float(labels.mean()),
        label_sd=(float(np.sqrt(between_labels[0, 0])), float(np.sqrt(within_labels[0, 0]))),
        intercepts=np.array([coefficients[0] for coefficients, _ in found]),
        slopes=np.array([coefficients[1] for coefficients, _ in found]),
        between=between,
        within=within,
        slope_sd=slope_sd,
        noise_sd=noise_sd,
    )


def _components(errors: Floats, speaker: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Covariances between and within speakers of errors, (utterances, series); negative parts are set to zero."""
    count, sizes = int(speaker.max()) + 1, np.bincount(speaker)
    means = np.stack([errors[speaker == number].mean(axis=0) for number in range(count)])
    residuals = errors - means[speaker]
    within = residuals.T @ residuals / max(len(errors) - count, 1)
    between = np.atleast_2d(np.cov(means.T)) - within * (1 / sizes).mean()
    values, vectors = np.linalg.eigh(between)
    return vectors * np.clip(values, 0, None) @ vectors.T, within


def _between_seeds(
    runs: Mapping[str, Sequence[Floats]], kinds: Mapping[str, str], regressed: Regression
) -> tuple[Floats, Floats]:
    """Standard deviations of slope and prediction between seeds, (models,) each."""
    squares: dict[str, list[tuple[float, float, int]]] = {}
    for model, seeds in runs.items():
        if len(seeds) < 2:
            continue
        fits = [regressed(values) for values in seeds]
        slopes = np.array([coefficients[1] for coefficients, _ in fits])
        noise = np.stack([errors for _, errors in fits]).var(axis=0, ddof=1).mean()
        squares.setdefault(kinds[model], []).append((slopes.var(ddof=1), float(noise), len(seeds) - 1))
    pooled = {
        kind: np.average([row[:2] for row in rows], axis=0, weights=[row[2] for row in rows])
        for kind, rows in squares.items()
    }
    found = np.sqrt([pooled.get(kinds[model], pooled["fine-tuned"]) for model in runs])
    return found[:, 0], found[:, 1]


def read_run(
    results: Path, corpus: str, models: Mapping[str, Sequence[int]]
) -> tuple[pd.DataFrame, npt.NDArray[np.int64], dict[str, list[pd.DataFrame]]]:
    """Read labels, speakers and clean predictions of a finished study, in one order; a missing run is left out."""
    people = pd.read_parquet(results / f"corpora/{corpus}/utterances.test.parquet").set_index("id")
    labels = pd.read_parquet(results / f"corpora/{corpus}/labels.test.parquet").set_index("id").loc[people.index]
    found: dict[str, list[pd.DataFrame]] = {}
    for model, seeds in models.items():
        paths = [results / f"predictions/{model}/seed-{seed}/{corpus}/clean.parquet" for seed in seeds]
        tables = [pd.read_parquet(path).set_index("id").loc[people.index] for path in paths if path.exists()]
        if tables:
            found[model] = tables
    return labels, np.asarray(pd.factorize(people["speaker"])[0], dtype=np.int64), found
