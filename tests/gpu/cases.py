"""Models of every kind with small data, for tests that need a GPU."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from training_data import TrainingData

from valence_gap.definitions.models import Training
from valence_gap.models import loading
from valence_gap.models.base import SpeechModel
from valence_gap.prediction.inputs import Inputs, open_inputs

KINDS = ("stored", "streamed", "waveform", "cnn14 max", "cnn14 average")


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
