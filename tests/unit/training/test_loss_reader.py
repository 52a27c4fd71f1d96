"""Losses are counted once each, one step late on a GPU, and one that is not finite names its own step."""

import numpy as np
import pytest
import torch

from valence_gap.runtime.errors import UserError
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.examples import Examples, PooledInputs
from valence_gap.training.loss_reader import LossReader

ROWS = [np.array([0, 1]), np.array([2, 3, 4]), np.array([5])]
LOSSES = [0.5, 0.25, 1.0]
WHOLE = 0.5 * 2 + 0.25 * 3 + 1.0


def examples() -> Examples:
    inputs = PooledInputs(list("abcdef"), torch.zeros(6, 2))
    return Examples(inputs, np.zeros((6, 3), dtype=np.float32), np.ones(6))


def seen(late: bool, losses: list[float]) -> tuple[TrainerState, LossReader, list[float]]:
    journal = TrainerState(epoch=2)
    reader, sums = LossReader(journal, examples(), late=late), []
    for loss, rows in zip(losses, ROWS, strict=True):
        reader.add(torch.tensor(loss, dtype=torch.float64), rows)
        journal.step += 1
        sums.append(journal.loss_sum)
    return journal, reader, sums


def test_on_a_cpu_each_loss_is_read_at_once() -> None:
    journal, reader, sums = seen(False, LOSSES)
    assert sums == [1.0, 1.75, WHOLE]
    assert reader.last == 1.0
    reader.finish()
    assert journal.loss_sum == WHOLE


def test_on_a_gpu_each_loss_is_read_one_step_late_and_the_last_one_at_the_end() -> None:
    journal, reader, sums = seen(True, LOSSES)
    assert sums == [0.0, 1.0, 1.75]
    assert reader.last == 0.25
    reader.finish()
    assert journal.loss_sum == WHOLE
    reader.finish()
    assert journal.loss_sum == WHOLE


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_loss_that_is_not_finite_names_its_step_and_its_utterances(late: bool, wrong: int) -> None:
    losses = [float("nan") if number == wrong else loss for number, loss in enumerate(LOSSES)]
    with pytest.raises(UserError, match=f"epoch 2, step {wrong + 1}$|epoch 2, step {wrong + 1}\n") as raised:
        seen(late, losses)[1].finish()
    assert raised.value.what.endswith(f"epoch 2, step {wrong + 1}")
    assert raised.value.offenders == tuple("abcdef"[row] for row in ROWS[wrong])
