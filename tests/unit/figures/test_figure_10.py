import json

import numpy as np
import pandas as pd
import pytest
from embedding_data import COUNTS, figure_inputs, write_embedding_files

from valence_gap.definitions.figures import Description, Inputs
from valence_gap.definitions.values import from_json
from valence_gap.figures import figure_10
from valence_gap.figures.drawing import style
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


@pytest.fixture
def files(tmp_path):
    return write_embedding_files(tmp_path)


def description_json(models=("domain", "emotion")):
    shown = [{"name": name, "label": name, "colour": "#56b4e9"} for name in models]
    corpora = [{"name": name, "label": name.upper()} for name in COUNTS]
    return json.dumps({"models": shown, "corpora": corpora, "evaluation": {"bootstrap": 50}, "note": "miniature"})


def described(*models):
    return from_json(Description, description_json(*models))


def test_figure_10_and_its_numbers(files, tmp_path):
    make_figure("figure_10", figure_inputs(files, tmp_path), described(), tmp_path / "out" / "figure_10")
    names = [f"figure_10{rest}" for rest in (".csv", ".json", ".pdf", ".png", "_separation.csv")]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    points = pd.read_csv(tmp_path / "out" / "figure_10.csv")
    assert len(points) == 2 * (60 + 40 - 2)
    assert (points.seed == 1).all()
    assert np.isfinite(points[["x", "y"]]).all().all()
    domain, emotion = (points[points.model == model].reset_index() for model in ("domain", "emotion"))
    assert (domain[["corpus", "id", "valence"]] == emotion[["corpus", "id", "valence"]]).all().all()

    found = pd.read_csv(tmp_path / "out" / "figure_10_separation.csv")
    everywhere = found[found.within == "all"].set_index(["model", "property"])
    assert everywhere.value["domain", "corpus"] == 1
    assert everywhere.value["emotion", "corpus"] < 0.7
    assert everywhere.value["domain", "speaker"] > 0.9
    assert everywhere.value["emotion", "speaker"] < 0.4
    assert everywhere.value["emotion", "valence"] > 0.9
    assert everywhere.value["domain", "valence"] < 0.4
    assert everywhere.samples["domain", "corpus"] == 98
    assert everywhere.samples["domain", "gender"] == 45 + 30 - 2
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    assert found.groupby("property").within.nunique().to_dict() == {
        "corpus": 1,
        "gender": 3,
        "speaker": 3,
        "valence": 3,
    }


def test_a_figure_of_some_models_shows_only_these_and_names_missing_ones(files, tmp_path):
    inputs = figure_inputs(files, tmp_path)
    make_figure("figure_10", inputs, described(("emotion",)), tmp_path / "figure_10")
    assert set(pd.read_csv(tmp_path / "figure_10.csv").model) == {"emotion"}
    assert set(pd.read_csv(tmp_path / "figure_10_separation.csv").model) == {"emotion"}
    with pytest.raises(UserError, match="not among the embeddings") as caught:
        make_figure("figure_10", inputs, described(("emotion", "other")), tmp_path / "x")
    assert caught.value.offenders == tuple(
        f"{tmp_path / name}: other" for name in ("projection.parquet", "separation.csv")
    )
    with pytest.raises(UserError, match="drawn from projected embeddings"):
        make_figure("figure_10", Inputs(), described(), tmp_path / "x")


def test_the_most_frequent_speakers_of_each_corpus_are_coloured():
    names = [*"aaaaaabbbbbccccddde", *"vvvvw"]
    table = pd.DataFrame({"corpus": ["one"] * 19 + ["two"] * 5, "speaker": [*names[:18], None, *names[19:]]})
    found = figure_10.frequent_speakers(table, ["one", "two"])
    assert list(found) == ["one/a", "one/b", "one/c", "one/d", "two/v", "two/w"]
    assert len({colour for colour, _ in found.values()}) == 6
    assert {marker for _, marker in found.values()} == {"o", "s"}


def test_the_figure_states_its_utterances_and_the_settings_of_the_projection(files, tmp_path):
    inputs = figure_inputs(files, tmp_path)
    foot = figure_10.plot(inputs, described()).caption.foot
    start = "One seed of each model; 59 of ONE, 39 of TWO. t-SNE with a perplexity of 24.25, initialised by PCA. "
    assert foot.startswith(start)
    changed = json.loads(description_json()) | {"projection": {"perplexity": 5.0, "initialisation": "random"}}
    foot = figure_10.plot(inputs, from_json(Description, json.dumps(changed))).caption.foot
    assert "perplexity of 5, initialised by random numbers." in foot


def test_each_panel_states_what_is_measured_of_it(files, tmp_path):
    inputs = figure_inputs(files, tmp_path)
    drawing = figure_10.plot(inputs, described(("emotion",)))
    found = pd.read_csv(tmp_path / "separation.csv").query("model == 'emotion' and within == 'all'")
    speaker, valence = (found[found.property == name].iloc[0] for name in ("speaker", "valence"))
    shown = [axes.get_xlabel().replace("\N{NO-BREAK SPACE}", " ") for axes in drawing.figure.axes[:4]]
    assert shown[2] == f"alike {100 * speaker.value:.0f} % ({100 * speaker.chance:.0f} %)"
    assert shown[3] == f"probe {style.format_ccc(valence.value)}"
    assert f"valence probe {style.format_ccc(valence.value)}" in drawing.alt


def test_no_colour_of_the_figure_has_two_meanings():
    colours = [colour for colour, _ in style.CORPORA] + [colour for colour, _ in figure_10.GENDERS.values()]
    colours += [*figure_10.SPEAKERS, figure_10.UNKNOWN]
    assert len(set(colours)) == len(colours)
    (one, first), (two, second) = figure_10.GENDERS.values()
    assert first != second
    assert abs(style.luminance(one) - style.luminance(two)) > 0.2
