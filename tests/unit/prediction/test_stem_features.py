import json

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import make_backbone, training

from valence_gap.audio.packs import write_pack
from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.models.sizes import size_of_source
from valence_gap.prediction import stem_features
from valence_gap.prediction.inference import lengths_per_s
from valence_gap.prediction.inputs import open_inputs
from valence_gap.prediction.stem_features import extract_features, to_bits
from valence_gap.runtime.errors import UserError

SAMPLES = {"b": 900, "a": 5_000, "c": 1}


def make_audio(folder, samples=None):
    generator = np.random.default_rng(0)
    counts = SAMPLES if samples is None else samples
    write_pack(folder, [(name, generator.integers(-999, 999, n).astype(np.int16)) for name, n in counts.items()], {})
    return folder


@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "wavlm"])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_stored_features_equal_computed_features(tmp_path, kind, norm):
    make_backbone(tmp_path / "backbone", kind, norm)
    audio = make_audio(tmp_path / "audio")
    extract_features(tmp_path / "backbone", audio, tmp_path / "features")
    model = loading.build(training(), tmp_path / "backbone")
    stored = open_inputs("stem", features=tmp_path / "features")
    computed = open_inputs("stem", audio=audio, stem=model.stem)
    assert stored.ids == computed.ids == list(SAMPLES)
    assert np.array_equal(stored.lengths, computed.lengths)
    for row in range(3):
        assert stored[row].dtype == torch.bfloat16
        assert torch.equal(stored[row].float(), computed[row])


def test_float32_features_are_the_exact_output_and_are_rounded_for_models_that_round(tmp_path):
    backbone = make_backbone(tmp_path / "backbone")
    audio = make_audio(tmp_path / "audio")
    for name, rounded in (("exact", False), ("rounded", True)):
        extract_features(tmp_path / "backbone", audio, tmp_path / name, rounded=rounded)
    models = {
        precision: loading.build(training(precision=precision), tmp_path / "backbone")
        for precision in ("fp32", "auto", "bf16")
    }
    assert {name: model.stem.rounded for name, model in models.items()} == {"fp32": False, "auto": True, "bf16": True}
    exact = open_inputs("stem", features=tmp_path / "exact", stem=models["fp32"].stem)
    computed = open_inputs("stem", audio=audio, stem=models["fp32"].stem)
    waveforms = open_inputs("waveform", audio=audio)
    for row in range(2):
        assert torch.equal(exact[row], computed[row])
        with torch.no_grad():
            reference = backbone.feature_extractor(waveforms[row][None])[0].T
        assert torch.allclose(exact[row], reference, atol=1e-5)
        assert not torch.equal(exact[row], exact[row].to(torch.bfloat16).float())
        for name in ("exact", "rounded"):
            found = open_inputs("stem", features=tmp_path / name, stem=models["auto"].stem)
            assert torch.equal(found[row].float(), exact[row].to(torch.bfloat16).float())
    written = np.load(tmp_path / "exact" / "features.npy", mmap_mode="r")
    assert written.dtype == np.float32
    assert json.loads((tmp_path / "exact" / "run.json").read_text())["definition"]["format"] == "float32"


@pytest.mark.parametrize("norm", ["group", "layer"])
@pytest.mark.parametrize("window_s", [0.05, 0.4, 3_600.0])
def test_utterances_computed_together_keep_their_features_and_their_order(tmp_path, monkeypatch, norm, window_s):
    make_backbone(tmp_path / "backbone", norm=norm)
    samples = {f"{number}": int(n) for number, n in enumerate(np.random.default_rng(1).integers(1, 9_000, 12))}
    audio = make_audio(tmp_path / "audio", samples)
    extract_features(tmp_path / "backbone", audio, tmp_path / "alone", rounded=False)
    monkeypatch.setattr(stem_features, "has_batched_stem", lambda place: True)
    monkeypatch.setattr(stem_features, "WINDOW_S", window_s)
    monkeypatch.setattr(stem_features, "SECONDS_AT_ONCE", 1.0)  # an utterance has half a second at most
    for name, rounded in (("together", False), ("rounded", True)):
        extract_features(tmp_path / "backbone", audio, tmp_path / name, rounded=rounded)
    alone, together, bits = (np.load(tmp_path / name / "features.npy") for name in ("alone", "together", "rounded"))
    assert np.allclose(alone, together, atol=1e-5)
    assert np.array_equal(bits, to_bits(torch.from_numpy(together)))
    one, other = ((tmp_path / name / "index.parquet").read_bytes() for name in ("alone", "together"))
    assert one == other


