"""The rules that trained the shipped backbones, with tiny definitions."""

import json
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from working_copy import Workflow

from valence_gap.runtime.provenance import checksum

WEIGHT = "encoder.layers.0.feed_forward.intermediate_dense.weight"
SMALL = {"hidden": 32, "layers": 1, "heads": 2}
BACKBONE = SMALL | {
    "architecture": "hubert",
    "stem": "group",
    "stem_channels": [8] * 7,
    "stem_kernels": [10, 3, 3, 3, 3, 2, 4],
    "stem_strides": [5, 2, 2, 2, 2, 2, 4],
    "position_kernel": 16,
    "speech": "clean-english",
    "hours": 0.005,
    "steps": 2,
    "clusters": 8,
    "target_weights": [1.0, 0.7, 0.3],
    "crop_frames": [64],
    "mask_starts": 0.125,
    "mask_span": 5,
    "unmasked_weight": [1.0, 0.1],
    "batch_size": 2,
    "warm_up": 1,
    "precision": "bf16",
}
TINY = {
    "speech": {
        "clean-english": {"languages": ["en"], "rooms": True},
        "noisy-english": {"languages": ["en"], "noise": True},
    },
    "pretraining": {
        "first": BACKBONE,
        "second": BACKBONE | {"architecture": "wav2vec2", "speech": "noisy-english", "seed": 1},
    },
    "recogniser_training": {
        "asr": {
            "backbone": "first",
            "last_stride": 2,
            "utterances": 6,
            "held_out": 2,
            "steps": 2,
            "batch_size": 3,
            "warm_up": 1,
        }
    },
    "text_pretraining": {
        "bert": SMALL | {"sentences": 80, "vocabulary": 200, "steps": 2, "batch_size": 4, "warm_up": 1}
    },
}


@pytest.fixture
def pretrained(workflow: Workflow) -> Workflow:
    """A copy in which tiny definitions replace those of the miniature, after `pretrain_miniature` has run."""
    path = workflow.root / "config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | TINY, sort_keys=False))
    before = checksums(workflow.root / "resources/miniature")
    workflow.snakemake("pretrain_miniature")
    assert checksums(workflow.root / "resources/miniature") == before
    return workflow


def correlation(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Return the correlation of a weight matrix of two models; for independent random weights it is about 0."""
    return float(torch.corrcoef(torch.stack([one[WEIGHT].flatten(), other[WEIGHT].flatten()]).float())[0, 1])


def checksums(folder: Path) -> dict[Path, str]:
    return {path: checksum(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_pretrain_miniature_trains_every_model(pretrained: Workflow) -> None:
    made = pretrained.root / "results/tiny/pretraining"
    assert {path.name for path in made.iterdir()} == {"first", "second", "asr", "bert"}
    for name, kind in {
        "first": "pretraining",
        "second": "pretraining",
        "asr": "recogniser",
        "bert": "text_encoder",
    }.items():
        definition = json.loads((made / name / "run.json").read_text())["definition"][kind]
        assert definition["steps"] == 2
        assert json.loads((made / name / "config.json").read_text())["num_hidden_layers"] == 1
    first, second, recogniser = (load_file(made / name / "model.safetensors") for name in ("first", "second", "asr"))
    # A recogniser differs only by two steps from the backbone that it is fine-tuned from.
    assert abs(correlation(first, second)) < 0.2
    assert correlation(first, {name.removeprefix("hubert."): weight for name, weight in recogniser.items()}) > 0.9
    assert (made / "bert/tokenizer.json").is_file()
    assert pretrained.planned("pretrain_miniature") == {}
