import argparse
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from figure_study import CORPORA, KINDS, described, write_figure_study

from valence_gap.commands import figures as command
from valence_gap.definitions.figures import Inputs, Run, runs_of
from valence_gap.figures import figure_11
from valence_gap.figures.drawing import style
from valence_gap.figures.intervals import mean_over_seeds, seed_values
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc
from valence_gap.scores.scoring import AUGMENTED_MEAN
from valence_gap.scores.statistics import generator


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_figure_study(tmp_path_factory.mktemp("study"))


def plotted(name, study, description, tmp_path):
    make_figure(name, study, description, tmp_path / name)
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    pdf = (tmp_path / f"{name}.pdf").read_bytes()
    assert b"CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf
    return pd.read_csv(tmp_path / f"{name}.csv")


def all_scores(study):
    return pd.concat([pd.read_csv(path, dtype={"group": str}) for path in study.scores])


def test_figure_02_shows_the_mean_over_seeds(study, tmp_path):
    table = plotted("figure_02", study, described(), tmp_path)
    assert len(table) == 2 * (3 + 1)
    scores = all_scores(study).query("condition == 'clean' and group_by == 'all' and corpus == 'cmu-mosi'")
    row = table.query("corpus == 'cmu-mosi' and model == 'cnn14'").iloc[0]
    seeds = scores[scores.model == "cnn14"].ccc
    assert (row.ccc, row.seeds) == (pytest.approx(seeds.mean()), 2)
    assert row.sd == pytest.approx(abs(seeds.iloc[0] - seeds.iloc[1]) / np.sqrt(2))
    assert (row.minimum, row.maximum) == (seeds.min(), seeds.max())
    assert "published" not in table


def test_figure_02_marks_published_values_only_where_requested(study, tmp_path):
    table = plotted("figure_02", study, described(published=True), tmp_path)
    published = table.set_index(["corpus", "dimension", "model"]).published
    assert published["msp-podcast", "valence", "cnn14"] == 0.248
    assert np.isnan(published["cmu-mosi", "valence", "cnn14"])


def test_figure_04_uses_only_the_synthesised_utterances(study, tmp_path):
    fields = {"w2v2-b": {"backbone": "b"}, "w2v2-b-frozen": {"backbone": "b", "frozen": True}}
    description = described(("w2v2-b", "w2v2-b-frozen"), ("msp-podcast",), fields)
    table = plotted("figure_04", study, description, tmp_path).set_index("section")
    truth = pd.read_parquet(study.labels["msp-podcast"])[:30].valence
    run = Run("w2v2-b", 1, "msp-podcast")
    clean = next(pd.read_parquet(path) for key, path in study.predictions if key == run)
    assert table.loc["original", "ccc"] == pytest.approx(ccc(truth, clean[:30].valence))
    assert table.index.tolist() == ["original", "synthesised", "original-frozen", "synthesised-frozen"]
    run = Run("w2v2-b-frozen", 1, "msp-podcast")
    clean = next(pd.read_parquet(path) for key, path in study.predictions if key == run)
    assert table.loc["original-frozen", "ccc"] == pytest.approx(ccc(truth, clean[:30].valence))


def test_figure_05_is_the_difference_of_the_pair(study, tmp_path):
    fields = {"w2v2-b": {"backbone": "b"}, "w2v2-b-frozen": {"backbone": "b", "frozen": True}}
    description = described(("w2v2-b", "w2v2-b-frozen"), ("msp-podcast",), fields)
    table = plotted("figure_05", study, description, tmp_path)
    scores = all_scores(study).query("condition == 'clean' and group_by == 'all' and corpus == 'msp-podcast'")
    by_model = scores[scores.seed == 1].pivot(index="dimension", columns="model", values="ccc")
    expected = by_model["w2v2-b"] - by_model["w2v2-b-frozen"]
    np.testing.assert_allclose(table.set_index("dimension").ccc.sort_index(), expected.sort_index())
    assert (table.low < table.ccc).all()
    assert (table.ccc < table.high).all()


