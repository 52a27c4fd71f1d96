import argparse
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from training_data import CHANNELS, CNN14, RECIPE, STEPS, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.commands import training as command
from valence_gap.commands.options import EXIT_INTERRUPTED
from valence_gap.definitions.models import Training
from valence_gap.definitions.values import DIMENSIONS, to_json
from valence_gap.models import loading
from valence_gap.models.operations import forward_flop
from valence_gap.models.sizes import size_of_source
from valence_gap.prediction.inference import predict
from valence_gap.prediction.inputs import open_inputs
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import cccs
from valence_gap.terminal.jobs import ccc, result_of_training, training_from_log
from valence_gap.training import log_lines, loss_reader, train
from valence_gap.training.checkpoints import STATE, TrainingInterrupted
from valence_gap.training.examples import Batch
from valence_gap.training.learners import TrainingSplit
from valence_gap.training.losses import ccc_loss
from valence_gap.training.seeding import seed_everything


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu() -> Iterator[None]:
    """The same bits are guaranteed only on a CPU."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(precision, "device", lambda: torch.device("cpu"))
        patched.setenv("CUDA_VISIBLE_DEVICES", "")
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def reference(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training without interruption."""
    folder = tmp_path_factory.mktemp("reference")
    train.train(TRAINING, **data.arguments(folder))
    return folder / "output"


def weights(output: Path) -> bytes:
    return (output / "model.safetensors").read_bytes()


def log(output: Path) -> pd.DataFrame:
    return pd.read_csv(output / "training.csv")


