"""Several evaluations of the dev set in an epoch (``evaluate_every``)."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from training_data import STEPS, TRAINING, TrainingData, make, with_recipe

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.models import loading
from valence_gap.prediction.inference import predict
from valence_gap.prediction.inputs import open_inputs
from valence_gap.runtime import precision
from valence_gap.scores.metrics import cccs
from valence_gap.scores.training_logs import read_epochs
from valence_gap.training import train
from valence_gap.training.checkpoints import TrainingInterrupted

EVERY = 4  # of 6 steps per epoch, so one evaluation is at the end of an epoch and the others are not
EVALUATED = with_recipe(evaluate_every=EVERY)
DEV = [f"dev_{name}" for name in DIMENSIONS]


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu() -> Iterator[None]:
    """The same bits are guaranteed only on a CPU."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(precision, "device", lambda: torch.device("cpu"))
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def reference(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training without interruption."""
    return trained(data, tmp_path_factory.mktemp("reference"), EVALUATED)


def trained(data: TrainingData, folder: Path, training: Training) -> Path:
    train.train(training, **data.arguments(folder))
    return folder / "output"


def log(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / "training.csv")


def run(output: Path) -> dict[str, Any]:
    return json.loads((output / "run.json").read_text())


def test_the_log_has_a_row_for_each_evaluation_and_each_end_of_an_epoch(reference: Path) -> None:
    rows = log(reference)
    assert rows.columns.tolist() == ["epoch", "step", "epoch_end", "loss", *DEV, "dev_mean", "best"]
    assert rows["step"].tolist() == [4, 6, 8, 12, 16, 18]
    assert rows["epoch"].tolist() == [1, 1, 2, 2, 3, 3]
    assert rows["epoch_end"].tolist() == [False, True] * 3
    assert rows.loc[rows["best"], "dev_mean"].tolist() == [rows["dev_mean"].max()]
    best = rows[rows["best"]].iloc[0]
    record = run(reference)
    assert (record["best_epoch"], record["best_step"]) == (best["epoch"], best["step"])
    assert (record["epochs"], record["evaluations"]) == (3, 6)


def test_further_evaluations_do_not_change_the_training(data: TrainingData, reference: Path, tmp_path: Path) -> None:
    once = log(trained(data, tmp_path, TRAINING))
    assert not {"step", "epoch_end"} & set(once)
    assert "best_step" not in run(tmp_path / "output")
    ends = read_epochs(reference / "training.csv")
    assert list(ends) == list(once)
    pd.testing.assert_frame_equal(ends.drop(columns="best"), once.drop(columns="best"))


@pytest.mark.parametrize("frozen", [False, True])
def test_the_best_of_all_evaluations_is_kept(data: TrainingData, tmp_path: Path, frozen: bool) -> None:
    recipe = with_recipe(evaluate_every=1, learning_rate=0.03 if frozen else 0.01).recipe
    output = trained(data, tmp_path, replace(TRAINING, recipe=recipe, frozen=frozen))
    rows = log(output)
    assert rows["step"].tolist() == list(range(1, 3 * STEPS + 1))
    best = rows[rows["best"]]
    assert best["epoch_end"].tolist() == [False]  # otherwise this test could not fail
    predictions, _ = predict(loading.load(output), open_inputs("stem", features=data.dev.features), precision="fp32")
    truth = pd.read_parquet(data.dev.labels)[list(DIMENSIONS)].to_numpy(np.float32)
    np.testing.assert_allclose(cccs(truth.T, predictions.T), best[DEV].to_numpy()[0], atol=1e-5)


@pytest.mark.parametrize(("every", "steps", "epochs"), [(2, [2, 4, 6], 1), (1, [1, 2, 3], 1), (5, [5, 6, 10], 2)])
def test_patience_counts_evaluations(
    data: TrainingData, tmp_path: Path, every: int, steps: list[int], epochs: int
) -> None:
    training = with_recipe(learning_rate=1e-30, evaluate_every=every, patience=2)
    output = trained(data, tmp_path, training)
    assert log(output)["step"].tolist() == steps
    assert log(output)["best"].tolist() == [True, False, False]
    assert run(output)["epochs"] == epochs


class Killed(BaseException):
    """The end of a process: nothing of the training runs after it."""


def kill() -> None:
    raise Killed


def stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def at_call(number: int, act: Callable[[], None], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with ``act`` called before its call with this ``number``."""
    calls: list[None] = []

    def acting(*arguments: Any) -> Any:
        calls.append(None)
        if len(calls) == number:
            act()
        return function(*arguments)

    return acting


interruptions = st.lists(
    st.tuples(
        st.sampled_from([kill, stop]),
        st.sampled_from([("backward", 3 * STEPS), ("cccs", 6)]).flatmap(
            lambda place: st.tuples(st.just(place[0]), st.integers(1, place[1]))
        ),
    ),
    min_size=1,
    max_size=3,
)


@given(interruptions)
@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # trainings are slow
def test_a_training_that_is_killed_or_stopped_anywhere_resumes_to_the_same_bits(
    data: TrainingData,
    reference: Path,
    tmp_path_factory: pytest.TempPathFactory,
    planned: list[tuple[Callable[[], None], tuple[str, int]]],
) -> None:
    """At a step, or in an evaluation (which computes CCCs), of what the interruptions before have left to do."""
    folder = tmp_path_factory.mktemp("killed")
    for act, (name, number) in planned:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(train, name, at_call(number, act, getattr(train, name)))
            try:
                train.train(EVALUATED, **data.arguments(folder))
                break  # it was finished before the interruption
            except (Killed, TrainingInterrupted):
                assert not (folder / "output").exists()
    else:
        train.train(EVALUATED, **data.arguments(folder))
    assert (folder / "output/model.safetensors").read_bytes() == (reference / "model.safetensors").read_bytes()
    assert log(folder / "output").equals(log(reference))


@pytest.mark.parametrize(("name", "number", "left"), [("backward", 9, 9), ("cccs", 3, 10), ("cccs", 5, 2)])
def test_a_signal_between_evaluations_loses_no_step(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int, left: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(train, name, at_call(number, stop, getattr(train, name)))
        with pytest.raises(TrainingInterrupted):
            train.train(EVALUATED, **data.arguments(tmp_path))
    steps: list[None] = []
    backward = train.backward
    monkeypatch.setattr(train, "backward", lambda *given: steps.append(None) or backward(*given))
    train.train(EVALUATED, **data.arguments(tmp_path))
    assert len(steps) == left
