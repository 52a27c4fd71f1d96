import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from valence_gap.definitions.figures import Description, Inputs, Run, ShownCorpus
from valence_gap.definitions.values import DIMENSIONS, from_json
from valence_gap.figures import figure_03
from valence_gap.figures.drawing import style
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc

SAMPLES = 60


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


def write_report(path, *, words, edits):
    rate = edits / words if words else None
    counts = {"utterances": 90, "compared": 60 if words else 0, "word_edits": edits, "words": words}
    path.write_text(json.dumps({**counts, "word_error_rate": rate}))


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
    write_report(tmp_path / "report.json", words=2000, edits=685)
    people = [None if row < 4 else f"s{row % 6}" for row in range(SAMPLES)]
    pd.DataFrame({"id": ids, "speaker": people, "gender": None}).to_parquet(tmp_path / "utterances.parquet")
    return Inputs(
        predictions=tuple(predictions),
        labels={"corpus": tmp_path / "labels.parquet"},
        utterances={"corpus": tmp_path / "utterances.parquet"},
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
    make_figure("figure_03", inputs, described(models), tmp_path / "out" / "figure_03")
    names = ["figure_03.csv", "figure_03.json", "figure_03.pdf", "figure_03.png", "figure_03_word_error_rates.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
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
        make_figure("figure_03", inputs, described({"b-text": "b", "other": ""}), tmp_path / "x")
    assert caught.value.offenders == ("other",)
    with pytest.raises(UserError, match="fusions"):
        make_figure("figure_03", inputs, described({"b": ""}), tmp_path / "x")
    with pytest.raises(UserError, match="seed") as caught:
        make_figure("figure_03", inputs, described({"b-text": "absent"}), tmp_path / "x")
    assert caught.value.offenders == ("b-text: seeds [1, 2]", "absent: seeds []")


def test_figure_03_shows_the_word_error_rate(inputs, tmp_path):
    drawing = figure_03.plot(inputs, described({"b-text": "b"}))
    assert drawing.caption.foot.endswith("Word error rate of the recogniser: Corpus 34\N{NO-BREAK SPACE}%.")
    write_report(tmp_path / "report.json", words=0, edits=0)
    drawing = figure_03.plot(inputs, described({"b-text": "b"}))
    assert drawing.table.word_error_rate.isna().all()
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match=r"report.json: KeyError"):
        figure_03.plot(inputs, described({"b-text": "b"}))
    with pytest.raises(UserError, match="--transcriptions corpus=FILE"):
        figure_03.plot(replace(inputs, transcriptions={}), described({"b-text": "b"}))


def test_figure_03_shows_the_word_error_rates_of_further_corpora(inputs, tmp_path):
    write_report(tmp_path / "further.json", words=50, edits=30)
    write_report(tmp_path / "bare.json", words=0, edits=0)
    more = {"further": tmp_path / "further.json", "bare": tmp_path / "bare.json"}
    transcribed = (ShownCorpus(name="further", label="Further"), ShownCorpus(name="bare", label="Bare corpus"))
    description = replace(described({"b-text": "b"}), transcribed=transcribed)
    with style.style_context():
        drawing = figure_03.plot(replace(inputs, transcriptions={**inputs.transcriptions, **more}), description)
        drawing.figure.draw_without_rendering()
    assert set(drawing.table["corpus"]) == {"corpus"}
    table = drawing.extra_tables["word_error_rates"]
    assert table.astype(object).where(table.notna(), None).to_numpy().tolist() == [
        ["corpus", "test", 90, 60, 2000, 685, 0.3425, ""],
        ["further", "test", 90, 60, 50, 30, 0.6, ""],
        ["bare", "test", 90, 0, 0, 0, None, "no reference transcripts"],
    ]
    assert list(table) == ["corpus", "split", "utterances", "compared", "words", "errors", "rate", "remark"]
    shown = drawing.caption.foot.replace("\N{NO-BREAK SPACE}", " ")
    rates = "Corpus 34 %; on test sets that are not shown: Further 60 %, Bare corpus no references."
    assert shown.endswith(f"Word error rate of the recogniser: {rates}")
    with pytest.raises(UserError, match="--transcriptions further=FILE"):
        figure_03.plot(inputs, description)


def test_all_panels_have_one_scale_that_is_never_narrow(inputs):
    panels = figure_03.plot(inputs, described({"b-text": "b"})).figure.axes
    assert len({axes.get_xlim() for axes in panels}) == 1
    assert all(axes.get_xlim()[0] <= -0.2 and axes.get_xlim()[1] >= 0.2 for axes in panels)


def test_speakers_are_needed_for_the_interval(inputs):
    table = figure_03.plot(inputs, described({"b-text": "b"})).table.set_index("dimension")
    assert table["se_speakers"]["valence"] > 0
    with pytest.raises(UserError, match="--utterances corpus=FILE"):
        figure_03.plot(replace(inputs, utterances={}), described({"b-text": "b"}))


def test_a_missing_prediction_is_an_error_unless_its_audio_was_skipped(inputs, tmp_path):
    path = dict(inputs.predictions)[Run("b", 1, "corpus")]
    pd.read_parquet(path).query("id != 'u5'").to_parquet(path)
    models = {"b-text": "b"}
    with pytest.raises(UserError, match="1 predictions of b, seed 1, on corpus") as caught:
        make_figure("figure_03", inputs, described(models), tmp_path / "x")
    assert caught.value.offenders == ("u5",)
    pack_indexes = pd.read_parquet(tmp_path / "labels.parquet").query("id != 'u5'")[["id"]]
    pack_indexes.to_parquet(tmp_path / "index.parquet")
    make_figure(
        "figure_03",
        replace(inputs, pack_indexes={"corpus": tmp_path / "index.parquet"}),
        described(models),
        tmp_path / "figure_03",
    )
    found = pd.read_csv(tmp_path / "figure_03.csv").set_index("dimension")
    truth = pd.read_parquet(tmp_path / "labels.parquet").set_index("id").valence.drop("u5")
    predicted = [pd.read_parquet(tmp_path / f"b.{seed}.parquet").set_index("id").valence for seed in (1, 2)]
    gains = [1 - ccc(truth.to_numpy(), each.loc[truth.index].to_numpy()) for each in predicted]
    assert found.ccc["valence"] == pytest.approx(np.mean(gains))
