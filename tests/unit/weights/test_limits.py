"""The limit for what the configuration of a folder may describe: the values that its file of weights contains."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModel

from valence_gap.runtime.errors import UserError
from valence_gap.weights.limits import min_parameters, user_errors
from valence_gap.weights.model_types import SPEECH_MODEL_TYPES

HIDDEN = 10
LAYER = 4 * HIDDEN * HIDDEN  # values in a layer without a feed-forward module


def folder_with(path: Path, values: int, dtype: torch.dtype) -> Path:
    """A folder whose configuration describes a layer, and whose weights have a number of values."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"hidden_size": HIDDEN, "num_hidden_layers": 1}))
    save_file({"a": torch.zeros(values // 2, 2, dtype=dtype)}, path / "model.safetensors")
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_message_counts_the_stored_values_whatever_their_format(tmp_path: Path, dtype: torch.dtype) -> None:
    assert min_parameters({"hidden_size": HIDDEN, "num_hidden_layers": 1}) == LAYER
    with user_errors(folder_with(tmp_path / "enough", LAYER, dtype)):
        pass
    small = folder_with(tmp_path / "small", 20, dtype)
    assert (small / "model.safetensors").stat().st_size < LAYER
    with pytest.raises(UserError, match=f"more than {LAYER} values; there is room for 20 at most"), user_errors(small):
        pass


@pytest.mark.parametrize("damage", [(b'"shape":[10,2]', b'"shape":[9999]'), (b'"shape"', b'"shade"')])
def test_without_a_valid_header_a_value_has_a_byte(tmp_path: Path, damage: tuple[bytes, bytes]) -> None:
    folder = folder_with(tmp_path / "damaged", 20, torch.float32)
    file = folder / "model.safetensors"
    content = file.read_bytes().replace(*damage)
    assert content != file.read_bytes()
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"there is room for {len(content)} at most"), user_errors(folder):
        pass


@pytest.mark.parametrize("kind", SPEECH_MODEL_TYPES)
def test_no_encoder_of_transformers_has_fewer_values_than_its_configuration_requires(kind: str) -> None:
    config = AutoConfig.for_model(kind)
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    encoder = model.encoder if kind == "whisper" else model
    assert min_parameters(config.to_dict()) <= sum(weight.numel() for weight in encoder.parameters())
