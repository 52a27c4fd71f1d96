import argparse
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from valence_gap.commands import embeddings as command
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import Description, Inputs, Run
from valence_gap.definitions.values import from_json
from valence_gap.embeddings import loading, projection, separation
from valence_gap.figures import figure_10
from valence_gap.figures.drawing import style
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc

COUNTS = {"one": 60, "two": 40}
EVALUATION = Evaluation(bootstrap=50)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)


@pytest.fixture
def files(tmp_path):
    """Model ``domain`` has states that tell corpora and speakers apart, ``emotion`` states that tell valence."""
    rng = np.random.default_rng(0)
    labels, utterances, predictions, pooled = {}, {}, [], []
    for place, (corpus, count) in enumerate(COUNTS.items()):
        ids = [f"u{row:02}" for row in range(count)]
        valence = np.where(np.arange(count) == 3, np.nan, rng.random(count))
        speakers = np.arange(count) % 4
        labels[corpus], utterances[corpus] = (tmp_path / f"{corpus}.{kind}.parquet" for kind in ("labels", "people"))
        pd.DataFrame({"id": ids, "valence": valence}).to_parquet(labels[corpus])
        gender = np.where(speakers == 0, None, np.where(speakers % 2, "female", "male"))
        names = [None if speaker == 0 else f"s{speaker}" for speaker in speakers]
        pd.DataFrame({"id": ids, "speaker": names, "gender": gender}).to_parquet(utterances[corpus])
        for model in ("domain", "emotion"):
            hidden = 0.1 * rng.standard_normal((count, 6))
            if model == "domain":
                hidden[:, 0] += 10 * place
                hidden[:, 1] += speakers
            else:
                hidden[:, 0] += 3 * np.nan_to_num(valence)
            # Rows in another order than the utterances, behind those of another condition.
            order = rng.permutation(count)
            rows = pd.DataFrame({"id": [ids[row] for row in order], "condition": "clean"})
            noisy = rows.assign(condition="fade")
            for seed in (1, 2):
                stem = tmp_path / f"{model}-{seed}-{corpus}"
                pd.concat([noisy, rows]).to_parquet(stem.with_suffix(".parquet"))
                np.save(stem.with_suffix(".npy"), np.concatenate([-hidden, hidden[order]]).astype(np.float16))
                predictions.append((Run(model, seed, corpus), stem.with_suffix(".parquet")))
                pooled.append((Run(model, seed, corpus), stem.with_suffix(".npy")))
    return loading.EmbeddingFiles(tuple(predictions), tuple(pooled), labels, utterances)


def description_json(models=("domain", "emotion")):
    shown = [{"name": name, "label": name, "colour": "#56b4e9"} for name in models]
    corpora = [{"name": name, "label": name.upper()} for name in COUNTS]
    return json.dumps({"models": shown, "corpora": corpora, "evaluation": {"bootstrap": 50}, "note": "miniature"})


def described(*models):
    return from_json(Description, description_json(*models))


# ----------------------------------------------------------------------------------------------------- the picture
def reckoned(files, folder):
    """What the figure is drawn from."""
    separation.measure_separation(files, EVALUATION, folder / "separation.csv")
    projection.project_embeddings(files, EVALUATION.seed, folder / "projection.parquet")
    return Inputs(projection=folder / "projection.parquet", separation=folder / "separation.csv")


def test_figure_10_and_its_numbers(files, tmp_path):
    make_figure("figure_10", reckoned(files, tmp_path), described(), tmp_path / "out" / "figure_10")
    names = [f"figure_10{rest}" for rest in (".csv", ".pdf", ".png", "_separation.csv")]
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


def test_a_figure_of_some_models_shows_these_and_names_those_that_are_not_there(files, tmp_path):
    inputs = reckoned(files, tmp_path)
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


def test_projections_repeat_themselves():
    hidden = np.random.default_rng(0).standard_normal((40, 5))
    first, second = (projection.project(hidden, 0) for _ in range(2))
    assert (first == second).all()
    assert first.shape == (40, 2)


