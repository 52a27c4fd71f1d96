import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_data import CNN14, RECIPE, STEPS, TRAINING, TrainingData, make, with_audio

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import to_json
from valence_gap.models.front_ends.log_mel import LogMel
from valence_gap.runtime import precision
from valence_gap.runtime.errors import user_error_from_os_error
from valence_gap.training import kept_inputs, train
from valence_gap.training.checkpoints import STATE, TrainingInterrupted
from valence_gap.training.kept_inputs import keeping_in

WIDTH = 3
UTTERANCES = 44 + 20  # of the training and dev split
# Evaluated within an epoch too; some utterances are cut, which is done before they are kept.
DEFINITION = replace(TRAINING, backbone=CNN14, recipe=replace(RECIPE, evaluate_every=4, max_duration_s=0.7))


class Computed:
    """Inputs of given lengths that count how often each is computed."""

    def __init__(self, lengths: list[int]) -> None:
        generator = torch.Generator().manual_seed(0)
        self.ids = [f"utterance {row}" for row in range(len(lengths))]
        self.lengths = np.array(lengths, dtype=np.int64)
        self.values = [torch.randn(length, WIDTH, generator=generator) for length in lengths]
        self.counts = [0] * len(lengths)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> torch.Tensor:
        self.counts[row] += 1
        return self.values[row].clone()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=8), st.data())
def test_every_access_gives_the_same_bits_and_each_input_is_computed_until_all_are_there(
    lengths: list[int], drawn: st.DataObject
) -> None:
    inputs = Computed(lengths)
    rows = drawn.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=30))
    expected = np.zeros(len(lengths), dtype=int)
    seen: set[int] = set()
    with tempfile.TemporaryDirectory() as folder, keeping_in(Path(folder) / "scratch") as keep:
        kept = keep(inputs, WIDTH)
        assert kept.ids == inputs.ids
        assert kept.lengths.tolist() == lengths
        for row in rows:
            expected[row] += len(seen) < len(lengths)
            seen.add(row)
            values = kept[row]
            assert torch.equal(values, inputs.values[row])
            values.zero_()  # a caller that changes what it got changes nothing that is kept
    assert inputs.counts == expected.tolist()


def test_the_folder_shows_no_file_and_is_gone_afterwards(tmp_path: Path) -> None:
    inputs = Computed([5, 7])
    with keeping_in(tmp_path / "scratch") as keep:
        kept = keep(inputs, WIDTH)
        for row in (0, 1, 0, 1):
            kept[row]
        assert not any((tmp_path / "scratch").iterdir())
    assert not (tmp_path / "scratch").exists()
    assert inputs.counts == [1, 1]


def test_the_folder_stays_if_it_contains_a_state_and_is_not_made_for_nothing(tmp_path: Path) -> None:
    with keeping_in(tmp_path / "scratch") as keep:
        keep(Computed([5]), WIDTH)
        (tmp_path / "scratch" / STATE).touch()
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == [STATE]
    with keeping_in(tmp_path / "other"):
        pass
    assert not (tmp_path / "other").exists()


def test_inputs_of_another_shape_or_type_are_refused(tmp_path: Path) -> None:
    inputs = Computed([5, 7])
    inputs.lengths = np.array([5, 8])
    with keeping_in(tmp_path) as keep:
        kept = keep(inputs, WIDTH)
        kept[0]
        with pytest.raises(ValueError, match="utterance 1: float32"):
            kept[1]
        inputs.values[1] = torch.zeros(8, WIDTH, dtype=torch.float64)
        with pytest.raises(ValueError, match=r"not torch\.float64"):
            kept[1]


def test_a_full_disk_is_reported_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_inputs.tempfile, "TemporaryFile", lambda dir: Path("/dev/full").open("r+b"))  # noqa: SIM115
    with keeping_in(tmp_path / "scratch") as keep, pytest.raises(OSError, match="No space left") as caught:
        keep(Computed([5]), WIDTH)[0]
    reported = user_error_from_os_error(caught.value)
    assert reported is not None
    assert reported.what == "the disk is full"
    assert str(tmp_path / "scratch") in reported.offenders[0]
    assert not (tmp_path / "scratch").exists()


