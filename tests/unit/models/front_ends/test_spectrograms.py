"""Encoders that read a spectrogram, compared with the feature extractors and models of transformers."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_models import training
from spectrogram_models import WINDOW_S, make_w2v_bert, make_whisper
from training_data import RECIPE, TRAINING, make
from transformers import (
    SeamlessM4TFeatureExtractor,
    Wav2Vec2BertForSequenceClassification,
    Wav2Vec2BertModel,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)

from valence_gap.audio.packs import Pack
from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.models.front_ends.spectrograms import FilterBank, WhisperLogMel
from valence_gap.prediction.inference import batches, predict
from valence_gap.prediction.inputs import computed_inputs, pad
from valence_gap.runtime.errors import UserError
from valence_gap.training.learners import TrainingSplit
from valence_gap.training.train import train

SAMPLES = (4_000, 15_437, 800, 9_999)


def waveforms(*samples):
    generator = torch.Generator().manual_seed(7)
    rising = [torch.linspace(0.02, 0.4, count) for count in samples or SAMPLES]
    return [slope * torch.randn(len(slope), generator=generator) for slope in rising]


def bert_features(waveform):
    extractor = SeamlessM4TFeatureExtractor(padding_value=1.0)
    return extractor(waveform.numpy(), sampling_rate=16_000, return_tensors="pt")


def whisper_features(waveform, bins=20):
    extractor = WhisperFeatureExtractor(feature_size=bins, chunk_length=WINDOW_S)
    return extractor(waveform.numpy(), sampling_rate=16_000, return_tensors="pt", return_attention_mask=True)


@torch.no_grad()
def by_transformers(backbone, waveform):
    """Mean of the last hidden states, one utterance at a time."""
    if isinstance(backbone, Wav2Vec2BertModel):
        inputs = bert_features(waveform)
        states, mask = backbone(**inputs).last_hidden_state[0], inputs["attention_mask"][0].bool()
        return states[mask].mean(dim=0)
    inputs = whisper_features(waveform)
    states = backbone.encoder(inputs["input_features"]).last_hidden_state[0]
    frames = int(inputs["attention_mask"].sum())
    return states[: (frames - 1) // 2 + 1].mean(dim=0)


def inputs_of(model, utterances):
    return pad([model.front_end(waveform) for waveform in utterances])


MAKERS = {"w2v-bert": make_w2v_bert, "whisper": make_whisper}


@pytest.mark.parametrize("samples", [560, 719, 720, 880, 16_001])
def test_the_filter_bank_is_that_of_transformers(samples):
    (waveform,) = waveforms(samples)
    found, expected = FilterBank()(waveform), bert_features(waveform)
    assert len(found) == FilterBank().frames(samples) == int(expected["attention_mask"].sum())
    assert torch.allclose(found, expected["input_features"][0, : len(found)], atol=2e-4)


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 7_999, 15_000])
@pytest.mark.parametrize("bins", [80, 128])
def test_the_log_mel_is_that_of_transformers(samples, bins):
    (waveform,) = waveforms(samples)
    found = WhisperLogMel(bins)(waveform)
    expected = whisper_features(waveform, bins)["input_features"][0].T
    assert len(found) == WhisperLogMel(bins).frames(samples)
    assert torch.allclose(found, expected[: len(found)], atol=1e-4)
    silence = WhisperLogMel.silence(found.max())
    assert torch.allclose(expected[len(found) :], silence, atol=1e-4)


def test_silence_and_short_utterances_have_frames():
    for front_end in (FilterBank(), WhisperLogMel()):
        for samples in (0, 1, 300, 5_000):
            features = front_end(torch.zeros(samples))
            assert len(features) == front_end.frames(samples) > 0
            assert torch.isfinite(features).all()


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_padded_batch_equals_transformers_one_by_one(tmp_path, kind):
    backbone = MAKERS[kind](tmp_path)
    model = loading.build(training(), tmp_path).eval()
    assert (model.input_kind, model.stem) == ("spectrogram", None)
    padded, lengths = inputs_of(model, waveforms())
    with torch.no_grad():
        output = model(padded, lengths)
        expected = torch.stack([by_transformers(backbone, waveform) for waveform in waveforms()])
        assert expected.std(dim=0).mean() > 0.01
        assert torch.allclose(output.pooled, expected, atol=1e-4)
        assert torch.allclose(output.predictions, model.head(expected), atol=1e-4)
        for row, length in enumerate(lengths):
            padded[row, length:] = 1e3
        assert torch.equal(model.encode(padded, lengths), output.pooled)


def test_padding_does_not_change_w2v_bert_with_other_positions(tmp_path):
    for positions in ("relative", "rotary"):
        backbone = make_w2v_bert(tmp_path, position_embeddings_type=positions)
        model = loading.build(training(), tmp_path).eval()
        with torch.no_grad():
            found = model.encode(*inputs_of(model, waveforms()))
        expected = torch.stack([by_transformers(backbone, waveform) for waveform in waveforms()])
        assert torch.allclose(found, expected, atol=1e-4), positions


def test_whisper_cuts_utterances_longer_than_its_window(tmp_path):
    backbone = make_whisper(tmp_path)
    model = loading.build(training(), tmp_path).eval()
    (long,) = waveforms(40_000)
    features = model.front_end(long)
    silence = WhisperLogMel.silence(features.max())
    windows = torch.full((3, 100, 20), silence.item())
    windows.view(300, 20)[: len(features)] = features
    with torch.no_grad():
        states = backbone.encoder(windows.transpose(1, 2)).last_hidden_state
        expected = states.reshape(150, -1)[:125].mean(dim=0)  # 40000 samples are 125 frames of 20 ms
        assert torch.allclose(model.encode(*inputs_of(model, [long]))[0], expected, atol=1e-4)
        beside = model.encode(*inputs_of(model, [*waveforms(), long]))
        assert torch.allclose(beside[-1], expected, atol=1e-4)
        assert torch.allclose(beside[:-1], model.encode(*inputs_of(model, waveforms())), atol=1e-4)


@pytest.mark.parametrize(("kind", "layers"), [("w2v-bert", "encoder.layers"), ("whisper", "encoder.layers")])
def test_top_layers_are_dropped(tmp_path, kind, layers):
    backbone = MAKERS[kind](tmp_path)
    model = loading.build(training(layers=2), tmp_path).eval()
    parent = backbone.get_submodule(layers.rpartition(".")[0])
    parent.layers = parent.layers[:2]
    with torch.no_grad():
        found = model.encode(*inputs_of(model, waveforms()))
    expected = torch.stack([by_transformers(backbone, waveform) for waveform in waveforms()])
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("make", "kind"),
    [(make_w2v_bert, Wav2Vec2BertForSequenceClassification), (make_whisper, WhisperForConditionalGeneration)],
)
def test_models_with_heads_from_the_hub_are_backbones_too(tmp_path, make, kind):
    whole = make(tmp_path, kind=kind)
    backbone = whole.base_model
    model = loading.build(training(), tmp_path).eval()
    with torch.no_grad():
        found = model.encode(*inputs_of(model, waveforms()))
    expected = torch.stack([by_transformers(backbone, waveform) for waveform in waveforms()])
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_a_saved_model_is_the_same_one(tmp_path, kind):
    MAKERS[kind](tmp_path / "backbone")
    model = loading.build(training(layers=2), tmp_path / "backbone").eval()
    model.save(tmp_path / "model")
    loaded = loading.load(tmp_path / "model")
    with torch.no_grad():
        one, other = (each(*inputs_of(each, waveforms())) for each in (model, loaded))
    assert torch.equal(one.predictions, other.predictions)
    assert torch.equal(one.pooled, other.pooled)


@pytest.mark.parametrize(
    ("kind", "settings", "fixed"),
    [
        ("w2v-bert", {}, ()),
        ("whisper", {}, ("conv1", "conv2", "embed_positions")),
        ("whisper", {"train_stem": True}, ("embed_positions",)),
        ("w2v-bert", {"frozen": True}, ("backbone",)),
        ("whisper", {"frozen": True}, ("backbone",)),
    ],
)
def test_which_weights_are_trained(tmp_path, kind, settings, fixed):
    MAKERS[kind](tmp_path, **({"layerdrop": 0.0} if kind == "w2v-bert" else {}))
    model = loading.build(training(**settings), tmp_path).train()
    np.random.seed(0)
    model(*inputs_of(model, waveforms())).predictions.sum().backward()
    untrained = {name for name, weight in model.named_parameters() if weight.grad is None}
    expected = {name for name, _ in model.named_parameters() if any(part in name for part in fixed)}
    # Distances that occur in no utterance have no gradient, nor has SpecAugment's vector if no frame is masked.
    assert untrained - {"backbone.masked_spec_embed"} == expected - {"backbone.masked_spec_embed"}


def test_bfloat16_products_are_close(tmp_path):
    for make_backbone in MAKERS.values():
        make_backbone(tmp_path)
        model = loading.build(training(), tmp_path).eval()
        with torch.no_grad():
            expected = model.encode(*inputs_of(model, waveforms()))
            with torch.autocast("cpu", dtype=torch.bfloat16):
                output = model(*inputs_of(model, waveforms()))
        assert output.pooled.dtype == output.predictions.dtype == torch.float32
        assert torch.allclose(output.pooled, expected, atol=0.2)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_models_predict_packs_of_audio(tmp_path, kind):
    MAKERS[kind](tmp_path)
    model = loading.build(training(), tmp_path).eval()
    audio = [(waveform * 2**15).round().to(torch.int16).numpy() for waveform in waveforms()]
    lengths = np.array([len(each) for each in audio])
    pack = Pack(["a", "b", "c", "d"], np.cumsum(lengths) - lengths, lengths, np.concatenate(audio))
    inputs = computed_inputs(model.input_kind, pack, front_end=model.front_end)
    assert [len(inputs[row]) for row in range(4)] == list(inputs.lengths)
    together = predict(model, inputs, precision="fp32")
    alone = predict(model, inputs, precision="fp32", seconds_per_batch=0.01)
    assert np.allclose(together[1], alone[1], atol=1e-4)
    if kind == "whisper":  # the batch size includes the padding of the encoder
        assert model.min_length == 100
        assert len(list(batches(np.maximum(inputs.lengths, 100), 2 * 100))) == 2


@pytest.mark.parametrize("kind", list(MAKERS))
def test_there_is_no_stem_to_cache(tmp_path, kind):
    MAKERS[kind](tmp_path)
    with pytest.raises(UserError, match="no convolutional stem") as caught:
        load_stem(tmp_path)
    assert "streamed: true" in str(caught.value)


def test_other_spectrograms_than_ours_are_refused(tmp_path):
    make_w2v_bert(tmp_path / "bert")
    (tmp_path / "bert/preprocessor_config.json").write_text(json.dumps({"stride": 4, "num_mel_bins": 80}))
    make_whisper(tmp_path / "whisper")
    (tmp_path / "whisper/preprocessor_config.json").write_text(json.dumps({"hop_length": 320, "n_fft": 512}))
    make_w2v_bert(tmp_path / "narrow", feature_projection_input_dim=80)
    for folder, messages in {
        "bert": ["stride 4, not 2"],
        "whisper": ["hop_length 320, not 160", "n_fft 512, not 400"],
        "narrow": ["feature_projection_input_dim 80, not 160"],
    }.items():
        with pytest.raises(UserError, match="not supported") as caught:
            loading.build(training(), tmp_path / folder)
        assert len(caught.value.offenders) == len(messages)
        assert all(text in str(caught.value) for text in messages)


@pytest.mark.parametrize("kind", list(MAKERS))
def test_models_are_trained_on_packs_of_audio(tmp_path, kind):
    MAKERS[kind](tmp_path / "encoder")
    data = make(tmp_path)
    sources = {"train": data.train, "dev": data.dev}
    with_audio = {
        split: TrainingSplit(each.labels, None, each.labels.parent / "audio") for split, each in sources.items()
    }
    arguments = data.arguments(tmp_path) | {
        "backbone": tmp_path / "encoder",
        "train_split": with_audio["train"],
        "dev_split": with_audio["dev"],
    }
    recipe = replace(RECIPE, epochs=1, max_duration_s=0.5, micro_batch_size=4, activation_checkpointing=True)
    train(replace(TRAINING, recipe=recipe), **arguments)
    assert loading.load(tmp_path / "output").input_kind == "spectrogram"
    with pytest.raises(UserError, match="no input for the labels in"):
        train(replace(TRAINING, recipe=recipe), **arguments | {"train_split": data.train, "output": tmp_path / "o"})
