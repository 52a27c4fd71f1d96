import json
import math

import numpy as np
import pytest
import torch
from small_models import cnn14_training, make_cnn14

from valence_gap.definitions.models import Backbone
from valence_gap.models import cnn14, loading
from valence_gap.models.cnn14 import Cnn14, Cnn14Config, min_frames
from valence_gap.models.front_ends.log_mel import LogMel, mel_filters
from valence_gap.models.layers import valid_frames
from valence_gap.prediction.inputs import log_mel, pad
from valence_gap.runtime.errors import UserError

FRAMES = (40, 8, 23, 31)


def spectrograms():
    generator = torch.Generator().manual_seed(2)
    return [torch.randn(frames, 16, generator=generator) * 20 - 40 for frames in FRAMES]


def reference(network, spectrogram, pooling):
    """PANNs' forward pass of one utterance, written from section III-B of the paper."""
    states = network.bn0(spectrogram.T[None]).transpose(1, 2)[None]
    for index, block in enumerate(network.blocks):
        for convolution, norm in ((block.conv1, block.bn1), (block.conv2, block.bn2)):
            states = torch.relu(norm(torch.nn.functional.conv2d(states, convolution.weight, padding=1)))
        if index < len(network.blocks) - 1:
            states = pooling(2)(states)
    course = states.mean(dim=3)
    embedding = course.mean(dim=2)
    hidden = torch.relu(network.classifier.dense(course.amax(dim=2) + embedding))
    return embedding[0], network.classifier.out_proj(hidden)[0]


@pytest.mark.parametrize(("block_pooling", "pooling"), [("max", torch.nn.MaxPool2d), ("average", torch.nn.AvgPool2d)])
def test_a_padded_batch_equals_every_utterance_alone(block_pooling, pooling):
    model = make_cnn14(block_pooling=block_pooling)
    padded, lengths = pad(spectrograms())
    padded[1, 8:] = 1e3  # values in the padding must not matter
    with torch.no_grad():
        output = model(padded, lengths)
        heads = model.head(model.encode(padded, lengths))
        for row, spectrogram in enumerate(spectrograms()):
            embedding, predictions = reference(model.network, spectrogram, pooling)
            assert torch.allclose(output.pooled[row], embedding, atol=1e-5)
            assert torch.allclose(output.predictions[row], predictions, atol=1e-5)
    assert torch.equal(heads, output.predictions)
    assert output.predictions.std(dim=0).min() > 1e-3


def test_padding_does_not_change_the_statistics_of_batch_normalisation():
    padded, lengths = pad(spectrograms())
    outputs, statistics = [], []
    for more in (0, 64):
        model = make_cnn14(block_dropout=0.0).train()
        outputs.append(model(torch.nn.functional.pad(padded, (0, 0, 0, more), value=1e3), lengths).predictions)
        statistics.append(torch.cat([each.float().flatten() for each in model.buffers()]))
    assert torch.allclose(*outputs, atol=1e-4)
    assert torch.allclose(*statistics, atol=1e-4)


def trained(model, padded, lengths):
    """Predictions, the gradients of all weights and the statistics of batch normalisation after one step."""
    predictions = model(padded, lengths).predictions
    predictions.square().sum().backward()
    gradients = torch.cat([weight.grad.flatten() for weight in model.parameters()])
    return predictions, gradients, torch.cat([each.double().flatten() for each in model.buffers()])


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("training", [True, False])
def test_the_network_of_a_gpu_is_the_same_with_few_shapes(pooling, training, monkeypatch):
    padded, lengths = pad(spectrograms())
    models = [make_cnn14(block_pooling=pooling, block_dropout=0.0).train(training) for _ in range(2)]
    expected = trained(models[0], padded, lengths)
    for module in (cnn14, valid_frames):
        monkeypatch.setattr(module, "is_on_gpu", lambda states: True)
    shapes = []
    models[1].network.blocks[0].conv1.register_forward_hook(lambda _, given, __: shapes.append(given[0].shape))
    found = trained(models[1], padded, lengths)
    assert [shape[2] for shape in shapes] == [64]  # 40 frames
    for one, other in zip(expected, found, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * float(one.detach().abs().max()))
    with torch.inference_mode():
        models[1].eval()(padded[:, :32], lengths.clamp(max=32))
    assert shapes[1][2] == 32


def test_the_gradient_of_rows_that_are_selected_once_is_that_of_index_select():
    states = torch.randn(9, 5, dtype=torch.float64, requires_grad=True)
    rows = torch.tensor([0, 1, 4, 8])
    valid_frames._Gather.apply(states, rows).square().sum().backward()
    found, states.grad = states.grad, None
    states.index_select(0, rows).square().sum().backward()
    assert torch.equal(found, states.grad)
    assert torch.autograd.gradcheck(lambda given: valid_frames._Gather.apply(given, rows), states)


def test_dropout_follows_each_block_in_training_only():
    model = make_cnn14(block_dropout=0.9)
    padded, lengths = pad(spectrograms())
    with torch.no_grad():
        assert torch.equal(model.encode(padded, lengths), model.encode(padded, lengths))
        kept = make_cnn14(block_dropout=0.0)
        assert torch.equal(kept.encode(padded, lengths), model.encode(padded, lengths))
        model.train()
        assert float((model.encode(padded, lengths) == 0).float().mean()) > float(
            (kept.train().encode(padded, lengths) == 0).float().mean()
        )