def test_figure_05_needs_pairs_of_models_with_a_common_seed(study, tmp_path):
    with pytest.raises(UserError, match="needs one frozen model"):
        make_figure("figure_05", study, described(), tmp_path / "x")
    fields = {"cnn14": {"backbone": "b"}, "w2v2-b-frozen": {"backbone": "b", "frozen": True}}
    description = described(("cnn14", "w2v2-b-frozen"), ("msp-podcast",), fields)
    only = [pair for pair in study.predictions if pair[0].seed == 2 or pair[0].model != "cnn14"]
    with pytest.raises(UserError, match="no seed"):
        make_figure("figure_05", replace(study, predictions=tuple(only)), description, tmp_path / "x")


def test_figure_06_averages_the_augmentations(study, tmp_path):
    table = plotted("figure_06", study, described(), tmp_path)
    scores = all_scores(study).query("group_by == 'all' and corpus == 'cmu-mosi' and model == 'w2v2-b'")
    augmented = scores[scores.condition.isin(["fade", "natural-0db"])].ccc.mean()
    row = table.query("corpus == 'cmu-mosi' and model == 'w2v2-b'").iloc[0]
    assert row.ccc == pytest.approx(augmented)
    assert row.change == pytest.approx(augmented - scores[scores.condition == "clean"].ccc.item())


def test_figure_06_shows_the_interval_of_the_average(study, tmp_path):
    table = plotted("figure_06", study, described(), tmp_path)
    scores = all_scores(study).query("group_by == 'all' and corpus == 'cmu-mosi' and model == 'w2v2-b'")
    row = table.query("corpus == 'cmu-mosi' and model == 'w2v2-b'").iloc[0]
    mean = scores[scores.condition == AUGMENTED_MEAN].iloc[0]
    assert row.standard_error == max(mean.se_utterances, mean.se_speakers)
    assert (row.high - row.low) / 2 == pytest.approx(1.959964 * row.standard_error)
    single = scores[scores.condition.isin(["fade", "natural-0db"])]
    assert mean.se_utterances < single.se_utterances.mean()


def test_figure_06_refuses_uneven_augmentations(study, tmp_path):
    table = all_scores(study)
    uneven = table[~((table.condition == "fade") & (table.model == "cnn14") & (table.seed == 2))]
    uneven.to_csv(tmp_path / "uneven.csv", index=False)
    with pytest.raises(UserError, match="cnn14, seed 2, on msp-podcast: lacks fade"):
        make_figure("figure_06", Inputs(scores=(tmp_path / "uneven.csv",)), described(), tmp_path / "x")


@pytest.mark.parametrize("corpora", [("msp-podcast", "cmu-mosi"), ("msp-podcast",)])
def test_figure_07_averages_over_corpora_and_dimensions(study, tmp_path, corpora):
    table = plotted("figure_07", study, described(corpora=corpora), tmp_path)
    own = table[table.model == "w2v2-b"]
    cells = own[own.corpus != "average"].ccc
    assert len(cells) == sum(len(CORPORA[corpus]) for corpus in corpora)
    average = own[own.corpus == "average"].iloc[0]
    assert average.ccc == pytest.approx(cells.mean())
    rows = []
    for corpus in corpora:
        people, truth = (pd.read_parquet(paths[corpus]).set_index("id") for paths in (study.utterances, study.labels))
        path = next(path for run, path in study.predictions if run == Run("w2v2-b", 1, corpus))
        predicted = pd.read_parquet(path).set_index("id")
        rng, drawn = generator(0, corpus, "female-male"), {}
        for gender in ("female", "male"):
            ids = people.index[people.gender == gender]
            drawn[gender] = [ids[places] for places in rng.integers(0, len(ids), (40, len(ids)))]
        for dimension in CORPORA[corpus]:
            cccs = [
                [ccc(truth.loc[ids, dimension], predicted.loc[ids, dimension]) for ids in drawn[gender]]
                for gender in drawn
            ]
            rows.append(np.subtract(*cccs))
    assert average.se_utterances == pytest.approx(np.std(np.mean(rows, axis=0), ddof=1))


