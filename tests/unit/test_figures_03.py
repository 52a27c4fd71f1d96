import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from valence_gap.definitions import DIMENSIONS, from_json
from valence_gap.errors import UserError
from valence_gap.figures import figure_03, make, style
from valence_gap.figures.description import Description, Inputs, Run
from valence_gap.metrics import ccc

SAMPLES = 60


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


@pytest.fixture
def inputs(tmp_path):
    """A fusion of two seeds whose valence is better than that of its audio model, on the same utterances."""
    rng = np.random.default_rng(0)
    ids = [f"u{row}" for row in range(SAMPLES)]
    truth = pd.DataFrame(rng.random((SAMPLES, 3)), columns=list(DIMENSIONS))
    truth.assign(id=ids).to_parquet(tmp_path / "labels.parquet")
    predictions = []
    for seed in (1, 2):
        audio = truth + 0.3 * rng.standard_normal((SAMPLES, 3))
        fusion = audio.assign(valence=truth["valence"])
        for model, table in {"b": audio, "b-text": fusion[::-1]}.items():
            path = tmp_path / f"{model}.{seed}.parquet"
            table.assign(id=[ids[row] for row in table.index], condition="clean").to_parquet(path)
            predictions.append((Run(model, seed, "corpus"), path))
    (tmp_path / "report.json").write_text(json.dumps({"word_error_rate": 0.3425}))
    return Inputs(
        predictions=tuple(predictions),
        labels={"corpus": tmp_path / "labels.parquet"},
        transcriptions={"corpus": tmp_path / "report.json"},
    )


def described(models):
    shown = [{"name": name, "label": name, "colour": "#56b4e9", "audio": audio} for name, audio in models.items()]
    corpora = [{"name": "corpus", "label": "Corpus"}]
    return from_json(
        Description, json.dumps({"models": shown, "corpora": corpora, "evaluation": {"bootstrap": 50}, "note": "x"})
    )


@pytest.mark.parametrize("models", [{"b-text": "b"}, {"b": "", "b-text": "b"}])
def test_figure_03_is_fusion_minus_audio(inputs, tmp_path, models):
    make("figure_03", inputs, described(models), tmp_path / "out" / "figure_03")
    assert sorted(path.suffix for path in (tmp_path / "out").iterdir()) == [".csv", ".pdf", ".png"]
    table = pd.read_csv(tmp_path / "out" / "figure_03.csv").set_index("dimension")
    assert (table.model == "b-text").all()
    assert (table.audio == "b").all()
    assert (table.seeds == 2).all()
    assert (table.word_error_rate == 0.3425).all()
    truth = pd.read_parquet(tmp_path / "labels.parquet").valence
    gains = [1 - ccc(truth, pd.read_parquet(tmp_path / f"b.{seed}.parquet").valence) for seed in (1, 2)]
    assert table.ccc["valence"] == pytest.approx(np.mean(gains))
    assert 0 < table.low["valence"] < table.ccc["valence"] < table.high["valence"]
    # Equal predictions differ by nothing on any resample: the pairing is kept.
    assert table.loc["arousal", ["ccc", "low", "high"]].tolist() == [pytest.approx(0, abs=1e-12)] * 3


def test_figure_03_needs_fusions_and_their_audio_models(inputs, tmp_path):
    with pytest.raises(UserError, match="audio") as caught:
        make("figure_03", inputs, described({"b-text": "b", "other": ""}), tmp_path / "x")
    assert caught.value.offenders == ("other",)
    with pytest.raises(UserError, match="fusions"):
        make("figure_03", inputs, described({"b": ""}), tmp_path / "x")
    with pytest.raises(UserError, match="seed") as caught:
        make("figure_03", inputs, described({"b-text": "absent"}), tmp_path / "x")
    assert caught.value.offenders == ("b-text: seeds [1, 2]", "absent: seeds []")


def test_figure_03_tells_the_word_error_rate(inputs, tmp_path):
    drawing = figure_03.draw(inputs, described({"b-text": "b"}))
    (legend,) = drawing.figure.legends
    assert "word error rate (Corpus): 34 %" in [text.get_text() for text in legend.get_texts()]
    (tmp_path / "report.json").write_text(json.dumps({"word_error_rate": None}))
    drawing = figure_03.draw(inputs, described({"b-text": "b"}))
    assert drawing.table.word_error_rate.isna().all()
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match=r"report.json: KeyError"):
        figure_03.draw(inputs, described({"b-text": "b"}))
    with pytest.raises(UserError, match="--transcriptions corpus=FILE"):
        figure_03.draw(replace(inputs, transcriptions={}), described({"b-text": "b"}))


def test_columns_are_as_wide_as_their_values_need(inputs):
    arousal, _, valence = figure_03.draw(inputs, described({"b-text": "b"})).figure.axes
    widths = [np.ptp(axes.get_xlim()) for axes in (arousal, valence)]
    assert widths[0] < widths[1]
    figure = arousal.figure
    figure.draw_without_rendering()
    per_inch = [width / axes.get_position().width for axes, width in zip((arousal, valence), widths, strict=True)]
    assert per_inch[0] == pytest.approx(per_inch[1], rel=0.02)


def test_a_missing_prediction_is_an_error_unless_its_audio_was_skipped(inputs, tmp_path):
    path = dict(inputs.predictions)[Run("b", 1, "corpus")]
    pd.read_parquet(path).query("id != 'u5'").to_parquet(path)
    models = {"b-text": "b"}
    with pytest.raises(UserError, match="1 predictions of b, seed 1, on corpus") as caught:
        make("figure_03", inputs, described(models), tmp_path / "x")
    assert caught.value.offenders == ("u5",)
    packed = pd.read_parquet(tmp_path / "labels.parquet").query("id != 'u5'")[["id"]]
    packed.to_parquet(tmp_path / "index.parquet")
    make(
        "figure_03",
        replace(inputs, packed={"corpus": tmp_path / "index.parquet"}),
        described(models),
        tmp_path / "figure_03",
    )
    found = pd.read_csv(tmp_path / "figure_03.csv").set_index("dimension")
    truth = pd.read_parquet(tmp_path / "labels.parquet").set_index("id").valence.drop("u5")
    heard = [pd.read_parquet(tmp_path / f"b.{seed}.parquet").set_index("id").valence for seed in (1, 2)]
    gains = [1 - ccc(truth.to_numpy(), each.loc[truth.index].to_numpy()) for each in heard]
    assert found.ccc["valence"] == pytest.approx(np.mean(gains))
