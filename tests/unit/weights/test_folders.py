import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import make_backbone, training

from valence_gap.models import loading
from valence_gap.runtime.errors import UserError
from valence_gap.weights import folders


def test_older_names_of_weight_normalisation_and_bfloat16_weights_load(tmp_path):
    backbone = make_backbone(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    older = {
        name.replace("parametrizations.weight.original0", "weight_g").replace(
            "parametrizations.weight.original1", "weight_v"
        ): weight.to(torch.bfloat16)
        for name, weight in weights.items()
    }
    save_file(older, tmp_path / "model.safetensors")
    found = loading.build(training(), tmp_path).backbone.state_dict()
    for name, weight in backbone.state_dict().items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], weight.to(torch.bfloat16).float())


def broken(folder, how):
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    match how:
        case "cut short":
            content = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
        case "no weights":
            (folder / "model.safetensors").unlink()
        case "no config":
            (folder / "config.json").unlink()
        case "no json":
            (folder / "config.json").write_text("{")
        case "another kind":
            (folder / "config.json").write_text(json.dumps({**config, "model_type": "bert"}))
        case "another size":
            (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 32}))
        case "a wrong type":
            (folder / "config.json").write_text(json.dumps({**config, "hidden_size": "many"}))
        case "a weight missing":
            del weights["encoder.layers.1.attention.q_proj.weight"]
            save_file(weights, folder / "model.safetensors")
        case "a variant":
            (folder / "config.json").write_text(json.dumps({**config, "conv_pos_batch_norm": True}))


@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("cut short", "model.safetensors"),
        ("no weights", "model.safetensors"),
        ("no config", "config.json"),
        ("no json", "config.json"),
        ("another kind", "config.json"),
        ("another size", "encoder.layers.0.attention.q_proj.weight"),
        ("a wrong type", "config.json"),
        ("a weight missing", "encoder.layers.1.attention.q_proj.weight is missing"),
        ("a variant", "conv_pos_batch_norm"),
    ],
)
def test_a_damaged_folder_is_named_with_a_remedy(tmp_path, how, named):
    make_backbone(tmp_path)
    broken(tmp_path, how)
    with pytest.raises(UserError) as caught:
        loading.build(training(), tmp_path)
    assert named in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.remedy


def test_a_backbone_is_not_a_finished_model(tmp_path):
    make_backbone(tmp_path)
    with pytest.raises(UserError, match=r"no classifier\.\*: it is an encoder without a regression head"):
        loading.load(tmp_path)


def test_an_error_lists_the_first_wrong_weights_and_counts_the_others(tmp_path):
    make_backbone(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    with pytest.raises(UserError) as caught:
        folders.load_state(torch.nn.Linear(2, 2), weights, tmp_path)
    assert len(caught.value.offenders) == folders.NAMED + 1
    assert caught.value.offenders[:2] == ("weight is missing", "bias is missing")
    assert caught.value.offenders[-1] == f"and {len(weights) + 2 - folders.NAMED} more weights"
