"""The concordance correlation coefficient (CCC), the one measure of the paper (section III-D)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# A denominator below this share of the second moments is zero except for rounding errors.
RELATIVE_ZERO = 1e-13


def ccc(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> float:
    r"""CCC of one series of predictions.

    .. math:: \rho_c = \frac{2\,\mathrm{cov}(x, y)}{\mathrm{var}(x) + \mathrm{var}(y) + (\bar x - \bar y)^2}

    with population statistics (divided by n).

    Args:
        truth: labels, (samples,).
        prediction: predictions, (samples,).

    Returns:
        The CCC in -1..1. NaN if it is undefined: fewer than two samples, both series constant at one value, or a
        value that is not finite.

    Raises:
        ValueError: if the series are not one-dimensional, or differ in length.

    Examples:
        >>> round(ccc([0, 1, 2], [0, 1, 1]), 6)
        0.666667
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    if truth.ndim != 1:
        raise ValueError(f"ccc takes one series, got shape {truth.shape}")
    return float(cccs(truth, prediction))


def cccs(truth: npt.ArrayLike, prediction: npt.ArrayLike) -> Floats:
    """CCC along the last axis, for many series at once.

    Args:
        truth: labels, (..., samples).
        prediction: predictions, (..., samples).

    Returns:
        The CCCs, (...); NaN if undefined, as in :func:`ccc`.

    Raises:
        ValueError: if the shapes differ.
    """
    x = np.asarray(truth, dtype=np.float64)
    y = np.asarray(prediction, dtype=np.float64)
    if x.shape != y.shape:
        raise ValueError(f"truth {x.shape} and prediction {y.shape} differ in shape")
    if x.shape[-1] < 2:
        return np.full(x.shape[:-1], np.nan)
    # A common shift does not change the CCC; this one makes constant series exactly zero.
    origin = x[..., :1]
    with np.errstate(invalid="ignore"):
        x, y = x - origin, y - origin
        x_mean, y_mean = x.mean(axis=-1), y.mean(axis=-1)
        covariance = ((x - x_mean[..., None]) * (y - y_mean[..., None])).mean(axis=-1)
        return _ratio(2 * covariance, x.var(axis=-1) + y.var(axis=-1) + (x_mean - y_mean) ** 2, np.zeros(()))


def weighted_cccs(truth: npt.ArrayLike, predictions: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """CCC of several predictions for the same labels, under several weightings of the samples.

    A bootstrap resample is such a weighting (how often each sample was drawn). So three matrix products compute a
    thousand resamples, instead of a thousand gathers.

    Args:
        truth: labels, (samples,).
        predictions: predictions of several models or conditions, (samples, series).
        weights: non-negative weights, (weightings, samples).

    Returns:
        The CCCs, (weightings, series); NaN if undefined.
    """
    x = np.asarray(truth, dtype=np.float64)
    y = np.asarray(predictions, dtype=np.float64)
    weights = np.asarray(weights, dtype=np.float64)
    # Sums of squares lose precision far from zero, so the origin is moved to the mean of the labels.
    origin = x.mean() if len(x) else 0.0
    x, y = x - origin, y - origin
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        x_mean, x_square = np.split(weights @ np.stack([x, x * x], axis=1) / total, 2, axis=1)  # (weightings, 1)
        y_mean = weights @ y / total  # (weightings, series)
        y_square = weights @ (y * y) / total
        xy = weights @ (x[:, None] * y) / total
        covariance = xy - x_mean * y_mean
        # var x + var y + (mean x - mean y)^2, with the squared means cancelled by hand
        denominator = x_square + y_square - 2 * x_mean * y_mean
        return _ratio(2 * covariance, denominator, RELATIVE_ZERO * (x_square + y_square))


def _ratio(numerator: Floats, denominator: Floats, zero: Floats) -> Floats:
    undefined = ~(denominator > zero)
    # Rounding can exceed the bounds by an ulp.
    result: Floats = np.where(undefined, np.nan, np.clip(numerator / np.where(undefined, 1.0, denominator), -1.0, 1.0))
    return result
