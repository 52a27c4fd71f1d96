import numpy as np
import pytest
import torch
from small_models import KINDS, inputs_of, make_backbone, training, waveforms
from transformers import (
    HubertForCTC,
    Wav2Vec2ForPreTraining,
)

from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.runtime.errors import UserError


def reference(backbone, waveform, stem):
    """Forward pass of transformers on our stem features, which must equal those of transformers except for rounding."""

    def replaced(_, __, output):
        rounded = stem(waveform).T[None]
        assert torch.allclose(output, rounded, rtol=2**-7, atol=1e-5)
        return rounded

    handle = backbone.feature_extractor.register_forward_hook(replaced)
    with torch.no_grad():
        states = backbone(waveform[None]).last_hidden_state
    handle.remove()
    return states.mean(dim=1)[0]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize("stable", [False, True])
def test_a_padded_batch_equals_transformers_without_padding(tmp_path, kind, norm, stable):
    backbone = make_backbone(tmp_path, kind, norm, stable)
    model = loading.build(training(), tmp_path).eval()
    with torch.no_grad():
        output = model(*inputs_of(model))
    expected = torch.stack([reference(backbone, waveform, model.stem) for waveform in waveforms()])
    assert expected.std(dim=0).mean() > 0.01
    assert torch.allclose(output.pooled, expected, atol=1e-4)
    assert torch.allclose(output.predictions, model.head(expected), atol=1e-4)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_padding_does_not_change_a_trained_stem(tmp_path, kind, norm):
    backbone = make_backbone(tmp_path, kind, norm)
    model = loading.build(training(train_stem=True), tmp_path).eval()
    assert model.input_kind == "waveform"
    with torch.no_grad():
        found = model.encode(*inputs_of(model))
        expected = torch.cat([backbone(waveform[None]).last_hidden_state.mean(dim=1) for waveform in waveforms()])
    assert torch.allclose(found, expected, atol=1e-4)
    model.train()
    model(*inputs_of(model)).predictions.sum().backward()
    assert all(weight.grad is not None for weight in model.stem.extractor.parameters())


@pytest.mark.parametrize("kind", list(KINDS))
def test_values_in_the_padding_do_not_matter(tmp_path, kind):
    make_backbone(tmp_path, kind)
    model = loading.build(training(), tmp_path).eval()
    padded, lengths = inputs_of(model)
    with torch.no_grad():
        expected = model.encode(padded, lengths)
        for row, length in enumerate(lengths):
            padded[row, length:] = 1e3
        assert torch.equal(model.encode(padded, lengths), expected)


def test_bfloat16_products_are_close_and_pooling_is_float32(tmp_path):
    make_backbone(tmp_path)
    model = loading.build(training(), tmp_path).eval()
    with torch.no_grad():
        expected = model.encode(*inputs_of(model))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = model(*inputs_of(model))
    assert output.pooled.dtype == output.predictions.dtype == torch.float32
    assert not torch.equal(output.pooled, expected)
    assert torch.allclose(output.pooled, expected, atol=0.05)


@pytest.mark.parametrize("kind", list(KINDS))
def test_stem_features_are_rounded_and_their_number_is_known(tmp_path, kind):
    backbone = make_backbone(tmp_path, kind)
    stem = load_stem(tmp_path)
    for samples in (1, stem.receptive_field - 1, stem.receptive_field, 1_234, 5_000):
        waveform = torch.randn(samples)
        features = stem(waveform)
        assert features.shape == (stem.frames(samples), 8)
        assert torch.equal(features, features.to(torch.bfloat16).float())
        if samples >= stem.receptive_field:
            with torch.no_grad():
                exact = backbone.feature_extractor(waveform[None])[0].T
            assert torch.allclose(features, exact, rtol=2**-8, atol=1e-6)  # sums in another order
    assert stem.frames(stem.receptive_field) == 1
    assert stem.frames(stem.receptive_field + 80) == 2


@pytest.mark.parametrize("kind", list(KINDS))
def test_top_layers_are_dropped(tmp_path, kind):
    backbone = make_backbone(tmp_path, kind)
    model = loading.build(training(layers=2), tmp_path).eval()
    assert len(model.backbone.encoder.layers) == 2
    backbone.encoder.layers = backbone.encoder.layers[:2]
    with torch.no_grad():
        found = model.encode(*inputs_of(model))
    expected = torch.stack([reference(backbone, waveform, model.stem) for waveform in waveforms()])
    assert torch.allclose(found, expected, atol=1e-4)
    with pytest.raises(UserError, match="it has 3"):
        loading.build(training(layers=4), tmp_path)


def test_random_weights_depend_on_the_seed_and_differ_from_the_backbone(tmp_path):
    backbone = make_backbone(tmp_path)
    built = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        built.append(loading.build(training(pretrained=False), tmp_path).state_dict())
    name = "backbone.encoder.layers.0.attention.q_proj.weight"
    assert torch.equal(built[0][name], built[1][name])
    assert not torch.equal(built[0][name], built[2][name])
    assert not torch.equal(built[0][name], backbone.encoder.layers[0].attention.q_proj.weight)


