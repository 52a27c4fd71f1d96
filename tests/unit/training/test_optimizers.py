"""Learning rates over the steps of a training."""

import pytest
import torch

from valence_gap.definitions.models import Recipe
from valence_gap.training.optimizers import build_optimizer, set_learning_rate


def rates(recipe: Recipe, steps: int) -> list[float]:
    optimizer = build_optimizer(recipe, [torch.nn.Parameter(torch.zeros(2))])
    found = []
    for step in range(steps):
        set_learning_rate(optimizer, recipe, step, steps=steps)
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_the_learning_rate_of_the_paper_is_constant() -> None:
    assert set(rates(Recipe(learning_rate=1e-4), 50)) == {1e-4}


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_cosine_rises_then_falls(optimizer: str) -> None:
    found = rates(Recipe(optimizer=optimizer, learning_rate=1e-3, schedule="cosine"), 200)  # type: ignore[arg-type]
    assert found[:10] == pytest.approx([1e-4 * i for i in range(1, 11)])
    assert found[10:] == sorted(found[10:], reverse=True)
    assert found[10] == pytest.approx(1e-3)
    assert 0 < found[-1] < 5e-5
