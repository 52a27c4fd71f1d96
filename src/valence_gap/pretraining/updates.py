"""The updates of a pre-training: warm-up and cosine decay, and a limit for the norm of the gradients."""

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import nn

from valence_gap.definitions.miniature import Pretraining
from valence_gap.definitions.text import Recogniser, TextEncoder
from valence_gap.training.schedules import warm_up_cosine

MAX_NORM = 1.0


def adamw(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Optimizer:
    """AdamW with the settings of all pre-training here."""
    return torch.optim.AdamW(parameters, learning_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)


class Updates:
    """Updates of a model.

    Args:
        optimizers: each has its own learning rate.
        parameters: the weights whose gradients are limited together.
        definition: the number of steps, and those of the warm-up.
        first: number of finished steps, of a resumed training.
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        parameters: Sequence[nn.Parameter],
        definition: Pretraining | Recogniser | TextEncoder,
        *,
        first: int = 0,
    ) -> None:
        share = partial(warm_up_cosine, warm_up=definition.warm_up, steps=definition.steps)
        self._parameters = parameters
        self._optimizers = optimizers
        for group in (group for each in optimizers for group in each.param_groups):
            group.setdefault("initial_lr", group["lr"])
        self._schedules = [torch.optim.lr_scheduler.LambdaLR(each, share, last_epoch=first - 1) for each in optimizers]

    def step(self, loss: torch.Tensor) -> None:
        """Update the weights by the gradients of a loss."""
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, MAX_NORM)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