def test_figure_07_has_the_scores_and_the_spread_over_seeds(study, tmp_path):
    table = plotted("figure_07", study, described(), tmp_path)
    scores = all_scores(study).query("condition == 'clean' and group_by == 'fairness' and model != 'w2v2-b-frozen'")
    expected = mean_over_seeds(scores, KINDS, 0.95).set_index(["corpus", "dimension", "model"])
    found = table[table.corpus != "average"].set_index(["corpus", "dimension", "model"]).loc[expected.index]
    assert found.borrowed_from.isna().all()
    assert (expected.borrowed_from == "").all()
    pd.testing.assert_frame_equal(found.drop(columns="borrowed_from"), expected.drop(columns="borrowed_from"))
    average = table.query("corpus == 'average' and model == 'cnn14'").iloc[0]
    by_seed = scores[scores.model == "cnn14"].groupby("seed").ccc.mean()
    assert (average.minimum, average.maximum) == (pytest.approx(by_seed.min()), pytest.approx(by_seed.max()))


def test_figure_07_leaves_out_what_has_one_gender_and_refuses_uneven_runs(study, tmp_path):
    women = tmp_path / "women.parquet"
    pd.read_parquet(study.utterances["msp-podcast"]).assign(gender="female").to_parquet(women)
    some = replace(study, utterances=study.utterances | {"msp-podcast": women})
    table = plotted("figure_07", some, described(), tmp_path)
    assert set(table.corpus) == {"cmu-mosi", "average"}
    with pytest.raises(
        UserError, match=r"no corpus of this figure has both female and male speakers(?s:.*)msp-podcast"
    ):
        make_figure("figure_07", some, described(corpora=("msp-podcast",)), tmp_path / "x")
    uneven = [pair for pair in study.predictions if pair[0] != Run("cnn14", 2, "cmu-mosi")]
    with pytest.raises(UserError, match="cnn14, seed 2, on cmu-mosi"):
        make_figure("figure_07", replace(study, predictions=tuple(uneven)), described(), tmp_path / "x")
    with pytest.raises(UserError, match="--utterances cmu-mosi"):
        make_figure("figure_07", replace(study, utterances={}), described(corpora=("cmu-mosi",)), tmp_path / "x")


def test_figure_08_orders_speakers_by_their_mean(study, tmp_path):
    description = described(("cnn14", "w2v2-b", "w2v2-b-frozen"), ("msp-podcast",))
    table = plotted("figure_08", study, description, tmp_path)
    means = table.groupby("speaker").ccc.mean().sort_values()
    assert table.drop_duplicates("place").sort_values("place").speaker.tolist() == means.index.tolist()
    agreement = pd.read_csv(tmp_path / "figure_08_spearman.csv")
    assert len(agreement) == 3 * 3 * 3
    valence = table[table.dimension == "valence"].pivot(index="speaker", columns="model", values="ccc")
    expected = valence["cnn14"].corr(valence["w2v2-b"], method="spearman")
    found = agreement.query("dimension == 'valence' and model == 'cnn14' and other == 'w2v2-b'").spearman.item()
    assert found == pytest.approx(expected)


def test_figure_11_is_mean_and_deviation_over_seeds(study, tmp_path):
    table = plotted("figure_11", study, described(corpora=("msp-podcast",)), tmp_path)
    logs = [pd.read_csv(path).dev_valence for run, path in study.training_logs if run.model == "cnn14"]
    row = table.query("model == 'cnn14' and dimension == 'valence' and epoch == 3").iloc[0]
    assert seed_values(row.by_seed) == pytest.approx([log[2] for log in logs])
    assert row.ccc == pytest.approx(np.mean([log[2] for log in logs]))
    assert row.sd == pytest.approx(np.std([log[2] for log in logs], ddof=1))
    panel = figure_11.plot(study, described(corpora=("msp-podcast",))).figure.axes[2]
    drawn = [line.get_ydata().tolist() for line in panel.lines if len(line.get_ydata()) == 4]
    assert all(log.tolist() in drawn for log in logs)  # a line for each seed
    low, high = panel.get_ylim()
    assert (low <= -0.1, high >= 1) == (True, True)
    with pytest.raises(UserError, match="training logs are missing"):
        make_figure("figure_11", Inputs(), described(), tmp_path / "x")