@pytest.mark.parametrize(
    ("settings", "trained", "fixed"),
    [
        ({}, ("feature_projection", "encoder", "regression"), ("feature_extractor",)),
        ({"train_stem": True}, ("feature_extractor", "feature_projection", "encoder", "regression"), ()),
        ({"frozen": True}, ("regression",), ("feature_extractor", "feature_projection", "encoder")),
    ],
)
@pytest.mark.parametrize("kind", list(KINDS))
def test_which_weights_are_trained(tmp_path, kind, settings, trained, fixed):
    make_backbone(tmp_path, kind, layerdrop=0.0)
    model = loading.build(training(**settings), tmp_path).train()
    model(*inputs_of(model)).predictions.sum().backward()
    names = [name for name, _ in model.named_parameters()]
    assert [part for part in (*trained, *fixed) if not any(part in name for name in names)] == []
    for name, weight in model.named_parameters():
        if any(part in name for part in trained):
            assert weight.grad is not None, name
        if any(part in name for part in fixed):
            assert weight.grad is None, name


def test_the_backbones_own_regularisation_is_on_in_training_only(tmp_path):
    dropouts = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout"), 0.0)
    make_backbone(tmp_path, layerdrop=0.0, mask_time_prob=0.5, mask_time_length=4, **dropouts)
    model = loading.build(training(), tmp_path)
    np.random.seed(0)
    assert not torch.equal(model.train().encode(*inputs_of(model)), model.encode(*inputs_of(model)))
    assert torch.equal(model.eval().encode(*inputs_of(model)), model.encode(*inputs_of(model)))

    make_backbone(tmp_path, layerdrop=0.5, mask_time_prob=0.0, **dropouts)
    model = loading.build(training(), tmp_path).train()
    runs = [0] * 3
    for index, layer in enumerate(model.backbone.encoder.layers):
        layer.register_forward_hook(lambda *_, index=index: runs.__setitem__(index, runs[index] + 1))
    for _ in range(12):
        model.encode(*inputs_of(model))
    assert 0 < sum(runs) < 36


def test_masking_in_training_stays_off_where_the_batch_is_shorter_than_a_mask(tmp_path):
    make_backbone(tmp_path, mask_time_prob=0.5, mask_time_length=10)
    model = loading.build(training(), tmp_path).train()
    assert model.encode(torch.randn(2, 9, 8), torch.tensor([9, 4])).isfinite().all()


def test_a_frozen_backbone_is_never_in_training(tmp_path):
    make_backbone(tmp_path, mask_time_prob=0.5, mask_time_length=4)
    model = loading.build(training(frozen=True), tmp_path).train()
    assert torch.equal(model.encode(*inputs_of(model)), model.encode(*inputs_of(model)))
    assert model.head.training


def test_checkpointing_changes_no_gradient(tmp_path):
    make_backbone(tmp_path, layerdrop=0.0)
    gradients = []
    for checkpointing in (False, True):
        torch.manual_seed(0)
        model = loading.build(training(activation_checkpointing=checkpointing), tmp_path).train()
        torch.manual_seed(0)
        np.random.seed(0)
        model(*inputs_of(model)).predictions.square().sum().backward()
        gradients.append(model.backbone.encoder.layers[0].attention.q_proj.weight.grad)
    assert torch.allclose(*gradients, atol=1e-6)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("settings", [{}, {"train_stem": True}, {"frozen": True, "layers": 2}])
def test_a_saved_model_is_loaded_with_the_same_numbers(tmp_path, kind, settings):
    make_backbone(tmp_path / "backbone", kind)
    model = loading.build(training(precision="fp32", **settings), tmp_path / "backbone").eval()
    model.save(tmp_path / "model")
    loaded = loading.load(tmp_path / "model")
    assert (loaded.input_kind, loaded.frozen, loaded.precision) == (model.input_kind, model.frozen, "fp32")
    assert not loaded.training
    with torch.no_grad():
        expected, found = model(*inputs_of(model)), loaded(*inputs_of(loaded))
    assert torch.equal(found.predictions, expected.predictions)
    assert torch.equal(found.pooled, expected.pooled)


@pytest.mark.parametrize(("kind", "whole"), [("hubert", HubertForCTC), ("wav2vec2", Wav2Vec2ForPreTraining)])
def test_a_backbone_with_its_pretraining_head_loads(tmp_path, kind, whole):
    backbone = getattr(make_backbone(tmp_path, kind, model=whole), kind)
    model = loading.build(training(), tmp_path).eval()
    with torch.no_grad():
        found = model.encode(*inputs_of(model))
    expected = torch.stack([reference(backbone, waveform, model.stem) for waveform in waveforms()])
    assert torch.allclose(found, expected, atol=1e-4)
