"""The authors' released model, unchanged: its configuration, its weight names, a pickled state dict."""

import json

import pytest
import torch
from released_checkpoint import RELEASED, release
from small_models import waveforms

from valence_gap.definitions.models import Backbone
from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.runtime.errors import UserError
from valence_gap.weights.fetch import fetch_pretrained


def test_the_released_model_is_fetched_loaded_and_predicts_its_own_numbers(tmp_path):
    card = release(tmp_path / "released")
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    assert json.loads((tmp_path / "fetched/run.json").read_text())["licence"] == "cc-by-nc-sa-4.0"
    model = loading.load(tmp_path / "fetched")
    assert (model.training, model.input_kind, model.precision) == (False, "stem", "auto")
    stem = load_stem(tmp_path / "fetched")
    model.input_kind = "waveform"  # avoids the rounding of stored features
    with torch.no_grad():
        for waveform in waveforms():
            pooled, predictions = card(waveform[None])
            output = model(waveform[None], torch.tensor([len(waveform)]))
            assert torch.allclose(output.predictions, predictions, atol=1e-5)
            assert torch.allclose(output.pooled, pooled, atol=1e-5)
            assert torch.equal(stem(waveform), model.stem(waveform))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id2label": {"0": "valence", "1": "arousal", "2": "dominance"}}, "id2label valence, arousal, dominance"),
        ({"id2label": {"0": "angry", "1": "happy"}}, "id2label angry, happy"),
        ({"pooling_mode": "max"}, "pooling_mode max"),
    ],
)
def test_a_model_with_other_outputs_is_refused(tmp_path, change, message):
    release(tmp_path / "released")
    (tmp_path / "released/config.json").write_text(json.dumps({**RELEASED, **change}))
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    with pytest.raises(UserError, match="does not predict the values") as caught:
        loading.load(tmp_path / "fetched")
    assert message in str(caught.value)
    assert caught.value.remedy


def test_outputs_without_names_are_assumed_to_be_in_our_order(tmp_path):
    release(tmp_path / "released")
    nameless = {key: value for key, value in RELEASED.items() if key not in ("id2label", "label2id")}
    (tmp_path / "released/config.json").write_text(json.dumps(nameless))
    fetch_pretrained("released", Backbone(source=str(tmp_path / "released")), tmp_path / "fetched")
    assert loading.load(tmp_path / "fetched").head.out_proj.out_features == 3
