"""What the models of the paper's preset drop and mask while they are trained, against the authors' own records.

The records are the configurations that the authors published beside their results (github.com/audeering/ser-tests):
one for each transformer, with the settings that it was trained with. They are typed here, not read from a file.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from fusion_data import write_lengths, write_split
from small_models import inputs_of, make_backbone
from torch import nn

from valence_gap.definitions.text import Fusion
from valence_gap.models import cnn14, loading, wav2vec2
from valence_gap.models.encoder import TransformerModel
from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.families import final_dropout
from valence_gap.models.layers import attention
from valence_gap.prediction.inputs import pad
from valence_gap.preflight.run import merged
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import Study, load
from valence_gap.text.fusion import train_fusion

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Record:
    """Settings of one backbone, with the names of its configuration."""

    final_dropout: float
    hidden_dropout: float
    attention_dropout: float
    activation_dropout: float
    feat_proj_dropout: float
    layerdrop: float
    mask_time_prob: float
    num_hidden_layers: int
    mask_time_length: int = 10
    mask_time_min_masks: int = 2
    mask_feature_prob: float = 0.0
    apply_spec_augment: bool = True


RECORDS = {
    "w2v2-b": Record(0.0, 0.1, 0.1, 0.0, 0.1, 0.05, 0.05, 12),
    "hubert-b": Record(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 12),
    "w2v2-L": Record(0.0, 0.1, 0.1, 0.0, 0.1, 0.1, 0.075, 24),
    "hubert-L": Record(0.0, 0.1, 0.1, 0.0, 0.1, 0.1, 0.075, 24),
    "w2v2-L-robust": Record(0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 24),
    "w2v2-L-vox": Record(0.0, 0.1, 0.1, 0.0, 0.1, 0.1, 0.075, 24),
    "w2v2-L-xls-r": Record(0.0, 0.1, 0.1, 0.0, 0.1, 0.1, 0.075, 24),
}
GROUP_NORM = ("w2v2-b", "hubert-b")  # the others normalise each layer of the stem, and before each block
CNN14_BLOCKS, CNN14_HEAD = 0.2, 0.0  # section III-B


def paper() -> Study:
    return load(merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml"]))


def own_models(study: Study) -> list[str]:
    """The models of the preset; those of the miniature are in the configuration too."""
    return [name for name in study.models if study.backbone_of(name) in {*RECORDS, "cnn14"}]


TRANSFORMERS = [name for name in own_models(paper()) if not paper().is_cnn14(name)]


def small_folder(folder: Path, backbone: str) -> Path:
    """A backbone of the same settings and number of layers, and a few hidden units."""
    kind = "hubert" if backbone.startswith("hubert") else "wav2vec2"
    norm = "group" if backbone in GROUP_NORM else "layer"
    make_backbone(folder, kind, norm, norm == "layer", **asdict(RECORDS[backbone]))
    return folder


class Recorder:
    """Probabilities of the dropouts, and settings of the masks, in the order in which a forward pass uses them."""

    def __init__(self) -> None:
        self.dropouts: list[float] = []
        self.masks: list[dict[str, Any]] = []

    def dropout(self, states: torch.Tensor, probability: float) -> torch.Tensor:
        self.dropouts.append(float(probability))
        return states

    def mask_spans(self, lengths: torch.Tensor, width: int, **settings: Any) -> torch.Tensor:
        self.masks.append(settings)
        return torch.zeros(len(lengths), width, dtype=torch.bool)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    found = Recorder()
    for module in (wav2vec2, attention, cnn14):
        monkeypatch.setattr(module, "dropout", found.dropout)
    monkeypatch.setattr(wav2vec2, "mask_spans", found.mask_spans)
    return found


def test_the_preset_has_every_backbone_of_the_records() -> None:
    study = paper()
    assert {study.backbone_of(name) for name in TRANSFORMERS} == set(RECORDS)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_transformer_drops_and_masks_as_the_authors_did(tmp_path: Path, recorder: Recorder, name: str) -> None:
    study = paper()
    training = study.training(name, 42)
    record = RECORDS[study.backbone_of(name)]
    model = loading.build(training, small_folder(tmp_path, study.backbone_of(name))).train()
    assert isinstance(model, TransformerModel)
    encoder: Any = model.backbone
    assert encoder.encoder.config.layerdrop == record.layerdrop
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout)] == [record.final_dropout]

    encoder.encoder.config.layerdrop = 0.0  # so that the pass uses every layer
    model(*inputs_of(model))
    head = [record.final_dropout] * 2
    if training.frozen:  # frozen_mode: evaluation
        assert set(recorder.dropouts[: -len(head)]) == {0.0}
        assert recorder.dropouts[-len(head) :] == head
        assert recorder.masks == []
        return
    layer = [record.attention_dropout, record.hidden_dropout, record.activation_dropout, record.hidden_dropout]
    layers = training.layers or record.num_hidden_layers
    assert recorder.dropouts == [record.feat_proj_dropout, record.hidden_dropout, *layers * layer, *head]
    assert recorder.masks == [
        {
            "mask_prob": record.mask_time_prob,
            "mask_length": record.mask_time_length,
            "min_masks": record.mask_time_min_masks,
        }
    ]


def test_cnn14_drops_after_its_blocks_alone(recorder: Recorder) -> None:
    study = paper()
    training = study.training("cnn14", 42)
    small = replace(training, backbone=replace(training.backbone, channels=(2, 2, 2, 2, 2, 2)))
    model = loading.build(small, None).train()
    model(*pad([torch.randn(40, 64), torch.randn(64, 64)]))
    assert recorder.dropouts == [CNN14_BLOCKS] * 6
    assert [module.p for module in model.modules() if isinstance(module, nn.Dropout)] == [CNN14_HEAD]


@pytest.mark.parametrize("name", [f"{backbone}-fusion" for backbone in RECORDS])
def test_the_head_of_a_fusion_has_the_dropout_of_its_audio_models_backbone(tmp_path: Path, name: str) -> None:
    study = paper()
    backbone = study.backbone_of(study.audio_model(name))
    fusion = study.fusion(name, 42)
    short = Fusion(recipe=replace(fusion.recipe, epochs=1), seed=42)
    train, _ = write_split(tmp_path, "train", 32, seed=0)
    folder = small_folder(tmp_path / "backbone", backbone)
    lengths = write_lengths(tmp_path / "index.parquet", train)
    train_fusion(short, train, train, tmp_path / "model", backbone=folder, lengths=lengths)
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config["head_dropout"] == RECORDS[backbone].final_dropout


def test_a_number_in_the_recipe_takes_precedence_and_an_encoder_without_the_key_has_the_default(tmp_path: Path) -> None:
    folder = small_folder(tmp_path, "w2v2-b")
    training = paper().training("w2v2-b", 42)
    number = replace(training, recipe=replace(training.recipe, head_dropout=0.25))
    model = loading.build(number, folder)
    assert isinstance(model, TransformerModel)
    assert model.regression.dropout.p == 0.25
    assert final_dropout(EncoderConfig(model_type="hubert")) == 0.1
    whisper: Any = SimpleNamespace(model_type="whisper")
    assert final_dropout(whisper) == 0.1


def test_a_cnn14_without_a_head_dropout_of_its_own_is_refused() -> None:
    training = paper().training("cnn14", 42)
    with pytest.raises(UserError, match="head dropout"):
        loading.build(replace(training, recipe=replace(training.recipe, head_dropout=None)), None)