def test_the_most_frequent_speakers_of_each_corpus_are_coloured():
    names = [*"aaaaaabbbbbccccddde", *"vvvvw"]
    table = pd.DataFrame({"corpus": ["one"] * 19 + ["two"] * 5, "speaker": [*names[:18], None, *names[19:]]})
    found = figure_10.frequent_speakers(table, ["one", "two"])
    assert list(found) == ["one/a", "one/b", "one/c", "one/d", "two/v", "two/w"]
    assert len(set(found.values())) == 6


def test_the_commands_write_the_tables(files, tmp_path):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    keyed = {"--labels": files.labels, "--utterances": files.utterances}
    words = [word for option, paths in keyed.items() for word in [option, *(f"{key}={paths[key]}" for key in paths)]]
    for option, runs in {"--predictions": files.predictions, "--embeddings": files.embeddings}.items():
        words += [option, *(f"{run.model}:{run.seed}:{run.corpus}={path}" for run, path in runs)]
    (tmp_path / "called").mkdir()
    for name, output, more in (
        ("measure-separation", "separation.csv", ["--evaluation", '{"bootstrap": 50}']),
        ("project-states", "projection.parquet", ["--seed", "0"]),
    ):
        args = parser.parse_args([name, *words, *more, "--output", str(tmp_path / "called" / output)])
        args.run(args)
    inputs = reckoned(files, tmp_path)
    for path in (inputs.separation, inputs.projection):
        assert (tmp_path / "called" / path.name).read_bytes() == path.read_bytes()


# ------------------------------------------------------------------------------------------- which states are shown
def test_a_sample_is_even_and_the_same_on_every_call(files):
    first, second = (loading.sample_utterances(files, 0, max_utterances=50) for _ in range(2))
    assert first.equals(second)
    assert first.corpus.value_counts().to_dict() == {"one": 25, "two": 25}
    assert not first.duplicated(["corpus", "id"]).any()
    assert first.valence.notna().all()


def test_what_was_skipped_for_its_audio_is_not_in_the_sample(files, tmp_path, capsys):
    ids = pd.read_parquet(files.utterances["one"])["id"]
    ids[ids != "u07"].to_frame().to_parquet(tmp_path / "index.parquet")
    for run, path in files.predictions:  # nothing was predicted for it either
        if run.corpus == "one":
            table = pd.read_parquet(path)
            kept = (table["id"] != "u07").to_numpy()
            table[kept].to_parquet(path)
            array = np.load(dict(files.embeddings)[run])
            np.save(dict(files.embeddings)[run], array[kept])
    sampled = loading.sample_utterances(files, 0)
    with pytest.raises(UserError, match="lacks 1 clean utterances"):
        loading.read_embeddings(files, sampled)
    known = replace(files, pack_indexes={"one": tmp_path / "index.parquet"})
    sampled = loading.sample_utterances(known, 0)
    assert sampled.corpus.value_counts().to_dict() == {"one": 58, "two": 39}
    assert len(loading.read_embeddings(known, sampled)[0].states) == 97
    assert "one: 1 of 60 utterances have bad audio" in capsys.readouterr().err


def test_what_a_small_corpus_cannot_fill_goes_to_the_others():
    assert loading.even_shares({"a": 1000, "b": 10, "c": 500}, 300) == {"a": 145, "b": 10, "c": 145}
    assert loading.even_shares({"a": 3, "b": 4}, 300) == {"a": 3, "b": 4}


def test_states_are_those_of_the_clean_utterances(files):
    sampled = loading.sample_utterances(files, 0)
    found = loading.read_embeddings(files, sampled)
    assert [(each.model, each.seed) for each in found] == [("domain", 1), ("emotion", 1)]
    emotion = found[1].states
    assert emotion.shape == (98, 6)
    assert np.corrcoef(emotion[:, 0], sampled.valence)[0, 1] > 0.98


