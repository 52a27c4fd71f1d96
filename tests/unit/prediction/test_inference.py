import json
import os
import tracemalloc
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import make_backbone, make_cnn14, training

from valence_gap.audio.packs import write_pack
from valence_gap.cli import main
from valence_gap.models import loading
from valence_gap.models.base import ModelOutput
from valence_gap.models.front_ends.stem import Stem
from valence_gap.models.operations import forward_flop, stem_flop_per_s
from valence_gap.prediction import inference
from valence_gap.prediction.inference import batches, predict, predict_conditions
from valence_gap.prediction.inputs import open_inputs, subset
from valence_gap.prediction.stem_features import extract_features
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError

FLOAT32 = ("--format", "float32")
SAMPLES = {"b": 9_000, "a": 5_000, "c": 300, "d": 8_999, "e": 12_345}


def make_audio(folder, seed=0):
    generator = np.random.default_rng(seed)
    write_pack(folder, [(name, generator.integers(-999, 999, n).astype(np.int16)) for name, n in SAMPLES.items()], {})
    return folder


def make_model(folder, kind, precision="fp32"):
    torch.manual_seed(0)
    if kind == "log-mel":
        model = make_cnn14(mel_bins=32)
    else:
        make_backbone(folder / "backbone", mask_time_prob=0.5)
        model = loading.build(training(train_stem=kind == "waveform", precision=precision), folder / "backbone")
    model.save(folder / "model")
    return model


@given(
    st.lists(st.integers(0, 2_000), max_size=40),
    st.integers(1, 5_000),
)
def test_batches_contain_every_row_once_within_the_budget(lengths, budget):
    lengths = np.array(lengths, dtype=np.int64)
    found = list(batches(lengths, budget))
    assert sorted(np.concatenate(found).tolist() if found else []) == list(range(len(lengths)))
    for rows in found:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= budget


@pytest.mark.parametrize("kind", ["stem", "waveform", "log-mel"])
def test_predictions_depend_on_neither_batch_nor_order(tmp_path, kind):
    model = make_model(tmp_path, kind).train()
    stem = model.stem if kind == "stem" else None
    inputs = open_inputs(kind, audio=make_audio(tmp_path / "audio"), backbone=model.backbone_definition, stem=stem)
    predictions, pooled = predict(model, inputs, precision="fp32")
    assert model.training  # its mode is restored
    assert predictions.shape == (5, 3)
    assert predictions.dtype == pooled.dtype == np.float32
    alone, _ = predict(model, inputs, precision="fp32", seconds_per_batch=0.001)
    assert np.allclose(alone, predictions, atol=1e-5)
    order = [3, 0, 4, 2, 1]
    shuffled, states = predict(model, subset(inputs, order), precision="fp32", seconds_per_batch=1.0)
    assert np.allclose(shuffled, predictions[order], atol=1e-5)
    assert np.allclose(states, pooled[order], atol=1e-5)
    assert len({tuple(row) for row in predictions.round(5)}) == 5


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_stem_that_computes_utterances_together_gives_the_same_predictions(tmp_path, monkeypatch, precision):
    model = make_model(tmp_path, "stem", precision).eval()
    inputs = open_inputs("stem", audio=make_audio(tmp_path / "audio"), stem=model.stem)
    chosen = subset(inputs, [3, 0, 4, 2])
    expected = [predict(model, each, precision="fp32") for each in (inputs, chosen)]
    seen = []
    features = Stem.features
    monkeypatch.setattr(Stem, "features", lambda *given: seen.append(len(given[1])) or features(*given))
    monkeypatch.setattr(Stem, "__call__", None)  # no utterance is computed alone
    monkeypatch.setattr(inference, "has_batched_stem", lambda place: True)
    for each, (predictions, pooled) in zip((inputs, chosen), expected, strict=True):
        found = predict(model, each, precision="fp32", seconds_per_batch=1.25)
        tolerance = 1e-5 if precision == "fp32" else 1e-2  # features that are rounded to bfloat16 may differ in a bit
        assert np.allclose(found[0], predictions, atol=tolerance)
        assert np.allclose(found[1], pooled, atol=tolerance)
    assert sorted(seen) == [1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("memory", "seconds"), [(None, 64.0), (4e9, 64.0), (25.4e9, 203.2), (85.0e9, 680.0), (150.0e9, 1024.0)]
)
def test_a_gpu_predicts_as_much_at_once_as_its_memory_allows(monkeypatch, memory, seconds):
    monkeypatch.setattr(inference, "total_memory", lambda place: memory)
    assert inference.seconds_at_once(torch.device("cuda")) == pytest.approx(seconds)


