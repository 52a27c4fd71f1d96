"""Invalid models and configurations made by hand: each gives one error with the expected words in its message."""

import copy
import datetime
import json
import os
import struct
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import torch
import yaml
from harness import EXAMPLES, expect_error
from huggingface_hub import errors
from safetensors.torch import load_file, save_file
from small_models import make_backbone, training
from test_hand_made_corpora import AUDIO, CORPORA

from valence_gap.definitions.models import Backbone
from valence_gap.models import loading
from valence_gap.study.study import load
from valence_gap.weights import fetch, hub

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def backbone(path, change=lambda folder: None):
    make_backbone(path / "backbone")
    change(path / "backbone")
    loading.build(training(), path / "backbone")


def rewritten(change):
    def apply(folder):
        weights = load_file(folder / "model.safetensors")
        save_file(change(weights), folder / "model.safetensors")

    return apply


def configured(**settings):
    def apply(folder):
        content = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(content | settings))

    return apply


def cut(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def oversized_header(folder):
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**60) + content[8:])


def source(tmp_path, change):
    make_backbone(tmp_path / "source")
    change(tmp_path / "source")
    fetch.fetch_pretrained("b", Backbone(source=str(tmp_path / "source")), tmp_path / "output")


def pickled(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"weight": torch.ones(2), "code": os.getcwd}, folder / "pytorch_model.bin")


MODELS = {
    "a checkpoint of the wrong layout": (
        lambda path: backbone(
            path, rewritten(lambda weights: {f"module.{name}": each for name, each in weights.items()})
        ),
        ["does not hold the model", "is missing", "both files must come from the same model"],
    ),
    "a checkpoint of another size": (
        lambda path: backbone(path, configured(hidden_size=18)),
        ["does not hold the model", "expected"],
    ),
    "another kind of model": (
        lambda path: backbone(path, configured(model_type="bert")),
        ["model_type 'bert'", "hubert"],
    ),
    "a configuration that needs terabytes": (
        lambda path: backbone(path, configured(hidden_size=10**7, num_attention_heads=1)),
        ["there is room for"],
    ),
    "a configuration of a billion layers": (
        lambda path: backbone(path, configured(num_hidden_layers=10**9)),
        ["there is room for"],
    ),
    "a truncated safetensors file": (lambda path: backbone(path, cut), ["damaged file", "model.safetensors"]),
    "a safetensors header of an exabyte": (
        lambda path: backbone(path, oversized_header),
        ["damaged file", "model.safetensors"],
    ),
    "a fetched file that is truncated": (lambda path: source(path, cut), ["cut off or damaged", "Fetch it again"]),
    "a pickle with code": (
        lambda path: source(path, pickled),
        ["cannot be read as plain tensors", "pytorch_model.bin"],
    ),
    "a configuration that is not an object": (
        lambda path: backbone(path, lambda folder: (folder / "config.json").write_text("[" * 100_000)),
        ["configuration of a model cannot be read", "config.json"],
    ),
}


def changed(*path, to):
    config = copy.deepcopy(CONFIG)
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = to
    return lambda _: load(config)


CONFIGURATION = {
    "an unknown key": (changed("modles", to={}), ["modles: unknown key", "valid: "]),
    "an unknown name": (changed("train_corpus", to="msp"), ["'msp' is not a corpus", "msp-podcast"]),
    "a study that climbs out": (changed("study", to="../other"), ["study"]),
    "infinity": (changed("recipes", "finetune", "learning_rate", to=float("inf")), ["recipes.finetune.learning_rate"]),
    "a date": (
        changed("corpora", "iemocap", "release", to=datetime.date(2024, 1, 1)),
        ["release", "quotes"],
    ),
    "a list as a key": (changed("corpora", to={("a", "b"): 1}), ["('a', 'b')", "quotes"]),
}


@pytest.mark.parametrize("name", [*MODELS, *CONFIGURATION])
def test_it_is_reported(tmp_path, name):
    broken, words = {**MODELS, **CONFIGURATION}[name]
    expect_error(lambda: broken(tmp_path), [word.replace("{path}", str(tmp_path)) for word in words])


def hub_error(error):
    response = MagicMock(status_code=401, headers={})
    return error("the hub says no", response=response) if error is not OSError else OSError("Name resolution failed")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError, ["cannot be fetched from the hub", "Name resolution failed", "hf download"]),
        (errors.GatedRepoError, ["is gated", "Ask for access"]),
        (errors.RepositoryNotFoundError, ["has no model facebook/some-encoder"]),
    ],
)
def test_a_hub_that_refuses_is_reported(tmp_path, monkeypatch, error, words):
    monkeypatch.setattr(hub, "snapshot_download", MagicMock(side_effect=hub_error(error)))
    definition = Backbone(source="facebook/some-encoder", revision=COMMIT)
    expect_error(lambda: fetch.fetch_pretrained("b", definition, tmp_path / "output"), words)


def test_there_are_enough():
    assert sum(EXAMPLES.values()) >= 500
    assert len({**CORPORA, **AUDIO, **MODELS, **CONFIGURATION}) >= 40
