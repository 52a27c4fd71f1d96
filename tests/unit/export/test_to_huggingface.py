"""Models in the released layout, with their card."""

import json
import re

import numpy as np
import pytest
import torch
from finished import make_model, scores
from released import EmotionModel, HubertEmotionModel
from small_models import make_cnn14, waveforms
from transformers import AutoFeatureExtractor

from valence_gap.cli import main
from valence_gap.export.to_huggingface import CardOptions, export_huggingface
from valence_gap.export.to_onnx import require_onnx
from valence_gap.models import loading
from valence_gap.prediction.inputs import normalise
from valence_gap.runtime.errors import UserError


@pytest.mark.parametrize(("kind", "card"), [("wav2vec2", EmotionModel), ("hubert", HubertEmotionModel)])
@pytest.mark.parametrize("norm", ["group", "layer"])
def test_the_model_cards_class_gives_the_same_numbers(tmp_path, kind, card, norm):
    model = make_model(tmp_path, kind, norm)
    model.input_kind = "waveform"  # without the rounding of stored features
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("tiny"))
    released = card.from_pretrained(tmp_path / "out").eval()
    processor = AutoFeatureExtractor.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        for waveform in waveforms():
            raw = (waveform * 0.2 + 0.1).numpy()
            given = processor(raw, sampling_rate=16_000, return_tensors="pt").input_values
            output = model(normalise(torch.from_numpy(raw))[None], torch.tensor([len(raw)]))
            pooled, predictions = released(given)
            assert torch.allclose(output.predictions, predictions, atol=1e-5)
            assert torch.allclose(output.pooled, pooled, atol=1e-5)


def test_the_code_in_the_card_runs_and_the_export_is_a_model_again(tmp_path):
    model = make_model(tmp_path)
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("tiny"))
    (code,) = re.findall(r"```python\n(.*?)```", (tmp_path / "out/README.md").read_text(), flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code.replace('folder = "."', f"folder = {str(tmp_path / 'out')!r}"), names)
    assert names["scores"].shape == (1, 3)
    again = loading.load(tmp_path / "out").state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in model.state_dict().items())


def test_the_card_is_filled_from_the_run(tmp_path):
    make_model(tmp_path)
    (tmp_path / "backbone/run.json").write_text(
        json.dumps({"source": "facebook/x", "revision": "abc", "licence": "apache-2.0", "made_by": {}})
    )
    data = CardOptions(
        "my model", "MSP-Podcast 1.7", "cc-by-nc-4.0", tmp_path / "backbone", [scores(tmp_path / "clean.csv")]
    )
    export_huggingface(tmp_path / "model", tmp_path / "out", data)
    card = (tmp_path / "out/README.md").read_text()
    for text in (
        'license: "cc-by-nc-4.0"',
        "# my model",
        "2 transformer layers",
        "| data | MSP-Podcast 1.7 |",
        "| backbone | facebook/x at abc |",
        "| share of the training data | 50% |",
        "| epochs | 5, the best one: 3 |",
        "| kept step | 6900 |",
        "arousal 0.711, dominance 0.622, valence 0.533",
        "| corpus | condition | samples | arousal | valence |",
        "| msp | clean | 40 | 0.700 [0.600, 0.800] | 0.500 [0.400, 0.600] |",
        "| msp | natural | 40 | 0.450 [0.350, 0.550] | 0.250 [0.150, 0.350] |",
        "| msp | female minus male | 0.700 [0.600, 0.800] | 0.500 [0.400, 0.600] |",
        "The backbone: apache-2.0.",
    ):
        assert text in card
    assert card.count("| msp | female |") == 1  # of the clean audio alone
    assert "no human voice" not in card


def test_the_card_contains_no_paths_and_warns_of_synthesised_speech(tmp_path):
    make_model(tmp_path)
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m"))
    card = (tmp_path / "out/README.md").read_text()
    assert "| backbone | w2v2 |" in card
    assert "secret" not in card + (tmp_path / "out/run.json").read_text()
    assert "None are given." in card
    assert 'license: "unknown"' in card
    record = {"source": "./x", "licence": "mit", "made_by": {"source": "pre-trained by this project"}}
    (tmp_path / "backbone/run.json").write_text(json.dumps(record))
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m", backbone=tmp_path / "backbone"))
    card = (tmp_path / "out/README.md").read_text()
    assert "no human voice" in card
    assert 'license: "mit"' in card


def test_scores_of_another_model_are_refused(tmp_path):
    make_model(tmp_path)
    wrong = [[scores(tmp_path / "a.csv", seed=8)], [scores(tmp_path / "b.csv"), scores(tmp_path / "c.csv", model="n")]]
    for tables in wrong:
        with pytest.raises(UserError, match="not all from the exported model"):
            export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m", scores=tables))
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="not score tables") as caught:
        export_huggingface(
            tmp_path / "model", tmp_path / "out", CardOptions("m", scores=[tmp_path / "d.csv", tmp_path / "no.csv"])
        )
    assert len(caught.value.offenders) == 2
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_be_exported_is_reported(tmp_path, capsys):
    make_cnn14().save(tmp_path / "cnn14")
    command = ["export", "--name", "m", "--model", str(tmp_path / "cnn14"), "--output"]
    assert main([*command, str(tmp_path / "out")]) == 2
    assert "only transformer models" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "cnn14")]) == 2
    assert "overwritten" in capsys.readouterr().err


def test_a_missing_onnx_package_is_reported_with_its_command(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"pip install 'valence-gap\[onnx\]'") as caught:
        require_onnx()
    assert "onnxruntime is not installed" in caught.value.offenders


@pytest.mark.parametrize(
    ("kind", "norm", "card"), [("wav2vec2", "layer", EmotionModel), ("hubert", "group", HubertEmotionModel)]
)
def test_onnx_gives_the_same_numbers_for_any_batch_and_length(tmp_path, kind, norm, card):
    for package in ("onnx", "onnxscript"):
        pytest.importorskip(package)
    runtime = pytest.importorskip("onnxruntime")
    make_model(tmp_path, kind, norm)
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m"), onnx=True)
    session = runtime.InferenceSession(tmp_path / "out/model.onnx", providers=["CPUExecutionProvider"])
    released = card.from_pretrained(tmp_path / "out").eval()
    generator = torch.Generator().manual_seed(3)
    for shape in ((1, 16_000), (3, 5_001)):
        signal = torch.randn(shape, generator=generator)
        pooled, predictions = session.run(["hidden_states", "logits"], {"signal": signal.numpy()})
        with torch.no_grad():
            expected = released(signal)
        assert np.allclose(pooled, expected[0].numpy(), atol=1e-5)
        assert np.allclose(predictions, expected[1].numpy(), atol=1e-5)
    assert "model.onnx" in (tmp_path / "out/README.md").read_text()


def test_onnx_is_refused_for_kinds_that_are_not_tested(tmp_path, capsys):
    pytest.importorskip("onnxruntime")
    make_model(tmp_path, "wavlm")
    command = ["export", "--name", "m", "--model", str(tmp_path / "model"), "--output", str(tmp_path / "out"), "--onnx"]
    assert main(command) == 2
    assert "wavlm, not wav2vec2 or hubert" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