def test_spectrograms_are_exact_although_the_model_multiplies_in_bfloat16(tmp_path, monkeypatch):
    model = make_model(tmp_path, "log-mel")
    inputs = open_inputs("log-mel", audio=make_audio(tmp_path / "audio"), backbone=model.backbone_definition)
    seen = []
    monkeypatch.setattr(
        model,
        "forward",
        lambda some, _: seen.append(some) or ModelOutput(some.mean(dim=(1, 2))[:, None].expand(-1, 3), some),
    )
    predict(model, inputs, precision="bf16", keep_pooled=False, seconds_per_batch=0.001)
    order = np.argsort(-inputs.lengths, kind="stable")
    assert all(torch.equal(one[0], inputs[row]) for one, row in zip(seen, order, strict=True))


@pytest.mark.parametrize(("of_model", "of_features"), [("fp32", "fp32"), ("auto", "fp32"), ("auto", "auto")])
def test_cached_and_streamed_predictions_are_equal(tmp_path, of_model, of_features):
    make_model(tmp_path, "stem", of_model)
    packs = {name: make_audio(tmp_path / name, seed=seed) for seed, name in enumerate(("clean", "fade"))}
    stored = {name: tmp_path / f"features-{name}" for name in packs}
    for name, audio in packs.items():
        extract_features(tmp_path / "backbone", audio, stored[name], rounded=of_features != "fp32")
    written = []
    for name, read, features in (("cached", dict.fromkeys(packs), stored), ("streamed", packs, None)):
        table, states = tmp_path / f"{name}.parquet", tmp_path / f"{name}.npy"
        predict_conditions(tmp_path / "model", read, table, embeddings=states, features=features)
        written.append((pd.read_parquet(table), np.load(states)))
    assert written[0][0].equals(written[1][0])
    assert np.array_equal(written[0][1], written[1][1])
    assert written[0][1].dtype == (np.float32 if of_model == "fp32" else np.float16)


def test_features_that_are_rounded_are_refused_by_a_model_in_float32(tmp_path):
    make_model(tmp_path, "stem")
    audio, features = make_audio(tmp_path / "audio"), tmp_path / "features"
    extract_features(tmp_path / "backbone", audio, features)
    with pytest.raises(UserError, match="rounded to bfloat16") as caught:
        predict_conditions(tmp_path / "model", {"clean": None}, tmp_path / "p", features={"clean": features})
    assert caught.value.offenders == (str(features / "features.npy"),)
    assert "--format float32" in caught.value.remedy


