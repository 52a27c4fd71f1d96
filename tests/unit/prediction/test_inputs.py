import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Wav2Vec2FeatureExtractor

from valence_gap.audio.packs import write_pack
from valence_gap.definitions.models import Backbone
from valence_gap.models.front_ends.stem import Stem
from valence_gap.prediction.inputs import normalise, open_inputs, pad, subset
from valence_gap.runtime.errors import UserError

SAMPLES = {"b": 900, "a": 5_000, "c": 1}


@pytest.fixture
def audio(tmp_path):
    generator = np.random.default_rng(0)
    blocks = [(name, generator.integers(-9_000, 9_000, count).astype(np.int16)) for name, count in SAMPLES.items()]
    write_pack(tmp_path / "audio", blocks, {})
    return tmp_path / "audio", dict(blocks)


class Extractor(torch.nn.Module):
    """One convolution with the interface of transformers' feature extractors."""

    def __init__(self):
        super().__init__()
        layer = torch.nn.Module()
        layer.conv, layer.activation = torch.nn.Conv1d(1, 4, 400, stride=320), torch.nn.Identity()
        self.conv_layers = torch.nn.ModuleList([layer])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=50))
def test_normalised_as_transformers_does(values):
    expected = Wav2Vec2FeatureExtractor(do_normalize=True)(np.array(values, dtype=np.float64), sampling_rate=16_000)
    found = normalise(torch.tensor(values, dtype=torch.float32))
    assert np.allclose(found.numpy(), expected["input_values"][0], atol=1e-4)


def test_silence_and_empty_audio_stay_finite():
    assert not normalise(torch.full((100,), 0.25)).any()
    assert normalise(torch.zeros(0)).shape == (0,)


def test_waveforms_have_zero_mean_and_unit_variance(audio):
    folder, raw = audio
    inputs = open_inputs("waveform", audio=folder)
    assert inputs.ids == list(SAMPLES)
    assert inputs.lengths.tolist() == list(SAMPLES.values())
    assert abs(float(inputs[1].mean())) < 1e-6
    assert abs(float(inputs[1].std(correction=0)) - 1) < 1e-4
    exact = raw["a"] - raw["a"].mean()
    assert np.allclose(inputs[1].numpy(), exact / exact.std(), atol=1e-3)


def test_log_mels_use_the_waveform_without_normalisation(audio):
    folder, raw = audio
    inputs = open_inputs("log-mel", audio=folder, backbone=Backbone(architecture="cnn14", mel_bins=40))
    assert [len(inputs[row]) for row in range(3)] == inputs.lengths.tolist() == [32, 32, 32]
    assert inputs[0].shape[1] == 40
    quieter = folder.parent / "quieter"
    write_pack(quieter, [("a", raw["a"] // 2)], {})
    softer = open_inputs("log-mel", audio=quieter, backbone=Backbone(architecture="cnn14", mel_bins=40))
    assert abs(float((inputs[1] - softer[0]).median()) - 6.02) < 0.1


def test_stem_features_are_computed_from_normalised_audio(audio):
    folder, _ = audio
    torch.manual_seed(0)
    own = Stem(Extractor(), (400,), (320,))
    inputs = open_inputs("stem", audio=folder, stem=own)
    waveforms = open_inputs("waveform", audio=folder)
    assert inputs.lengths.tolist() == [2, 15, 1]
    assert torch.equal(inputs[1], own(waveforms[1]))


def test_a_subset_keeps_the_given_order(audio):
    inputs = open_inputs("waveform", audio=audio[0])
    some = subset(inputs, [2, 0])
    assert len(some) == 2
    assert some.ids == ["c", "b"]
    assert some.lengths.tolist() == [1, 900]
    assert torch.equal(some[1], inputs[0])
    assert subset(some, [1]).ids == ["b"]


@pytest.mark.parametrize("shape", [(), (3,)])
def test_padding_is_zero_and_at_the_end(shape):
    tensors = [torch.randn(length, *shape) for length in (4, 1, 6)]
    padded, lengths = pad(tensors)
    assert padded.shape == (3, 6, *shape)
    assert lengths.tolist() == [4, 1, 6]
    for row, tensor in enumerate(tensors):
        assert torch.equal(padded[row, : len(tensor)], tensor)
        assert not padded[row, len(tensor) :].any()


def test_missing_folders_are_reported(tmp_path):
    (tmp_path / "features").mkdir()
    with pytest.raises(UserError, match=r"features\.npy is missing"):
        open_inputs("stem", features=tmp_path / "features")
    with pytest.raises(UserError, match="is not a pack of audio"):
        open_inputs("waveform", audio=tmp_path)
    with pytest.raises(ValueError, match="give its pack"):
        open_inputs("waveform")
