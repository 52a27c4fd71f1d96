import json

import pandas as pd
import pytest

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.definitions.values import from_json
from valence_gap.figures import figure_09
from valence_gap.figures.drawing import style
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError

MODELS = {"cnn14": "#7f7f7f", "w2v2-L-w-o-pretrain": "#e69f00", "w2v2-L-robust": "#009e73"}
DIMENSIONS = {"msp-podcast": ["arousal", "dominance", "valence"], "cmu-mosi": ["valence"]}


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


@pytest.fixture
def inputs(tmp_path):
    rows = [
        (model, corpus, condition, dimension, group, place / 10 - (condition == "fade"))
        for place, model in enumerate(MODELS)
        for corpus, dimensions in DIMENSIONS.items()
        for dimension in dimensions
        for condition in ("clean", "fade")
        for group in ("all", "gender")
    ]
    table = pd.DataFrame(rows, columns=["model", "corpus", "condition", "dimension", "group_by", "ccc"])
    table.assign(seed=1, group="x", se_utterances=0.02, se_speakers=0.03, speakers=10).to_csv(tmp_path / "s.csv")
    return Inputs(scores=(tmp_path / "s.csv",))


def described(models=MODELS, **more):
    shown = models
    if isinstance(models, dict):
        shown = [{"name": name, "label": name, "colour": colour} for name, colour in models.items()]
    value = {
        "models": shown,
        "corpora": [{"name": name, "label": name, "dimensions": named} for name, named in DIMENSIONS.items()],
    }
    return from_json(Description, json.dumps(value | more))


def test_figure_09_shows_the_clean_test_sets(inputs, tmp_path):
    make_figure("figure_09", inputs, described(published=True), tmp_path / "out" / "figure_09")
    table = pd.read_csv(tmp_path / "out" / "figure_09.csv").set_index(["corpus", "dimension", "model"])
    assert len(table) == len(MODELS) * 4
    assert [table.ccc["cmu-mosi", "valence", model] for model in MODELS] == [0.0, 0.1, 0.2]
    assert table.published["cmu-mosi", "valence", "w2v2-L-robust"] == 0.539
    assert table.published.isna()["cmu-mosi", "valence", "w2v2-L-w-o-pretrain"]


def test_figure_09_needs_scores_of_every_model(inputs, tmp_path):
    with pytest.raises(UserError) as caught:
        make_figure("figure_09", inputs, described(MODELS | {"other": "#000000"}), tmp_path / "x")
    assert "other on cmu-mosi: valence" in caught.value.offenders
    assert not list(tmp_path.glob("x*"))


def test_figure_09_says_how_its_models_begin(inputs):
    kinds = dict(zip(MODELS, ("CNN14", "random initialisation", "fine-tuned"), strict=True))
    shown = [{"name": name, "label": name, "colour": "#000000", "kind": kind} for name, kind in kinds.items()]
    caption = figure_09.plot(inputs, described(models=shown)).caption
    assert "w2v2-L-w-o-pretrain starts from random weights and w2v2-L-robust starts from pre-tr" in caption.subtitle


def test_score_tables_without_standard_errors_are_named(inputs, tmp_path):
    old = pd.read_csv(tmp_path / "s.csv").drop(columns="se_speakers")
    old.to_csv(tmp_path / "old.csv")
    with pytest.raises(UserError, match="score these predictions again") as caught:
        figure_09.plot(Inputs(scores=(tmp_path / "old.csv",)), described())
    assert caught.value.offenders == (f"{tmp_path / 'old.csv'}: no column se_speakers",)
