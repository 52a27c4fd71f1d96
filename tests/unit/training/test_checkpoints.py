import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from valence_gap.training import checkpoints
from valence_gap.training.checkpoints import LogRow, StopSignals, TrainerState, TrainingInterrupted

OPTIMIZERS = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, fused=True),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, fused=True),
}


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def step(module: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
    inputs = torch.randn(16, 4, generator=torch.Generator().manual_seed(seed))
    module(inputs).square().mean().backward()
    optimizer.step()
    optimizer.zero_grad()


def row(epoch: int, dev_mean: float) -> LogRow:
    place = {"epoch": epoch, "step": 6 * epoch, "epoch_end": True, "loss": 0.1}
    return LogRow(**place, dev_arousal=0.1, dev_dominance=0.2, dev_valence=0.3, dev_mean=dev_mean)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_moments_have_the_strides_of_their_weights(name: str, tmp_path: Path) -> None:
    """As in CNN14, whose channels come last: a fused optimiser would add the moments of other weights."""

    def layer() -> nn.Module:
        torch.manual_seed(0)
        return nn.Conv2d(4, 8, 3).to(memory_format=torch.channels_last)

    def update(module: nn.Module, optimizer: torch.optim.Optimizer, seed: int) -> None:
        images = torch.randn(2, 4, 5, 5, generator=torch.Generator().manual_seed(seed))
        module(images).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()

    module, other = layer(), layer()
    optimizer, restored = (OPTIMIZERS[name](each.parameters()) for each in (module, other))
    update(module, optimizer, 1)
    checkpoints.save(tmp_path, "key", TrainerState(), module, optimizer, {})
    assert checkpoints.load(tmp_path, ["key"], other, restored, TrainerState) is not None
    for seed in (2, 3):
        update(module, optimizer, seed)
        update(other, restored, seed)
    assert all(torch.equal(a, b) for a, b in zip(module.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_training_continues_with_the_same_bits(name: str, tmp_path: Path) -> None:
    module = network()
    optimizer = OPTIMIZERS[name](module.parameters())
    step(module, optimizer, 1)
    best = checkpoints.copy_weights(module)
    step(module, optimizer, 2)
    journal = TrainerState(epoch=3, step=2, loss_sum=0.1 + 0.2, rows=[row(1, 0.1), row(2, 0.3)])
    checkpoints.save(tmp_path, "key", journal, module, optimizer, best)

    other = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    other_optimizer = OPTIMIZERS[name](other.parameters())
    restored = checkpoints.load(tmp_path, ["key"], other, other_optimizer, TrainerState)
    assert restored is not None
    assert restored[0] == replace(journal, resumes=1)
    assert restored[1].keys() == best.keys() == module.state_dict().keys()
    assert all(torch.equal(restored[1][key], best[key]) for key in best)
    for seed in (3, 4):
        step(module, optimizer, seed)
        step(other, other_optimizer, seed)
    assert all(
        torch.equal(a, b) for a, b in zip(module.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_a_state_before_the_first_step_can_be_restored(tmp_path: Path) -> None:
    module = network()
    optimizer = OPTIMIZERS["adamw"](module.parameters())
    checkpoints.save(tmp_path, "key", TrainerState(), module, optimizer, {})
    assert checkpoints.load(tmp_path, ["key"], module, optimizer, TrainerState) == (TrainerState(resumes=1), {})


@pytest.mark.parametrize("damage", ["other key", "cut short", "no state"])
def test_only_a_complete_state_of_the_same_training_is_resumed(damage: str, tmp_path: Path) -> None:
    module = network()
    optimizer = OPTIMIZERS["adamw"](module.parameters())
    step(module, optimizer, 1)
    checkpoints.save(tmp_path, "key", TrainerState(step=1), module, optimizer, {})
    state = tmp_path / checkpoints.STATE
    if damage == "cut short":
        state.write_bytes(state.read_bytes()[:-100])
    if damage == "no state":
        state.unlink()
    fresh = network()
    before = checkpoints.copy_weights(fresh)
    key = "another" if damage == "other key" else "key"
    assert checkpoints.load(tmp_path, [key], fresh, OPTIMIZERS["adamw"](fresh.parameters()), TrainerState) is None
    assert all(torch.equal(before[name], tensor) for name, tensor in fresh.state_dict().items())


def test_the_key_distinguishes_definitions_and_data() -> None:
    keys = {
        checkpoints.state_key({"seed": 1}, {"labels": "a"}),
        checkpoints.state_key({"seed": 2}, {"labels": "a"}),
        checkpoints.state_key({"seed": 1}, {"labels": "b"}),
        checkpoints.state_key({"seed": 1}, {"other": "a"}),
    }
    assert len(keys) == 4
    formats = {checkpoints.state_key({"seed": 1}, {"labels": "a"}, products) for products in ("bfloat16", "float32")}
    assert len(keys | formats) == 6
    assert checkpoints.state_key({"a": 1, "b": 2}, {}) == checkpoints.state_key({"b": 2, "a": 1}, {})


def test_the_first_of_several_best_evaluations_is_the_best() -> None:
    assert TrainerState().best == -1
    assert TrainerState(rows=[row(1, -0.2), row(2, 0.4), row(3, 0.4)]).best == 1


def test_removing_a_state_keeps_other_files(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / checkpoints.STATE).touch()
    (scratch / "other").touch()
    checkpoints.remove(scratch)
    assert [path.name for path in scratch.iterdir()] == ["other"]
    (scratch / "other").unlink()
    checkpoints.remove(scratch)
    assert not scratch.exists()
    checkpoints.remove(scratch)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_raises_at_once_and_waits_if_it_is_deferred(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopSignals(), pytest.raises(TrainingInterrupted, match=number.name):
        os.kill(os.getpid(), number)

    reached = []

    def work(signals: StopSignals) -> None:
        with signals.deferred():
            os.kill(os.getpid(), number)
            reached.append(signals.received)

    with StopSignals() as signals, pytest.raises(TrainingInterrupted, match=number.name):
        work(signals)
    assert reached == [number.name]
    assert signal.getsignal(number) is before