def test_what_the_disk_did_not_confirm_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system may accept what does not fit, and say so only when the file is synchronised."""

    def full(descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    inputs = Computed([5, 7])
    monkeypatch.setattr(os, "fsync", full)
    with keeping_in(tmp_path) as keep:
        kept = keep(inputs, WIDTH)
        kept[0]
        with pytest.raises(OSError, match=str(tmp_path)):
            kept[1]
        assert torch.equal(kept[0], inputs.values[0])
        assert inputs.counts == [2, 1]


def test_a_file_that_was_cut_short_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[Any] = []
    temporary = tempfile.TemporaryFile
    monkeypatch.setattr(
        kept_inputs.tempfile, "TemporaryFile", lambda dir: files.append(temporary(dir=dir)) or files[-1]
    )
    with keeping_in(tmp_path) as keep:
        kept = keep(Computed([5]), WIDTH)
        kept[0]
        os.ftruncate(files[0].fileno(), 5 * WIDTH * 4 - 1)
        with pytest.raises(OSError, match="cut short"):
            kept[0]


@pytest.mark.parametrize("most", [1, 7, 64])
def test_short_reads_and_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    read, write = os.preadv, os.pwrite
    monkeypatch.setattr(os, "preadv", lambda file, parts, place: read(file, [parts[0][:most]], place))
    monkeypatch.setattr(os, "pwrite", lambda file, part, place: write(file, part[:most], place))
    inputs = Computed([5, 7])
    with keeping_in(tmp_path) as keep:
        kept = keep(inputs, WIDTH)
        for row in (1, 0, 1, 0):
            assert torch.equal(kept[row], inputs.values[row])
    assert inputs.counts == [1, 1]


@pytest.fixture(scope="module", autouse=True)
def on_the_cpu() -> Iterator[None]:
    """The same bits are guaranteed only on a CPU."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(precision, "device", lambda: torch.device("cpu"))
        patched.setenv("CUDA_VISIBLE_DEVICES", "")
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return with_audio(make(tmp_path_factory.mktemp("data")))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The samples of each spectrogram that is computed in a test."""
    found: list[int] = []
    compute = LogMel.__call__

    def counted(self: LogMel, waveform: torch.Tensor) -> torch.Tensor:
        found.append(waveform.numel())
        return compute(self, waveform)

    monkeypatch.setattr(LogMel, "__call__", counted)
    return found


def sums(output: Path) -> dict[str, str]:
    """Checksums of all files of a model, except its record."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.iterdir())
        if path.name != "run.json"
    }


@pytest.fixture(scope="module")
def reference(data: TrainingData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The model of a training that computes its spectrograms in every epoch."""
    folder = tmp_path_factory.mktemp("reference")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "keeping_in", computing_always)
        train.train(DEFINITION, **data.arguments(folder) | {"backbone": None})
    return sums(folder / "output")


def computing_always(_: Path) -> AbstractContextManager[None]:
    return nullcontext(None)


def test_a_training_computes_each_spectrogram_once_and_gives_the_same_bytes(
    data: TrainingData, reference: dict[str, str], tmp_path: Path, computed: list[int]
) -> None:
    given = data.arguments(tmp_path) | {"backbone": None}
    train.train(DEFINITION, **given)
    assert sums(given["output"]) == reference
    assert len(computed) == UTTERANCES
    assert not given["scratch"].exists()


@pytest.mark.parametrize("step", [2, STEPS + 3])
def test_a_training_that_is_stopped_computes_them_again_and_gives_the_same_bytes(
    data: TrainingData,
    reference: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    computed: list[int],
    step: int,
) -> None:
    given = data.arguments(tmp_path) | {"backbone": None}
    calls: list[None] = []
    backward = train.backward

    def stopped(*arguments: Any) -> float:
        calls.append(None)
        if len(calls) == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return backward(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", stopped)
        with pytest.raises(TrainingInterrupted):
            train.train(DEFINITION, **given)
    assert [path.name for path in given["scratch"].iterdir()] == [STATE]
    computed.clear()
    train.train(DEFINITION, **given)
    assert sums(given["output"]) == reference
    # The epoch that was interrupted does not need all of them, so the next one computes all.
    assert UTTERANCES < len(computed) < UTTERANCES + 44
    assert not given["scratch"].exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from valence_gap.definitions.models import Training
from valence_gap.definitions.values import from_json
from valence_gap.training import train
from valence_gap.training.learners import TrainingSplit
calls, backward = [], train.backward
def deadly(*arguments):
    calls.append(None)
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return backward(*arguments)
train.backward = deadly
labels, audio, dev_labels, dev_audio, utterances, scratch, output = map(Path, sys.argv[3:])
train.train(from_json(Training, sys.argv[1]), backbone=None, train_split=TrainingSplit(labels, None, audio),
    dev_split=TrainingSplit(dev_labels, None, dev_audio), train_utterances=utterances, scratch=scratch, output=output)
"""


def test_a_training_that_is_killed_leaves_no_file_and_gives_the_same_bytes(
    data: TrainingData, reference: dict[str, str], tmp_path: Path
) -> None:
    given = data.arguments(tmp_path) | {"backbone": None}
    paths = [data.train.labels, data.train.audio, data.dev.labels, data.dev.audio, data.utterances]
    paths += [given["scratch"], given["output"]]
    call = [sys.executable, "-c", KILLED, to_json(DEFINITION), str(STEPS + 4), *map(str, paths)]
    ran = subprocess.run(call, check=False, capture_output=True, text=True, timeout=300)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert [path.name for path in given["scratch"].iterdir()] == [STATE]
    train.train(DEFINITION, **given)
    assert sums(given["output"]) == reference


def with_one_epoch(definition: Training) -> Training:
    return replace(definition, recipe=replace(definition.recipe, epochs=1))


@pytest.mark.parametrize("definition", [with_one_epoch(DEFINITION), with_one_epoch(TRAINING), TRAINING])
def test_what_is_read_once_or_is_no_log_mel_spectrogram_is_not_kept(
    data: TrainingData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, definition: Training
) -> None:
    def refused(**_: Any) -> Callable[..., None]:
        raise AssertionError("a file was opened")

    monkeypatch.setattr(kept_inputs.tempfile, "TemporaryFile", refused)
    cnn14 = definition.backbone.architecture == "cnn14"
    given = data.arguments(tmp_path) | ({"backbone": None} if cnn14 else {})
    train.train(definition, **given)
    assert (tmp_path / "output" / "model.safetensors").is_file()