def test_the_lowest_seed_with_all_corpora_is_taken(files):
    incomplete = tuple((run, path) for run, path in files.embeddings if run != Run("domain", 1, "two"))
    part = replace(files, embeddings=incomplete)
    sampled = loading.sample_utterances(part, 0)
    assert [each.seed for each in loading.read_embeddings(part, sampled)] == [2, 1]


def test_missing_files_are_named(files):
    with pytest.raises(UserError) as caught:
        loading.sample_utterances(replace(files, utterances={}), 0)
    assert caught.value.offenders == ("--utterances one=FILE", "--utterances two=FILE")
    with pytest.raises(UserError) as caught:
        loading.read_embeddings(replace(files, embeddings=()), loading.sample_utterances(files, 0))
    assert caught.value.offenders == ("domain on one and two", "emotion on one and two")


def test_files_that_do_not_belong_together_are_refused(files):
    sampled = loading.sample_utterances(files, 0)
    with pytest.raises(UserError, match="several files"):
        loading.read_embeddings(replace(files, predictions=files.predictions * 2), sampled)
    path = dict(files.embeddings)[Run("domain", 1, "one")]
    np.save(path, np.zeros((5, 6), dtype=np.float16))
    with pytest.raises(UserError, match="not of the same rows"):
        loading.read_embeddings(files, sampled)
    table = pd.read_parquet(dict(files.predictions)[Run("domain", 1, "one")])
    table.assign(condition="fade").to_parquet(dict(files.predictions)[Run("domain", 1, "one")])
    np.save(path, np.zeros((len(table), 6), dtype=np.float16))
    with pytest.raises(UserError, match="lacks 59 clean utterances"):
        loading.read_embeddings(files, sampled)


# ------------------------------------------------------------------------------------------------------ separation
def test_neighbour_agreement_against_a_naive_loop():
    rng = np.random.default_rng(1)
    hidden, labels = rng.standard_normal((30, 4)), rng.choice(np.array(list("abc"), dtype=object), 30)
    expected = []
    for row in range(30):
        distances = np.linalg.norm(hidden - hidden[row], axis=1)
        distances[row] = np.inf
        nearest = np.argsort(distances)[:5]
        expected.append(np.mean([labels[other] == labels[row] for other in nearest]))
    assert separation.neighbour_agreement(hidden, labels, 5) == pytest.approx(np.array(expected))


def test_chance_is_what_neighbours_at_random_agree():
    rng = np.random.default_rng(2)
    labels = np.array(["a"] * 12 + ["b"] * 5 + ["c"], dtype=object)
    drawn = [separation.neighbour_agreement(rng.standard_normal((18, 3)), labels, 4).mean() for _ in range(600)]
    assert separation.chance_agreement(labels) == pytest.approx((12 * 11 + 5 * 4) / (18 * 17))
    assert np.mean(drawn) == pytest.approx(separation.chance_agreement(labels), abs=0.02)


def test_the_probe_never_sees_the_speaker_that_it_is_asked_about():
    """States that name the speaker tell his mean valence to a probe which has heard him, and to no other."""
    rng = np.random.default_rng(3)
    speakers = np.repeat(np.arange(20), 10)
    truth = rng.random(20)[speakers] + 0.01 * rng.standard_normal(200)
    hidden = np.eye(20)[speakers]
    assert ccc(truth, separation.probe(hidden, truth, np.arange(200))) > 0.9
    assert ccc(truth, separation.probe(hidden, truth, speakers)) < 0.1
    assert np.isnan(separation.probe(hidden, truth, np.zeros(200))).all()


def test_unknown_genders_and_speakers_are_left_out():
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"corpus": ["one"] * 20, "speaker": None, "gender": ["female"] * 10 + [None] * 10})
    found = separation.separation_table(rng.random((20, 3)), table.assign(valence=rng.random(20)), EVALUATION)
    found = found[found.within == "all"].set_index("property")
    assert found.samples.to_dict() == {"corpus": 20, "gender": 10, "speaker": 0, "valence": 20}
    assert found.value["gender"] == found.chance["gender"] == 1
    assert np.isnan(found.value["speaker"])
    assert np.isfinite(found.value["valence"])
