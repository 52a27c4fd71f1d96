"""The optimiser of a training, and its learning rate."""

import torch
from torch import nn

from valence_gap.definitions.models import Recipe
from valence_gap.training.schedules import warm_up_cosine

WARM_UP = 0.05  # share of all steps, if the schedule is a cosine


def build_optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Build the optimiser of the recipe; the training loop sets its learning rate before each step."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
    return torch.optim.AdamW(
        parameters,
        lr=recipe.learning_rate,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=recipe.weight_decay,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, step: int, *, steps: int) -> None:
    """Set the learning rate of a step according to the recipe's schedule.

    Args:
        optimizer: the optimiser.
        recipe: the recipe.
        step: number of finished steps, from 0.
        steps: number of steps of the whole training.
    """
    cosine = recipe.schedule == "cosine"
    share = warm_up_cosine(step, warm_up=round(WARM_UP * steps), steps=steps) if cosine else 1.0
    for group in optimizer.param_groups:
        group["lr"] = recipe.learning_rate * share
