"""Which trainings capture CUDA graphs, and with how much memory, on a GPU whose memory is faked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training_data import CNN14, TRAINING, TrainingData, make, with_audio, with_recipe

from valence_gap.definitions.models import Training
from valence_gap.models import loading
from valence_gap.models.wav2vec2 import SpeechEncoder
from valence_gap.runtime import precision
from valence_gap.training.card_memory import USABLE, needed_bytes
from valence_gap.training.learners import build_learner
from valence_gap.training.micro_batches import size_of

CPU = torch.device("cpu")
TOTAL = 24e9
BATCHES = [np.array([0, 1, 2]), np.array([5, 3])]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    return make(tmp_path_factory.mktemp("data"))


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[list[int]], float]]:
    """The lengths and the memory with which the encoder is asked for graphs."""
    found: list[tuple[list[list[int]], float]] = []

    def capture(self: SpeechEncoder, lengths: list[torch.Tensor], memory: float) -> None:
        assert torch.is_autocast_enabled("cpu")
        found.append(([each.tolist() for each in lengths], memory))

    monkeypatch.setattr(SpeechEncoder, "capture_graphs", capture)
    monkeypatch.setattr(precision, "total_memory", lambda device: TOTAL)
    monkeypatch.setattr(precision, "multiplies_in_bf16", lambda device: True)
    return found


def prepare(definition: Training, data: TrainingData) -> None:
    cnn14 = definition.backbone.architecture == "cnn14"
    model = loading.build(definition, None if cnn14 else data.backbone)
    build_learner(definition, model, data.train, data.dev, data.utterances, CPU).prepare(BATCHES)


def test_the_graphs_get_the_memory_that_the_largest_batch_leaves(
    data: TrainingData, captured: list[tuple[list[list[int]], float]]
) -> None:
    definition = with_recipe(precision="bf16")
    model = loading.build(definition, data.backbone)
    learner = build_learner(definition, model, data.train, data.dev, data.utterances, CPU)
    learner.prepare(BATCHES)
    ((lengths, memory),) = captured
    assert lengths == [[int(learner.train.inputs.lengths[row]) for row in rows] for rows in BATCHES]
    needed = needed_bytes(size_of(definition, model, learner.train), definition.recipe, 8)
    assert memory == pytest.approx(USABLE * TOTAL - needed)
    assert 0 < memory < TOTAL


@pytest.mark.parametrize(
    "definition",
    [
        with_recipe(precision="bf16", micro_batch_size=3),
        with_recipe(precision="bf16", activation_checkpointing=True),
        replace(with_recipe(precision="bf16"), frozen=True),
        replace(with_recipe(precision="bf16", frozen_mode="training"), frozen=True),
        replace(with_recipe(precision="bf16", train_stem=True), pretrained=False),
        replace(TRAINING, backbone=CNN14),
    ],
    ids=["parts", "recomputed", "frozen", "frozen in training mode", "stem", "cnn14"],
)
def test_other_trainings_have_no_graphs(
    data: TrainingData, captured: list[tuple[list[list[int]], float]], definition: Training
) -> None:
    stored = definition.backbone.architecture != "cnn14" and not definition.recipe.train_stem
    prepare(definition, data if stored else with_audio(data))
    assert captured == []


def test_on_a_cpu_there_are_no_graphs(
    data: TrainingData, captured: list[tuple[list[list[int]], float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "total_memory", lambda device: None)
    prepare(with_recipe(precision="bf16"), data)
    assert captured == []
