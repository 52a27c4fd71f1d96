"""Small models and data for tests that need a GPU; without one that PyTorch can use, they are skipped and say so."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_data import CNN14, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.definitions.models import Training
from valence_gap.models import loading
from valence_gap.models.base import SpeechModel
from valence_gap.prediction.inputs import Inputs, open_inputs
from valence_gap.runtime import gpu_check, precision

KINDS = ("stored", "streamed", "waveform", "cnn14 max", "cnn14 average")

os.environ.setdefault(*precision.CUBLAS_WORKSPACE)  # it is read once in a process, with the first product


@pytest.fixture(scope="session")
def gpu() -> torch.device:
    if problem := gpu_check.problem():
        pytest.skip(f"nothing is checked on a GPU: {problem}")
    return torch.device("cuda")


@dataclass(frozen=True)
class Case:
    """A model of one kind with its data.

    Attributes:
        definition: of its training; without dropout it is the same function in training and evaluation.
        data: its corpus.
    """

    definition: Training
    data: TrainingData

    def with_recipe(self, **changes: Any) -> Training:
        return replace(self.definition, recipe=replace(self.definition.recipe, **changes))

    def arguments(self, folder: Path) -> dict[str, Any]:
        cnn14 = self.definition.backbone.architecture == "cnn14"
        return self.data.arguments(folder) | ({"backbone": None} if cnn14 else {})

    def build(self) -> SpeechModel:
        torch.manual_seed(0)
        return loading.build(self.definition, self.arguments(Path())["backbone"])

    def inputs(self, model: SpeechModel) -> Inputs:
        split = self.data.train
        return open_inputs(
            model.input_kind,
            features=split.features,
            audio=split.audio,
            backbone=self.definition.backbone,
            stem=model.stem,
            front_end=model.front_end,
        )


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