def test_the_command_writes_one_long_table(tmp_path, capsys):
    model = make_model(tmp_path, "stem").eval()
    clean, fade = make_audio(tmp_path / "clean"), make_audio(tmp_path / "fade", seed=1)
    backbone, features = str(tmp_path / "backbone"), str(tmp_path / "features")
    assert (
        main(["extract-features", "--backbone", backbone, "--audio", str(clean), "--output", features, *FLOAT32]) == 0
    )
    output = ["--output", str(tmp_path / "p.parquet"), "--embeddings", str(tmp_path / "p.npy")]
    given = ["--model", str(tmp_path / "model"), "--audio", str(clean), "--features", features]
    command = ["predict-conditions", *given, *output]
    record = tmp_path / "p.run.json"
    assert main([*command, "--condition", f"fade={fade}", "--record", str(record), "--deterministic"]) == 0
    table, states = pd.read_parquet(tmp_path / "p.parquet"), np.load(tmp_path / "p.npy")
    assert table.columns.tolist() == ["id", "condition", "arousal", "dominance", "valence"]
    assert table["condition"].tolist() == ["clean"] * 5 + ["fade"] * 5
    assert table["id"].tolist() == list(SAMPLES) * 2
    assert states.shape == (10, 16)
    for rows, audio in ((slice(0, 5), clean), (slice(5, 10), fade)):
        inputs = open_inputs("stem", audio=audio, stem=model.stem)
        predictions, pooled = predict(model, inputs, precision="fp32")
        assert np.allclose(table.iloc[rows, 2:], predictions, atol=1e-5)
        assert np.allclose(states[rows], pooled, atol=1e-5)
    run = json.loads(record.read_text())
    assert run["definition"]["conditions"] == ["clean", "fade"]
    assert run["inputs"] == {
        name: sha256(path.read_bytes()).hexdigest()
        for name, path in {
            "model/config.json": tmp_path / "model/config.json",
            "model/model.safetensors": tmp_path / "model/model.safetensors",
            "clean/features.npy": tmp_path / "features/features.npy",
            "clean/index.parquet": tmp_path / "features/index.parquet",
            "fade/audio.npy": fade / "audio.npy",
            "fade/index.parquet": fade / "index.parquet",
        }.items()
    }
    assert (run["device"], run["precision"], run["deterministic"]) == ("cpu", "float32", True)
    assert (run["hardware"]["threads"], run["wall_s"] > 0) == (1, True)
    features = json.loads((tmp_path / "features/run.json").read_text())
    assert run["audio_s"] == pytest.approx(2 * features["audio_s"], abs=0.002) != 0
    lengths = pd.read_parquet(tmp_path / "features/index.parquet")["frames"].to_numpy() / model.shape.frames_per_s
    of_encoder = forward_flop(model.shape, lengths, stem=False)
    assert run["flop"] == pytest.approx(2 * of_encoder + features["flop"])  # the features of clean are stored
    assert features["flop"] == pytest.approx(features["audio_s"] * stem_flop_per_s(model.shape), rel=1e-3)
    assert json.loads((tmp_path / "features/run.json").read_text())["device"] == "cpu"
    capsys.readouterr()
    assert main([*command, "--condition", f"fade={fade}", "--condition", f"fade={clean}", "--condition", "x"]) == 2
    message = capsys.readouterr().err
    assert "'fade' is given twice" in message
    assert "'x' is not NAME=DIR" in message


def test_the_commands_store_and_read_the_features_of_conditions(tmp_path, capsys):
    make_model(tmp_path, "stem")
    packs = {name: make_audio(tmp_path / name, seed=seed) for seed, name in enumerate(("fade", "speed"))}
    folders = {name: tmp_path / f"features-{name}" for name in packs}
    command = [
        "extract-features",
        "--backbone",
        str(tmp_path / "backbone"),
        *FLOAT32,
        "--audio",
        *map(str, packs.values()),
    ]
    assert main([*command, "--output", *map(str, folders.values())]) == 0
    command = ["predict-conditions", "--model", str(tmp_path / "model"), "--output"]
    named = [f"--condition={name}={path}" for name, path in packs.items()]
    assert main([*command, str(tmp_path / "streamed.parquet"), *named]) == 0
    stored = [f"--condition-features={name}={path}" for name, path in folders.items()]
    record = tmp_path / "stored.json"
    assert main([*command, str(tmp_path / "stored.parquet"), *stored, "--record", str(record)]) == 0
    assert (tmp_path / "stored.parquet").read_bytes() == (tmp_path / "streamed.parquet").read_bytes()
    assert {"fade/features.npy", "speed/features.npy"} < set(json.loads(record.read_text())["inputs"])
    capsys.readouterr()
    assert main([*command, str(tmp_path / "p.parquet"), named[0], stored[0]]) == 2
    assert "'fade' is given twice" in capsys.readouterr().err


def test_each_pack_has_a_folder_for_its_features(tmp_path, capsys):
    make_model(tmp_path, "stem")
    audio = str(make_audio(tmp_path / "audio"))
    command = ["extract-features", "--backbone", str(tmp_path / "backbone"), "--audio", audio, audio]
    assert main([*command, "--output", str(tmp_path / "features")]) == 2
    assert "2 packs and 1 folders" in capsys.readouterr().err
    assert not (tmp_path / "features").exists()


def test_without_embeddings_only_predictions_are_written(tmp_path):
    make_model(tmp_path, "stem")
    clean, fade = make_audio(tmp_path / "clean"), make_audio(tmp_path / "fade", seed=1)
    packs = {"clean": clean, "fade": fade}
    predict_conditions(tmp_path / "model", packs, tmp_path / "a/p.parquet", embeddings=tmp_path / "a/p.npy")
    predict_conditions(tmp_path / "model", packs, tmp_path / "b/p.parquet")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["p.parquet"]
    assert (tmp_path / "a/p.parquet").read_bytes() == (tmp_path / "b/p.parquet").read_bytes()