def test_layout_on_disk(tmp_path):
    make_backbone(tmp_path / "backbone")
    extract_features(tmp_path / "backbone", make_audio(tmp_path / "audio"), tmp_path / "features")
    array = np.load(tmp_path / "features" / "features.npy", mmap_mode="r")
    index = pd.read_parquet(tmp_path / "features" / "index.parquet")
    assert array.dtype == np.uint16
    assert array.shape == (index["frames"].sum(), 8)
    assert index.columns.tolist() == ["id", "offset", "frames"]
    assert index["offset"].tolist() == [0, *index["frames"].cumsum()[:-1]]
    record = json.loads((tmp_path / "features" / "run.json").read_text())
    assert set(record["inputs"]) == {"backbone", "audio", "index"}


def test_the_record_has_the_seconds_of_the_audio_whatever_the_hop_of_the_stem_is(tmp_path):
    audio = make_audio(tmp_path / "audio", {"a": 32_000, "b": 16_000})
    for hop, strides in ((80, (5, 4, 4)), (160, (5, 4, 8))):
        make_backbone(tmp_path / f"backbone-{hop}", conv_stride=strides, conv_kernel=(10, 4, 8))
        extract_features(tmp_path / f"backbone-{hop}", audio, tmp_path / f"features-{hop}")
        record = json.loads((tmp_path / f"features-{hop}" / "run.json").read_text())
        assert record["audio_s"] == pytest.approx(3, rel=0.02)
        assert lengths_per_s(loading.build(training(), tmp_path / f"backbone-{hop}")) == 16_000 / hop


def test_the_kernels_that_are_kept_depend_on_the_backbone(tmp_path, monkeypatch):
    found = []
    monkeypatch.setattr(stem_features, "limit_kernels", found.append)
    make_backbone(tmp_path / "backbone")
    extract_features(tmp_path / "backbone", make_audio(tmp_path / "audio"), tmp_path / "features")
    assert found == [size_of_source(None, tmp_path / "backbone")]


def test_features_are_the_bytes_of_a_mapped_array(tmp_path):
    make_backbone(tmp_path / "backbone")
    audio = make_audio(tmp_path / "audio")
    extract_features(tmp_path / "backbone", audio, tmp_path / "features")
    stem = load_stem(tmp_path / "backbone")
    bits = np.concatenate([to_bits(each) for each in open_inputs("stem", audio=audio, stem=stem)])
    mapped = np.lib.format.open_memmap(tmp_path / "mapped.npy", mode="w+", dtype=np.uint16, shape=bits.shape)
    mapped[:] = bits
    mapped.flush()
    assert (tmp_path / "features" / "features.npy").read_bytes() == (tmp_path / "mapped.npy").read_bytes()


def test_a_finished_model_has_the_stem_of_its_backbone(tmp_path):
    make_backbone(tmp_path / "backbone")
    loading.build(training(), tmp_path / "backbone").save(tmp_path / "model")
    waveform = torch.randn(3_000)
    assert torch.equal(load_stem(tmp_path / "model")(waveform), load_stem(tmp_path / "backbone")(waveform))


def test_bits_are_those_of_bfloat16():
    assert to_bits(torch.tensor([1.0, -2.0, 0.0])).tolist() == [0x3F80, 0xC000, 0]
    assert to_bits(torch.tensor([1 + 2**-9])).tolist() == [0x3F80]  # rounded to the nearest value, not truncated


def test_a_split_without_utterances_gives_empty_features(tmp_path):
    make_backbone(tmp_path / "backbone")
    extract_features(tmp_path / "backbone", make_audio(tmp_path / "audio", {}), tmp_path / "features")
    assert len(open_inputs("stem", features=tmp_path / "features")) == 0


def test_damage_is_detected_and_no_incomplete_output_remains(tmp_path):
    make_backbone(tmp_path / "backbone")
    audio = make_audio(tmp_path / "audio")
    extract_features(tmp_path / "backbone", audio, tmp_path / "features")
    array = np.load(tmp_path / "features" / "features.npy")
    np.save(tmp_path / "features" / "features.npy", array[:-1])
    with pytest.raises(UserError, match="is damaged"):
        open_inputs("stem", features=tmp_path / "features")
    weights = tmp_path / "backbone" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        extract_features(tmp_path / "backbone", audio, tmp_path / "again")
    assert not (tmp_path / "again").exists()
