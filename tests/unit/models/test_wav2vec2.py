"""The configuration and initial weights of the project's encoder, compared with transformers."""

import json

import pytest
import torch
from pydantic import ValidationError
from small_models import KINDS, configuration, make_backbone

from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.wav2vec2 import SpeechEncoder

OURS = ["hubert", "wav2vec2"]


@pytest.mark.parametrize("kind", OURS)
def test_defaults_are_those_of_transformers(kind):
    reference = KINDS[kind][0]()
    for name, value in EncoderConfig(model_type=kind):
        if name not in ("id2label", "feat_proj_layer_norm"):
            theirs = getattr(reference, name)
            assert value == (list(theirs) if isinstance(theirs, tuple) else theirs), name
    assert getattr(reference, "feat_proj_layer_norm", True)


@pytest.mark.parametrize("kind", OURS)
def test_transformers_reads_a_written_configuration_unchanged(tmp_path, kind):
    make_backbone(tmp_path, kind, stable=True, something_else=[1, {"a": 2}])
    content = json.loads((tmp_path / "config.json").read_text())
    written = EncoderConfig.model_validate(content).to_dict()
    assert {**written, **content} == written
    again, before = (KINDS[kind][0].from_dict(each).to_dict() for each in (written, content))
    assert {**again, **before} == again


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_initial_weights_are_distributed_as_those_of_transformers(kind, norm):
    config = configuration(kind, norm, hidden_size=128, conv_dim=(64, 64, 64), intermediate_size=256)
    torch.manual_seed(0)
    ours = SpeechEncoder(EncoderConfig.model_validate(json.loads(config.to_json_string()))).state_dict()
    theirs = KINDS[kind][1](config).state_dict()
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        assert ours[name].shape == weight.shape, name
        if weight.numel() >= 1024:
            assert float(ours[name].std()) == pytest.approx(float(weight.std()), rel=0.1), name
            assert float(ours[name].abs().max()) == pytest.approx(float(weight.abs().max()), rel=0.4), name
        elif "bias" in name or "norm" in name:
            assert torch.equal(ours[name] == 0, weight == 0), name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_attention_heads": 7}, "not a multiple of num_attention_heads 7"),
        ({"conv_dim": [8, 8]}, "one value for each layer"),
        ({"hidden_act": "mish"}, "hidden_act"),
        ({"hidden_dropout": 1.5}, "hidden_dropout"),
        ({"hidden_size": "768"}, "hidden_size"),
    ],
)
def test_values_that_give_no_valid_encoder_are_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        EncoderConfig.model_validate({"model_type": "hubert", **wrong})


def test_masked_frames_take_the_embedding_and_masked_units_are_zero():
    config = EncoderConfig(
        model_type="wav2vec2",
        **{"hidden_size": 16, "num_hidden_layers": 0, "num_attention_heads": 2, "conv_dim": [8], "conv_kernel": [4]},
        **{"conv_stride": [2], "num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.5, "mask_feature_prob": 0.25},
        **{"mask_feature_length": 2, "hidden_dropout": 0.0},
    )
    encoder = SpeechEncoder(config).train()
    with_audio = []
    encoder.encoder.register_forward_pre_hook(lambda _, given: with_audio.append(given[0]))
    torch.manual_seed(0)
    encoder(torch.randn(3, 60, 8), torch.tensor([60, 40, 20]))
    (states,) = with_audio
    gone = (states == 0).all(dim=1)  # (batch, hidden)
    assert gone.any()
    masked = ((states == encoder.masked_spec_embed) | gone[:, None]).all(dim=2)  # (batch, frames)
    assert masked[:2].any(dim=1).all()
    assert not masked[1, 40:].any()
    assert not masked.all()