@pytest.mark.parametrize("kept", [True, False])
def test_states_that_are_not_kept_need_no_memory_beyond_their_batch(tmp_path, monkeypatch, kept):
    rows, hidden = 2_000, 4_096
    model = make_model(tmp_path, "stem")
    write_pack(tmp_path / "audio", ((f"{row}", np.ones(400, np.int16)) for row in range(rows)), {})
    inputs = open_inputs("stem", audio=tmp_path / "audio", stem=model.stem)
    states = np.zeros((rows, hidden), np.float32)
    monkeypatch.setattr(inference, "_loaded", lambda inputs, plan, place: ((torch.from_numpy(r), r, r) for r in plan))
    monkeypatch.setattr(
        model, "forward", lambda some, _: ModelOutput(torch.zeros(len(some), 3), torch.from_numpy(states[: len(some)]))
    )
    tracemalloc.start()
    try:
        _, pooled = predict(model, inputs, keep_pooled=kept)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert pooled.shape == (rows, hidden if kept else 0)
    assert (peak >= states.nbytes) == kept
    assert kept or peak < states.nbytes / 20


def test_embeddings_beyond_half_precision_are_kept_in_single(tmp_path):
    model = make_model(tmp_path, "stem", "bf16")
    with torch.no_grad():
        model.backbone.encoder.layers[-1].final_layer_norm.bias.fill_(1e5)
    model.save(tmp_path / "model")
    states = tmp_path / "p.npy"
    predict_conditions(
        tmp_path / "model", {"clean": make_audio(tmp_path / "a")}, tmp_path / "p.parquet", embeddings=states
    )
    assert np.load(states).dtype == np.float32
    assert np.isfinite(np.load(states)).all()


@pytest.mark.parametrize(("place", "requested"), [("cpu", False), ("cuda", True), ("cuda", False)])
def test_predictions_and_features_use_deterministic_kernels_on_a_cpu_and_on_request(
    tmp_path, monkeypatch, place, requested
):
    make_model(tmp_path, "stem")
    audio = make_audio(tmp_path / "audio")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "removed again after the test")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(precision, "device", lambda: torch.device(place))
    monkeypatch.setattr(torch.nn.Module, "to", lambda self, *_, **__: self)
    found = []

    def look(*_, **__):
        found.append((torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")))
        raise InterruptedError

    monkeypatch.setattr(inference, "predict", look)
    monkeypatch.setattr("valence_gap.prediction.stem_features._write", look)
    paths = (tmp_path / "p.parquet", tmp_path / "p.npy")
    with pytest.raises(InterruptedError):
        predict_conditions(tmp_path / "model", {"clean": audio}, paths[0], embeddings=paths[1], deterministic=requested)
    with pytest.raises(InterruptedError):
        extract_features(tmp_path / "backbone", audio, tmp_path / "features", deterministic=requested)
    assert found == [(place == "cpu" or requested, ":4096:8" if requested else None)] * 2
    assert not torch.are_deterministic_algorithms_enabled()


def test_nothing_to_predict_is_an_error(tmp_path):
    make_model(tmp_path, "stem")
    with pytest.raises(UserError, match="nothing to predict"):
        predict_conditions(tmp_path / "model", {}, tmp_path / "p.parquet")


@pytest.mark.parametrize("place", ["cpu", "meta"])
def test_a_gpu_does_not_wait_for_the_checksums_of_its_inputs(tmp_path, monkeypatch, place):
    make_model(tmp_path, "stem")
    began = []

    def asked(files, *, in_background):
        began.append((sorted(files), in_background))
        return dict

    def stop(*_, **__):
        raise InterruptedError

    monkeypatch.setattr(inference, "device", lambda: torch.device(place))  # "meta": not the CPU, and always there
    monkeypatch.setattr(inference.provenance, "checksums", asked)
    monkeypatch.setattr(inference, "predict", stop)
    audio = make_audio(tmp_path / "audio")
    with pytest.raises(InterruptedError):
        predict_conditions(tmp_path / "model", {"clean": audio}, tmp_path / "p.parquet", record=tmp_path / "r.json")
    files = ["clean/audio.npy", "clean/index.parquet", "model/config.json", "model/model.safetensors"]
    assert began == [(files, place != "cpu")]
