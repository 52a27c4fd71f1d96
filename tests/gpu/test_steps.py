"""The host does not wait for the GPU within a training step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from cases import Case

from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.learners import Learner, build_learner
from valence_gap.training.optimizers import build_optimizer
from valence_gap.training.train import training_steps


@contextmanager
def no_waiting() -> Iterator[None]:
    """Within this context, an operation that waits for the GPU is an error, in every thread."""
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def learner_of(case: Case, gpu: torch.device, **recipe: object) -> tuple[Learner, torch.optim.Optimizer]:
    definition = case.with_recipe(**recipe)
    given = case.arguments(Path())
    splits = given["train_split"], given["dev_split"], given["train_utterances"]
    learner = build_learner(definition, case.build().to(gpu), *splits, gpu)
    return learner, build_optimizer(
        definition.recipe, [each for each in learner.module.parameters() if each.requires_grad]
    )


@pytest.mark.parametrize(
    ("kind", "micro_batch_size"), [("stored", None), ("stored", 3), ("cnn14 max", None), ("cnn14 average", None)]
)
@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_a_step_does_not_wait_for_the_gpu(
    gpu: torch.device, case_of: Callable[[str], Case], precision: str, kind: str, micro_batch_size: int | None
) -> None:
    case = case_of(kind)
    recipe = {"precision": precision, "micro_batch_size": micro_batch_size, "epochs": 2}
    learner, optimizer = learner_of(case, gpu, **recipe)
    definition = case.with_recipe(**recipe)
    journal = TrainerState()
    for _ in training_steps(definition, learner, optimizer, journal, gpu):  # the first kernels are loaded, which waits
        pass
    journal.epoch, journal.step, journal.loss_sum = 2, 0, 0.0
    with no_waiting():
        for _ in training_steps(definition, learner, optimizer, journal, gpu):
            pass
    assert journal.step > 1
    assert 0 < journal.loss_sum < 2 * len(learner.train.inputs)
