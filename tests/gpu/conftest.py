"""Small models and data for tests that need a GPU; without one that PyTorch can use, they are skipped and say so."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from cases import Case
from training_data import CNN14, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.runtime import gpu_check, precision

os.environ.setdefault(*precision.CUBLAS_WORKSPACE)  # it is read once in a process, with the first product


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    if problem := gpu_check.problem():
        pytest.skip(f"nothing is checked on a GPU: {problem}")
    return torch.device("cuda")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def case_of(corpus: TrainingData) -> Callable[[str], Case]:
    definitions = {
        "stored": TRAINING,
        "streamed": TRAINING,
        "waveform": replace(with_recipe(train_stem=True), pretrained=False),
        "cnn14 max": replace(TRAINING, backbone=replace(CNN14, block_pooling="max")),
        "cnn14 average": replace(TRAINING, backbone=replace(CNN14, block_pooling="average")),
    }
    return lambda kind: Case(definitions[kind], corpus if kind == "stored" else with_audio(corpus))


@pytest.fixture(autouse=True)
def plain_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user has set for jobs does not matter here."""
    monkeypatch.delenv("VALENCE_GAP_DEVICE", raising=False)