def test_figures_12_and_13_name_their_steps(study, tmp_path):
    layers = described(fields={"cnn14": {"layers": 2}, "w2v2-b": {}})
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 24}')
    whole = replace(study, configs={"w2v2-b": tmp_path / "config.json"})
    table = plotted("figure_12", whole, layers, tmp_path)
    assert table.groupby("model").step.unique().map(list).to_dict() == {"cnn14": [2], "w2v2-b": [24]}
    fractions = described(fields={"cnn14": {"fraction": 0.075}})
    assert set(plotted("figure_13", study, fractions, tmp_path).step) == {7.5, 100}


def test_figure_12_needs_the_depth_of_the_whole_model(study, tmp_path):
    with pytest.raises(UserError, match="dropped layers"):
        make_figure("figure_12", study, described(), tmp_path / "x")
    layers = described(fields={"cnn14": {"layers": 2}})
    with pytest.raises(UserError, match="--configs") as caught:
        make_figure("figure_12", study, layers, tmp_path / "x")
    assert caught.value.offenders == ("w2v2-b",)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="does not contain the number of layers"):
        make_figure("figure_12", replace(study, configs={"w2v2-b": tmp_path / "config.json"}), layers, tmp_path / "x")


def test_keyed_arguments():
    assert runs_of(["m:42:iemocap=a=b.parquet"], "--predictions", parts=3)[0][0] == Run("m", 42, "iemocap")
    with pytest.raises(UserError, match="MODEL:SEED=FILE") as caught:
        runs_of(["m=a", "m:x=a", "m:1=a"], "--training-logs", parts=2)
    assert len(caught.value.offenders) == 2
    with pytest.raises(UserError, match="KEY=FILE"):
        runs_of(["m:1"], "--training-logs", parts=2)


def test_the_command_draws(study, tmp_path):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    description = {
        "models": [{"name": "w2v2-b", "label": "w2v2-b", "colour": "#56b4e9"}],
        "corpora": [{"name": "cmu-mosi", "label": "MOSI", "dimensions": ["valence"]}],
        "note": "",
        "published": False,
    }
    options = {"--description": json.dumps(description), "--output-stem": str(tmp_path / "figure_02")}
    scores = ["--scores", *map(str, study.scores)]
    args = parser.parse_args(["figure", "figure_02", *scores, *(part for pair in options.items() for part in pair)])
    args.run(args)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".json", ".pdf", ".png"]


def test_a_figure_without_its_inputs_says_what_is_missing(study, tmp_path):
    with pytest.raises(UserError, match="--scores"):
        make_figure("figure_02", Inputs(), described(), tmp_path / "x")
    kept = tuple(path for path in study.scores if not path.name.startswith("w2v2-b.1.cmu-mosi"))
    with pytest.raises(UserError, match="w2v2-b on cmu-mosi: valence"):
        make_figure("figure_02", Inputs(scores=kept), described(), tmp_path / "x")
    with pytest.raises(UserError, match="there is no figure"):
        make_figure("figure_99", study, described(), tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_equal_figures_give_equal_files(study, tmp_path):
    for folder in ("one", "two"):
        make_figure("figure_02", study, described(note="miniature"), tmp_path / folder / "figure_02")
    for suffix in ("pdf", "png", "csv", "json"):
        one, two = ((tmp_path / folder / f"figure_02.{suffix}").read_bytes() for folder in ("one", "two"))
        assert one == two