def test_stripes_are_masked_after_the_first_normalisation_in_training_only():
    padded, lengths = pad(spectrograms())
    model, plain = make_cnn14(spec_augment=True, block_dropout=0.0), make_cnn14(block_dropout=0.0)
    seen = []
    model.network.blocks[0].conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    plain.network.blocks[0].conv1.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        assert torch.equal(model.encode(padded, lengths), plain.encode(padded, lengths))
        model.train().encode(padded, lengths)
        plain.train().encode(padded, lengths)
    masked, whole = seen[2:]
    kept = masked != 0
    assert torch.equal(masked[kept], whole[kept])
    assert 0.3 < float(kept.sum() / (whole != 0).sum()) < 0.98


def test_spec_augment_is_kept_with_the_model(tmp_path):
    model = make_cnn14(spec_augment=True)
    model.save(tmp_path)
    assert loading.load(tmp_path).shape.spec_augment
    assert "spec_augment" not in Cnn14Config().model_dump()


def test_all_weights_are_trained():
    model = make_cnn14().train()
    model(*pad(spectrograms())).predictions.square().sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_default_is_the_papers_network():
    backbone = Backbone(architecture="cnn14")
    config = Cnn14Config(channels=backbone.channels, mel_bins=backbone.mel_bins)
    with torch.device("meta"):
        network = Cnn14(config)
    layers = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    assert len(layers) == 14
    assert [block.conv2.out_channels for block in network.blocks] == [64, 128, 256, 512, 1024, 2048]
    assert min_frames(6) == 32
    spectrogram = log_mel(backbone)
    assert (spectrogram.window, spectrogram.hop, spectrogram.bins, spectrogram.min_frames) == (512, 160, 64, 32)


def test_a_saved_model_is_loaded_with_the_same_numbers(tmp_path):
    model = make_cnn14(window_s=0.025, hop_s=0.02, block_pooling="average")
    model.save(tmp_path)
    loaded = loading.load(tmp_path)
    released = Cnn14.from_pretrained(tmp_path)
    batch = pad(spectrograms())
    with torch.no_grad():
        expected = model(*batch)
        assert torch.equal(loaded(*batch).predictions, expected.predictions)
        pooled, predictions = released(*batch)
    assert torch.allclose(predictions, expected.predictions, atol=1e-5)
    assert torch.allclose(pooled, expected.pooled, atol=1e-5)
    assert (
        loaded.backbone_definition
        == model.backbone_definition
        == cnn14_training(window_s=0.025, hop_s=0.02, block_pooling="average").backbone
    )
    assert loaded.precision == "fp32"


def test_a_damaged_folder_is_reported_with_a_remedy(tmp_path):
    make_cnn14().save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "channels": [3, 4, 5, 7]}))
    with pytest.raises(UserError, match=r"blocks\.3\.conv1\.weight is"):
        loading.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**config, "mel_bins": "many"}))
    with pytest.raises(UserError, match=r"config\.json"):
        loading.load(tmp_path)


def test_too_few_mel_bins_for_the_blocks_are_refused():
    with pytest.raises(UserError, match="7 Mel bins"):
        loading.build(cnn14_training(mel_bins=7), None)


def slaney_mel(hertz):
    return np.where(hertz < 1000, 3 * hertz / 200, 15 + 27 * np.log(np.maximum(hertz, 1e-9) / 1000) / math.log(6.4))


def test_filters_are_triangles_of_unit_area_on_slaneys_scale():
    filters = mel_filters(40, 8192).numpy()
    frequencies = np.arange(4097) * 16_000 / 8192
    peaks = frequencies[filters.argmax(axis=0)]
    expected = np.linspace(slaney_mel(np.array(50.0)), slaney_mel(np.array(8000.0)), 42)[1:-1]
    assert np.allclose(slaney_mel(peaks), expected, atol=0.03)
    assert np.allclose(filters.sum(axis=0) * 16_000 / 8192, 1, atol=2e-3)
    assert not filters[frequencies < 50].any()
    shared = filters.sum(axis=1) > 0
    assert shared[(frequencies > 60) & (frequencies < 7990)].all()


def test_log_mel_depends_on_pitch_and_loudness():
    spectrogram = LogMel(64, 0.032, 0.010, 32)
    time = torch.arange(16_000) / 16_000
    tone = 0.1 * torch.sin(2 * math.pi * 1000 * time)
    quiet, loud = spectrogram(tone), spectrogram(tone * 10)
    assert quiet.shape == (101, 64)
    inner = slice(3, -3)
    centres = np.linspace(slaney_mel(np.array(50.0)), slaney_mel(np.array(8000.0)), 66)[1:-1]
    nearest = int(np.abs(centres - slaney_mel(np.array(1000.0))).argmin())
    assert set(quiet[inner].argmax(dim=1).tolist()) == {nearest}
    assert torch.allclose((loud - quiet)[inner, nearest], torch.tensor(20.0), atol=1e-3)


@pytest.mark.parametrize("samples", [0, 1, 159, 4_959, 4_960, 5_120, 16_001])
def test_short_utterances_get_enough_frames_of_silence(samples):
    spectrogram = LogMel(64, 0.032, 0.010, 32)
    found = spectrogram(torch.ones(samples) * 0.5)
    assert len(found) == spectrogram.frames(samples) == 1 + max(samples, 4_960) // 160
    if samples < 4_000:
        assert torch.equal(found[-1], torch.full((64,), -100.0))
