"""Models in the released layout, with their card."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from finished import make_model, scores
from released import EmotionModel, HubertEmotionModel, RegressionHead
from small_models import make_cnn14, waveforms
from transformers import (
    AutoFeatureExtractor,
    AutoModelForAudioClassification,
    Wav2Vec2Model,
    Wav2Vec2PreTrainedModel,
    Wav2Vec2Processor,
    pipeline,
)

from valence_gap.cli import main
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.export.to_huggingface import CardOptions, export_huggingface
from valence_gap.export.to_onnx import require_onnx
from valence_gap.models import loading
from valence_gap.prediction.inputs import normalise
from valence_gap.prediction.recordings import predict_files
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.precision import autocast


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


@pytest.mark.parametrize("kind", ["wav2vec2", "hubert", "wavlm", "data2vec-audio"])
def test_classes_with_another_head_refuse_an_export_and_a_trained_model(tmp_path, kind):
    make_model(tmp_path, kind)
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("tiny"))
    for folder in (tmp_path / "model", tmp_path / "out"):
        with pytest.raises(RuntimeError, match="negative dimension"):
            AutoModelForAudioClassification.from_pretrained(folder)
    with pytest.raises((RuntimeError, ValueError), match="negative dimension"):
        pipeline("audio-classification", model=str(tmp_path / "out"))
    card = (tmp_path / "out/README.md").read_text()
    assert "negative dimension" in card
    assert 'pipeline("audio-classification")' in card


class AsPublished(Wav2Vec2PreTrainedModel):
    """Written from the card of the authors' model, with the call that it makes."""

    def __init__(self, config):
        super().__init__(config)
        self.config = config
        self.wav2vec2 = Wav2Vec2Model(config)
        self.classifier = RegressionHead(config)
        self.init_weights()

    def forward(self, input_values):
        pooled = torch.mean(self.wav2vec2(input_values)[0], dim=1)
        return pooled, self.classifier(pooled)


def test_the_processor_and_the_class_of_the_authors_card_work_as_the_card_says(tmp_path):
    model = make_model(tmp_path, "wav2vec2", "layer")
    model.input_kind = "waveform"  # without the rounding of stored features
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("tiny"))
    processor = Wav2Vec2Processor.from_pretrained(tmp_path / "out")
    raw = (waveforms()[0] * 0.2 + 0.1).numpy()
    given = torch.from_numpy(np.asarray(processor(raw, sampling_rate=16_000)["input_values"][0])).reshape(1, -1)
    with pytest.raises(AttributeError, match="all_tied_weights_keys"):
        AsPublished.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        scores = EmotionModel.from_pretrained(tmp_path / "out").eval()(given)[1]  # the same class with post_init
        expected = model(normalise(torch.from_numpy(raw))[None], torch.tensor([len(raw)])).predictions
    assert torch.allclose(scores, expected, atol=1e-5)
    card = " ".join((tmp_path / "out/README.md").read_text().split())
    assert "with transformers 5, write `self.post_init()` in it for `self.init_weights()`" in card
    assert "`Wav2Vec2Processor` gives the same input" in card


@pytest.mark.parametrize(
    ("kind", "norm", "card"), [("wav2vec2", "layer", EmotionModel), ("hubert", "group", HubertEmotionModel)]
)
def test_in_float32_predictions_export_and_onnx_agree(tmp_path, kind, norm, card):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    make_model(tmp_path, kind, norm, precision="fp32")
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m"), onnx=True)
    released = card.from_pretrained(tmp_path / "out").eval()
    processor = AutoFeatureExtractor.from_pretrained(tmp_path / "out")
    session = runtime.InferenceSession(tmp_path / "out/model.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    files, exported, onnx = [], [], []
    for row, samples in enumerate((16_000, 40_001, 5_003)):
        quantised = random.integers(-9_000, 9_000, samples).astype(np.int16)
        files.append(tmp_path / f"{row}.wav")
        soundfile.write(files[-1], quantised, 16_000, subtype="PCM_16")
        signal = processor(quantised / 32_768, sampling_rate=16_000, return_tensors="np").input_values
        signal = signal.astype(np.float32)
        with torch.no_grad():
            exported.append(released(torch.from_numpy(signal))[1][0].numpy())
        onnx.append(session.run(["logits"], {"signal": signal})[0][0])
    predict_files(tmp_path / "model", files, tmp_path / "scores.csv")
    predicted = pd.read_csv(tmp_path / "scores.csv")[list(DIMENSIONS)].to_numpy()
    assert np.abs(predicted - np.array(exported)).max() < 1e-5
    assert np.abs(predicted - np.array(onnx)).max() < 1e-5


@pytest.mark.parametrize(
    ("precision", "ran", "words"),
    [
        ("fp32", "float32", "products in float32. This"),
        ("auto", "float32", "products in float32, with the output of the convolutional stem rounded to bfloat16. This"),
        (
            "bf16",
            "bfloat16",
            "products in bfloat16, with the output of the convolutional stem rounded to bfloat16. This",
        ),
    ],
)
def test_the_card_says_how_far_the_export_differs_from_the_study(tmp_path, precision, ran, words):
    make_model(tmp_path, precision=precision)
    path = tmp_path / "model/run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"precision": ran}))
    export_huggingface(tmp_path / "model", tmp_path / "out", CardOptions("m"))
    text = " ".join((tmp_path / "out/README.md").read_text().split())
    assert f"The study computes predictions with matrix {words}" in text
    (difference,) = re.findall(r"differ from those of the study by up to about ([\d.e-]+)\.", text)
    if precision == "fp32":
        assert float(difference) == 1e-5
        return
    assert 1e-5 < float(difference) < 0.5
    seconds = 3  # another signal of noise has a difference of the same size
    signal = normalise(torch.randn(seconds * 16_000))
    model = loading.load(tmp_path / "model")
    with torch.no_grad(), autocast(getattr(torch, ran), "cpu"):
        features = model.stem(signal)
        study = model(features[None], torch.tensor([len(features)])).predictions
    with torch.no_grad():
        exported = EmotionModel.from_pretrained(tmp_path / "out").eval()(signal[None])[1]
    assert 0.1 * float(difference) < float((study - exported).abs().max()) < 10 * float(difference)
