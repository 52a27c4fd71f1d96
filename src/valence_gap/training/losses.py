"""The training loss of the paper (section III-B): one minus the concordance correlation coefficient."""

import torch


def ccc_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    r"""Compute the mean over the dimensions of :math:`1 - \rho_c` of a whole batch.

    .. math:: \rho_c = \frac{2\,\mathrm{cov}(x, y)}{\mathrm{var}(x) + \mathrm{var}(y) + (\bar x - \bar y)^2}

    with population statistics. Half-precision input is converted to float32, because sums of squares need its digits.

    Args:
        predictions: (batch, dimensions).
        targets: labels, (batch, dimensions).

    Returns:
        The loss, a scalar in 0..2. If all predictions and labels of a dimension have the same value, its CCC is
        undefined (0 / 0). Then its loss is 1 and has no gradient, so that one such batch does not damage a training.

    Examples:
        >>> float(ccc_loss(torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [0.0]])))
        2.0
    """
    if predictions.dtype != torch.float64:
        predictions, targets = predictions.float(), targets.float()
    prediction_mean, target_mean = predictions.mean(dim=0), targets.mean(dim=0)  # (dimensions,)
    x, y = predictions - prediction_mean, targets - target_mean  # (batch, dimensions)
    numerator = 2 * (x * y).mean(dim=0)
    denominator = x.square().mean(dim=0) + y.square().mean(dim=0) + (prediction_mean - target_mean).square()
    ccc = numerator / torch.where(denominator > 0, denominator, 1)  # (dimensions,)
    return (1 - ccc).mean()
