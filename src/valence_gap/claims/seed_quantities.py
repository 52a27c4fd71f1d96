"""Quantities over training runs that differ in their seed (section V-A), from the dev CCC by epoch.

The rows after the first are draws from the distribution that the true value has, given this number of runs: Student's t
for a mean, chi-square for a variance. Three seeds are too few for a bootstrap: its intervals would be far too narrow.
"""

from math import ceil

import numpy as np

from valence_gap.claims.evidence import Cell, MissingEvidenceError
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.scores.metrics import Floats

# A dev CCC at most this far below another is near it. The paper treats such a loss as none (section V-C).
NEAR_TOLERANCE = 0.02
# The last part of a run, which shows where it converged to.
FINAL_PART = 0.25
# Epochs are whole numbers: seeds that agree to the epoch may still differ by about this much.
MIN_EPOCH_ERROR = 0.5
# The sum of squared autocorrelations of differences of white noise: 1 + 2 * (1/2)^2. See fluctuation_over_epochs.
DIFFERENCE_INFLATION = 1.5


def epochs_to_converge(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Epochs until the dev CCC first comes near the level that the run converges to, the mean over the seeds.

    The level is the mean of the last quarter of a run's own epochs, not its best epoch: by chance alone, the best comes
    later if a recipe has more epochs. A level that several models share would favour the better model, which passes it
    early however long it takes to converge.

    Raises:
        MissingEvidenceError: also if a run still improves in its last quarter, because it has not converged.
    """
    epochs = np.array([_convergence(curve, cell.model) for curve in _several_seeds(resolved, cell.model)])
    draws = resolved.evidence.generator("seeds", cell.model).standard_t(len(epochs) - 1, resolved.evidence.resamples)
    error = max(epochs.std(ddof=1), MIN_EPOCH_ERROR) / np.sqrt(len(epochs))
    rows: Floats = epochs.mean() + error * np.concatenate([[0.0], draws])
    return rows


def _convergence(curve: Floats, model: str) -> float:
    """Number of epochs after which a run is near its final level."""
    before, final = np.split(curve, [len(curve) - ceil(FINAL_PART * len(curve))])
    if np.isnan(before).all() or np.isnan(final).all():
        raise MissingEvidenceError(f"a run of {model} has too few epochs to show that it converged")
    if np.nanmax(final) > np.nanmax(before) + NEAR_TOLERANCE:
        raise MissingEvidenceError(f"a run of {model} has not converged: it improves in the last quarter of its epochs")
    return float(np.argmax(curve >= np.nanmean(final) - NEAR_TOLERANCE) + 1)


def spread_over_seeds(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Standard deviation of the dev CCC over the seeds, root mean square over all epochs of the runs.

    The errors of a run's epochs are correlated, so each run counts as one observation (degrees of freedom: seeds minus
    one). So the difference of two models has the same sign as the F interval of the ratio of their variances shows.
    """
    curves = _aligned(resolved, cell.model)
    return _drawn(resolved, cell, float(curves.var(axis=0, ddof=1).mean()), len(curves) - 1)


def fluctuation_over_epochs(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Standard deviation of the fluctuation of the dev CCC from epoch to epoch, over all epochs of the runs.

    The change from one epoch to the next has a part that all seeds share, which is the learning curve. What remains
    after it is subtracted is fluctuation: half the variance over the seeds of these changes. A constant difference
    between two runs is none. Changes that follow each other share an epoch, so their errors are correlated; with this,
    Satterthwaite's formula gives the degrees of freedom.
    """
    curves = _aligned(resolved, cell.model)
    if curves.shape[1] < 2:
        raise MissingEvidenceError(f"{cell.model} was trained for one epoch")
    variances = np.diff(curves, axis=1).var(axis=0, ddof=1) / 2
    freedom, squares = len(curves) - 1, float((variances**2).sum())
    effective = freedom * float(variances.sum()) ** 2 / (DIFFERENCE_INFLATION * squares) if squares else 0.0
    return _drawn(resolved, cell, float(variances.mean()), max(freedom, effective))


def _drawn(resolved: ResolvedStatement, cell: Cell, variance: float, freedom: float) -> Floats:
    """A standard deviation, and draws of the true one given this variance: (1 + resamples,)."""
    generator = resolved.evidence.generator(resolved.statement.quantity, cell.model)
    draws = generator.chisquare(freedom, resolved.evidence.resamples)
    rows: Floats = np.sqrt(variance) * np.concatenate([[1.0], np.sqrt(freedom / draws)])
    return rows


def _aligned(resolved: ResolvedStatement, model: str) -> Floats:
    """Dev CCC of each run, (seeds, epochs), over the epochs that all runs of this model have."""
    curves = _several_seeds(resolved, model)
    shortest = min(len(curve) for curve in curves)
    return np.stack([curve[:shortest] for curve in curves])


def _several_seeds(resolved: ResolvedStatement, model: str) -> list[Floats]:
    curves = resolved.evidence.dev_curves(model)
    if len(curves) < 2:
        raise MissingEvidenceError(f"{model} was trained with one seed")
    if any(np.isnan(curve).all() for curve in curves):
        raise MissingEvidenceError(f"a run of {model} has no dev CCC")
    lowest = min(float(np.nanmax(curve)) for curve in curves)
    if lowest <= NEAR_TOLERANCE:
        raise MissingEvidenceError(f"a run of {model} has not learnt anything: its best dev CCC is {lowest:.3f}")
    return curves
