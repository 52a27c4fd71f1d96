"""Backbones that were pre-trained on waveforms as they are (do_normalize: false), such as WavLM Base."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from finished import make_model
from small_models import make_backbone, training
from transformers import AutoFeatureExtractor, WavLMModel

from valence_gap.audio.packs import write_pack
from valence_gap.export.to_huggingface import CardOptions, export_huggingface
from valence_gap.models import loading
from valence_gap.prediction.inference import predict_conditions
from valence_gap.prediction.inputs import open_inputs
from valence_gap.prediction.stem_features import extract_features
from valence_gap.runtime.errors import UserError

LENGTHS = {"a": 9_000, "b": 5_000}


def backbone(folder: Path, normalised: bool | None) -> Any:
    encoder = make_backbone(folder, "wavlm")
    if normalised is not None:
        settings = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": normalised}
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return encoder


def samples() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {name: generator.integers(-999, 3_000, n).astype(np.int16) for name, n in LENGTHS.items()}


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    write_pack(tmp_path / "audio", [*samples().items()], {})
    return tmp_path / "audio"


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("train_stem", [True, False])
def test_states_are_those_of_transformers_with_its_own_preprocessor(
    tmp_path: Path, audio: Path, normalised: bool, train_stem: bool
) -> None:
    backbone(tmp_path / "b", normalised)
    model = loading.build(training(train_stem=train_stem, precision="fp32"), tmp_path / "b").eval()
    inputs = open_inputs(model.input_kind, audio=audio, stem=model.stem)
    extractor = AutoFeatureExtractor.from_pretrained(tmp_path / "b")
    encoder = WavLMModel.from_pretrained(tmp_path / "b").eval()
    for row, each in enumerate(samples().values()):
        given = extractor(each.astype(np.float32) / 32_768, sampling_rate=16_000, return_tensors="pt").input_values
        with torch.no_grad():
            expected = encoder(given).last_hidden_state.mean(dim=1)[0]
            found = model(inputs[row][None], torch.tensor([len(inputs[row])])).pooled[0]
        assert torch.allclose(found, expected, atol=0.02)  # stem features are rounded


@pytest.mark.parametrize(("given", "expected"), [(None, True), (True, True), (False, False)])
def test_stored_features_are_those_of_the_same_audio_and_say_so(
    tmp_path: Path, audio: Path, given: bool | None, expected: bool
) -> None:
    backbone(tmp_path / "b", given)
    extract_features(tmp_path / "b", audio, tmp_path / "features")
    model = loading.build(training(), tmp_path / "b")
    stored = open_inputs("stem", features=tmp_path / "features", stem=model.stem)
    computed = open_inputs("stem", audio=audio, stem=model.stem)
    assert all(torch.equal(stored[row], computed[row]) for row in range(len(LENGTHS)))
    record = json.loads((tmp_path / "features/run.json").read_text())
    assert record.get("normalised", True) == expected


@pytest.mark.parametrize("model_says", [True, False])
def test_features_of_otherwise_normalised_audio_are_refused(tmp_path: Path, audio: Path, model_says: bool) -> None:
    backbone(tmp_path / "b", not model_says)
    extract_features(tmp_path / "b", audio, tmp_path / "features")
    backbone(tmp_path / "b", model_says)
    stem = loading.build(training(), tmp_path / "b").stem
    with pytest.raises(UserError, match="differ in the normalisation of the audio") as caught:
        open_inputs("stem", features=tmp_path / "features", stem=stem)
    assert len(caught.value.offenders) == 2
    assert "-R extract_stem_features" in caught.value.remedy


def test_a_trained_model_keeps_its_normalisation_in_the_study_and_outside(tmp_path: Path, audio: Path) -> None:
    backbone(tmp_path / "b", normalised=False)
    model = loading.build(training(precision="fp32"), tmp_path / "b")
    model.save(tmp_path / "model")
    assert not loading.load(tmp_path / "model").stem.normalised
    predict_conditions(tmp_path / "model", {"clean": audio}, tmp_path / "p.parquet", embeddings=tmp_path / "e.npy")
    in_study = pd.read_parquet(tmp_path / "p.parquet")["valence"].to_numpy()
    config = json.loads((tmp_path / "model/config.json").read_text())
    config["valence_gap"].pop("normalised")  # as models were saved that were trained on normalised audio
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    assert loading.load(tmp_path / "model").stem.normalised
    predict_conditions(tmp_path / "model", {"clean": audio}, tmp_path / "p.parquet", embeddings=tmp_path / "e.npy")
    assert not np.allclose(pd.read_parquet(tmp_path / "p.parquet")["valence"].to_numpy(), in_study)


def test_an_export_says_how_its_input_is_normalised(tmp_path: Path) -> None:
    make_model(tmp_path)
    for normalised in (True, False):
        config = json.loads((tmp_path / "model/config.json").read_text())
        config["valence_gap"]["normalised"] = normalised
        (tmp_path / "model/config.json").write_text(json.dumps(config))
        export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m"))
        assert AutoFeatureExtractor.from_pretrained(tmp_path / "out").do_normalize == normalised
        assert loading.load(tmp_path / "out").stem.normalised == normalised


def test_a_released_model_is_read_as_its_preprocessor_says(tmp_path: Path) -> None:
    make_model(tmp_path)
    config = json.loads((tmp_path / "model/config.json").read_text())
    del config["valence_gap"]
    (tmp_path / "model/config.json").write_text(json.dumps(config))
    (tmp_path / "model/preprocessor_config.json").write_text('{"do_normalize": false}')
    assert not loading.load(tmp_path / "model").stem.normalised
    (tmp_path / "model/preprocessor_config.json").write_text("{")
    with pytest.raises(UserError, match=r"configuration of a model's input cannot be read"):
        loading.load(tmp_path / "model")