def at_call(number: int, act: Callable[[], object]) -> Callable[..., torch.Tensor]:
    """Return ``train.backward`` with ``act`` called before the call with this ``number``."""
    calls, backward = [], train.backward

    def acting(*arguments: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == number:
            act()
        return backward(*arguments)

    return acting


def test_the_best_epoch_is_written_with_its_log(data: TrainingData, reference: Path) -> None:
    rows = log(reference)
    assert rows.columns.tolist() == ["epoch", "loss", *(f"dev_{name}" for name in DIMENSIONS), "dev_mean", "best"]
    assert rows["epoch"].tolist() == [1, 2, 3]
    assert rows["loss"].iloc[-1] < rows["loss"].iloc[0]
    assert rows.loc[rows["best"], "dev_mean"].tolist() == [rows["dev_mean"].max()]
    inputs = open_inputs("stem", features=data.dev.features)
    predictions, _ = predict(loading.load(reference), inputs, precision="fp32")
    truth = pd.read_parquet(data.dev.labels)[list(DIMENSIONS)].to_numpy(np.float32)
    best = rows.loc[rows["best"], [f"dev_{name}" for name in DIMENSIONS]].to_numpy()[0]
    np.testing.assert_allclose(cccs(truth.T, predictions.T), best, atol=1e-5)
    record = json.loads((reference / "run.json").read_text())
    assert record["definition"] == json.loads(to_json(TRAINING))
    assert record["best_epoch"] == rows.loc[rows["best"], "epoch"].item()
    frames = pd.read_parquet(data.train.features / "index.parquet")["frames"].sum()
    assert record["audio_s"] == pytest.approx(3 * frames / 50)
    train_s, dev_s = (
        pd.read_parquet(split.features / "index.parquet")["frames"].to_numpy() / 50 for split in (data.train, data.dev)
    )
    shape = loading.load(reference).shape
    epoch = 3 * forward_flop(shape, train_s, stem=False) + forward_flop(shape, dev_s, stem=False)
    assert record["flop"] == pytest.approx(3 * epoch, rel=1e-6)
    assert {"train/labels.parquet", "dev/features.npy", "backbone/model.safetensors"} <= set(record["inputs"])


@pytest.mark.parametrize("train_stem", [False, True])
def test_the_kernels_that_are_kept_depend_on_the_model(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_stem: bool
) -> None:
    class Found(Exception):  # noqa: N818
        pass

    def found(*given: object, **options: object) -> None:
        raise Found(given, options)

    monkeypatch.setattr(train, "limit_kernels", found)
    with pytest.raises(Found) as raised:  # before the first product
        train.train(with_recipe(train_stem=train_stem), **data.arguments(tmp_path))
    assert raised.value.args == ((size_of_source(None, data.backbone),), {"train_stem": train_stem})


def test_the_log_of_a_training_says_how_far_it_is(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_lines, "LINE_EVERY_S", 0.0)  # a line for each step
    train.train(TRAINING, **data.arguments(tmp_path))
    (tmp_path / "log").write_text(capsys.readouterr().err)
    rows = log(tmp_path / "output")
    last, best = rows.iloc[-1], rows.loc[rows["dev_mean"].idxmax()]
    shown = training_from_log(str(tmp_path / "log"))
    assert (shown.done, shown.epoch) == (1.0, "epoch 3 of 3")
    assert shown.scores == "dev CCC " + ", ".join(
        f"{name} {ccc(round(last[f'dev_{name}'], 3))}" for name in ("arousal", "dominance", "valence")
    )
    assert result_of_training(str(tmp_path / "log")).startswith("3 epochs, best dev CCC ")
    assert f"(epoch {best['epoch']:.0f})" in result_of_training(str(tmp_path / "log"))


def test_the_same_training_gives_the_same_bits(data: TrainingData, reference: Path, tmp_path: Path) -> None:
    train.train(TRAINING, **data.arguments(tmp_path))
    assert weights(tmp_path / "output") == weights(reference)
    assert log(tmp_path / "output").equals(log(reference))


@pytest.mark.parametrize(("device", "requested"), [("cpu", False), ("cuda", True), ("cuda", False)])
def test_kernels_are_deterministic_on_a_cpu_and_if_the_recipe_requires_it(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, requested: bool
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "removed again after the test")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    found: list[object] = []

    class Looked(Exception):  # noqa: N818
        pass

    def look(*_: object) -> None:
        found.extend([torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")])
        raise Looked

    monkeypatch.setattr(precision, "device", lambda: torch.device(device))
    monkeypatch.setattr(loading, "build", look)
    with pytest.raises(Looked):
        train.train(with_recipe(deterministic=requested), **data.arguments(tmp_path))
    assert found == [device == "cpu" or requested, ":4096:8" if requested else None]
    assert not torch.are_deterministic_algorithms_enabled()


def test_another_seed_gives_another_model(data: TrainingData, reference: Path, tmp_path: Path) -> None:
    train.train(replace(TRAINING, seed=2), **data.arguments(tmp_path))
    assert weights(tmp_path / "output") != weights(reference)


def two_kills(seed: int) -> tuple[int, int]:
    """The steps at which a training is killed, and then the training that resumes from the last finished epoch."""
    generator = random.Random(seed)
    first = generator.randint(1, 3 * STEPS)
    return first, generator.randint(1, 3 * STEPS - whole_epochs(first))


def whole_epochs(step: int) -> int:
    """The number of earlier steps in finished epochs, whose state is saved."""
    return (step - 1) // STEPS * STEPS


# Before any state is saved; in the second epoch, then in the third; in the first, then in the third.
KILLS = {seed: two_kills(seed) for seed in (2, 3, 6)}
# One process imports what a training needs and forks for each kill, because a kill ends its process.
DRIVER = """
import json, os, signal, sys
from pathlib import Path
from valence_gap.training import train
from valence_gap.definitions.models import Training
from valence_gap.definitions.values import from_json
from valence_gap.training.learners import TrainingSplit
backward, calls = train.backward, []
paths = [Path(each) for each in sys.argv[3:]]
def run(folder, step):
    def deadly(*arguments):
        calls.append(None)
        if len(calls) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return backward(*arguments)
    train.backward = deadly
    train.train(from_json(Training, sys.argv[1]), backbone=paths[0], train_split=TrainingSplit(*paths[1:3]),
        dev_split=TrainingSplit(*paths[3:5]), train_utterances=paths[5], scratch=folder / "scratch",
        output=folder / "output")
for case, steps in json.loads(sys.argv[2]).items():
    for step in steps:
        child = os.fork()
        if child == 0:
            run(paths[6] / case, step)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
"""


@pytest.fixture(scope="module")
def killed(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that each training leaves after two kills: a folder for each case."""
    folder = tmp_path_factory.mktemp("killed")
    paths = [data.backbone, data.train.labels, data.train.features, data.dev.labels, data.dev.features, data.utterances]
    call = [sys.executable, "-c", DRIVER, to_json(TRAINING), json.dumps(KILLS), *map(str, paths), str(folder)]
    ran = subprocess.run(call, check=False, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.mark.parametrize("case", KILLS)
def test_a_training_that_is_killed_twice_resumes_to_the_same_bits(
    data: TrainingData, reference: Path, killed: Path, case: int
) -> None:
    folder = killed / str(case)
    first, second = KILLS[case]
    kept = whole_epochs(first) + whole_epochs(second)
    assert (folder / "scratch" / STATE).is_file() == (kept > 0)
    assert not (folder / "output").exists()
    given = data.arguments(folder)
    train.train(TRAINING, **given)
    assert given["output"] == folder / "output"
    assert weights(given["output"]) == weights(reference)
    assert log(given["output"]).equals(log(reference))
    assert (json.loads((given["output"] / "run.json").read_text())["resumes"] > 0) == (kept > 0)


@pytest.mark.parametrize(("number", "step"), [(signal.SIGTERM, 2), (signal.SIGUSR1, 9)])
def test_a_training_that_is_stopped_by_a_signal_resumes_within_its_epoch(
    data: TrainingData,
    reference: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    step: int,
) -> None:
    given = data.arguments(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", at_call(step, lambda: os.kill(os.getpid(), number)))
        with pytest.raises(TrainingInterrupted, match=number.name):
            train.train(TRAINING, **given)
    left: list[tuple[int, ...]] = []
    backward = train.backward
    monkeypatch.setattr(train, "backward", lambda *given: left.append(given[2]) or backward(*given))
    train.train(TRAINING, **given)
    assert left[0] == (TRAINING.seed, 1 + step // STEPS, step % STEPS)
    assert len(left) == 3 * STEPS - step
    assert weights(given["output"]) == weights(reference)
    assert log(given["output"]).equals(log(reference))
    assert not given["scratch"].exists()


def test_losses_that_are_read_late_as_on_a_gpu_give_the_same_log_also_if_the_training_is_stopped(
    data: TrainingData, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def reader(*given: Any, late: bool) -> loss_reader.LossReader:
        asked.append(late)
        return loss_reader.LossReader(*given, late=True)

    monkeypatch.setattr(train, "LossReader", reader)
    given = data.arguments(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", at_call(STEPS + 3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with pytest.raises(TrainingInterrupted):
            train.train(TRAINING, **given)
    train.train(TRAINING, **given)
    assert asked == [False] * 4  # on a CPU they are not: two epochs, the rest of the second one, and the third
    assert weights(given["output"]) == weights(reference)
    assert log(given["output"]).equals(log(reference))


def test_a_late_loss_that_is_not_finite_is_reported_before_a_state_is_saved(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "LossReader", lambda *given, late: loss_reader.LossReader(*given, late=True))
    given, backward, steps = data.arguments(tmp_path), train.backward, []

    def broken(*arguments: Any) -> torch.Tensor:
        steps.append(arguments[2][1:])
        loss = backward(*arguments)
        return loss * float("nan") if steps[-1] == (1, STEPS - 1) else loss

    monkeypatch.setattr(train, "backward", broken)
    with pytest.raises(UserError, match=f"epoch 1, step {STEPS}\\n"):
        train.train(TRAINING, **given)
    assert len(steps) == STEPS
    assert not (given["scratch"] / STATE).exists()


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_cnn14_that_is_stopped_resumes_to_the_same_bits(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: str
) -> None:
    recipe = replace(RECIPE, optimizer=optimizer, learning_rate=0.01, epochs=2)
    definition = replace(TRAINING, backbone=CNN14, recipe=recipe)
    whole, resumed = (with_audio(data).arguments(tmp_path / name) | {"backbone": None} for name in ("whole", "resumed"))
    train.train(definition, **whole)
    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", at_call(8, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with pytest.raises(TrainingInterrupted):
            train.train(definition, **resumed)
    train.train(definition, **resumed)
    assert weights(resumed["output"]) == weights(whole["output"])


def test_the_state_of_another_definition_is_not_resumed(
    data: TrainingData, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = data.arguments(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", at_call(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
        with pytest.raises(TrainingInterrupted):
            train.train(replace(TRAINING, seed=2), **given)
    train.train(TRAINING, **given)
    assert weights(given["output"]) == weights(reference)


def batch_of(parts: list[int]) -> Batch:
    generator = torch.Generator().manual_seed(0)
    inputs = [(torch.randn(size, 30, CHANNELS, generator=generator), torch.full((size,), 30)) for size in parts]
    return Batch(tuple(inputs), torch.rand(sum(parts), 3, generator=generator), np.arange(sum(parts)))


def gradients(model: torch.nn.Module) -> torch.Tensor:
    found = [each.grad.flatten() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    return torch.cat(found)


def test_parts_of_a_batch_give_the_gradients_of_the_whole(data: TrainingData) -> None:
    model = loading.build(TRAINING, data.backbone).eval()  # without dropout, both are the same function
    parted = batch_of([3, 3, 2])
    whole = Batch(
        ((torch.cat([x for x, _ in parted.parts]), torch.cat([n for _, n in parted.parts])),),
        parted.targets,
        parted.rows,
    )

    def forward(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        return model(inputs, lengths).predictions

    losses, found = [], []
    for batch in (whole, parted):
        losses.append(float(train.backward(forward, batch, (1, 1, 1))))
        found.append(gradients(model))
    assert losses[1] == pytest.approx(losses[0], abs=1e-6)
    torch.testing.assert_close(found[1], found[0], atol=1e-6, rtol=1e-4)
    assert found[0].abs().max() > 1e-3


def test_parts_of_a_batch_have_the_same_dropout_in_both_passes(data: TrainingData) -> None:
    model = loading.build(TRAINING, data.backbone).train()
    batch = batch_of([3, 3, 2])
    seen: list[torch.Tensor] = []

    def forward(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        seen.append(model(inputs, lengths).predictions)
        return seen[-1]

    loss = train.backward(forward, batch, (1, 1, 1))
    found = gradients(model)
    assert len(seen) == 6
    assert all(torch.equal(first, second) for first, second in zip(seen[:3], seen[3:], strict=True))
    kept = []
    for number, part in enumerate(batch.parts):
        seed_everything(1, 1, 1, number)
        kept.append(model(*part).predictions)
    expected = ccc_loss(torch.cat(kept), batch.targets)
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    torch.testing.assert_close(found, gradients(model), atol=1e-6, rtol=1e-4)
    assert not torch.equal(model(*batch.parts[0]).predictions, seen[0])


@pytest.mark.parametrize(
    "changes", [{"micro_batch_size": 3}, {"activation_checkpointing": True}, {"precision": "bf16"}]
)
def test_settings_that_save_memory_or_time_learn_too(
    data: TrainingData, tmp_path: Path, changes: dict[str, Any]
) -> None:
    train.train(with_recipe(**changes), **data.arguments(tmp_path))
    rows = log(tmp_path / "output")
    assert rows["loss"].iloc[-1] < rows["loss"].iloc[0]


def test_a_frozen_model_trains_only_its_head(data: TrainingData, tmp_path: Path) -> None:
    recipe = replace(RECIPE, epochs=30, learning_rate=1e-2)
    train.train(replace(TRAINING, frozen=True, recipe=recipe), **data.arguments(tmp_path))
    found, before = load_file(tmp_path / "output" / "model.safetensors"), load_file(data.backbone / "model.safetensors")
    encoder = {name: tensor for name, tensor in found.items() if name.startswith("hubert.encoder.layers.")}
    assert encoder
    assert all(torch.equal(tensor, before[name.removeprefix("hubert.")]) for name, tensor in encoder.items())
    rows = log(tmp_path / "output")
    assert rows["dev_mean"].max() > rows["dev_mean"].iloc[0] + 0.1
    inputs = open_inputs("stem", features=data.dev.features)
    predictions, _ = predict(loading.load(tmp_path / "output"), inputs, precision="fp32")
    truth = pd.read_parquet(data.dev.labels)[list(DIMENSIONS)].to_numpy(np.float32)
    assert cccs(truth.T, predictions.T).mean() == pytest.approx(rows["dev_mean"].max(), abs=1e-4)


def test_a_model_without_pretraining_learns_from_waveforms(data: TrainingData, tmp_path: Path) -> None:
    definition = replace(with_recipe(train_stem=True, epochs=1), pretrained=False)
    train.train(definition, **with_audio(data).arguments(tmp_path))
    before = load_file(data.backbone / "model.safetensors")["feature_extractor.conv_layers.0.conv.weight"]
    after = load_file(tmp_path / "output" / "model.safetensors")["hubert.feature_extractor.conv_layers.0.conv.weight"]
    assert not torch.equal(before, after)


def test_cnn14_learns_from_the_loudness(data: TrainingData, tmp_path: Path) -> None:
    recipe = replace(RECIPE, optimizer="sgd", learning_rate=0.05, epochs=8)
    given = with_audio(data).arguments(tmp_path) | {"backbone": None}
    train.train(replace(TRAINING, backbone=CNN14, recipe=recipe), **given)
    assert log(tmp_path / "output")["dev_arousal"].max() > 0.5


def test_training_stops_without_improvement(data: TrainingData, tmp_path: Path) -> None:
    train.train(with_recipe(learning_rate=1e-30, epochs=9, patience=2), **data.arguments(tmp_path))
    rows = log(tmp_path / "output")
    assert rows["epoch"].tolist() == [1, 2, 3]
    assert rows["best"].tolist() == [True, False, False]


def test_a_loss_that_is_not_finite_stops_with_a_remedy(data: TrainingData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Lower the learning rate"):
        train.train(with_recipe(learning_rate=1e38, gradient_norm=None), **data.arguments(tmp_path))


def test_lack_of_memory_is_reported_with_a_remedy(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: Any) -> torch.Tensor:
        return torch.empty(2**58)

    monkeypatch.setattr(train, "backward", greedy)
    with pytest.raises(UserError, match="micro_batch_size"):
        train.train(TRAINING, **data.arguments(tmp_path))


def test_the_command_passes_its_arguments_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def stopped(definition: Training, **arguments: Any) -> None:
        given.update(arguments, definition=definition)
        raise TrainingInterrupted("SIGTERM")

    monkeypatch.setattr(train, "train", stopped)
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = {"training": to_json(TRAINING), "train-features": "f", "dev-audio": "a", "train-labels": "t"}
    options |= {"dev-labels": "d", "train-utterances": "u", "scratch": "s", "output": "o"}
    arguments = parser.parse_args(["train", *(word for key, value in options.items() for word in (f"--{key}", value))])
    with pytest.raises(SystemExit) as ended:
        arguments.run(arguments)
    assert ended.value.code == EXIT_INTERRUPTED
    assert given["definition"] == TRAINING
    assert given["train_split"] == TrainingSplit(Path("t"), Path("f"), None)
    assert given["dev_split"] == TrainingSplit(Path("d"), None, Path("a"))
    assert (given["train_utterances"], given["scratch"], given["output"]) == (Path("u"), Path("s"), Path("o"))
