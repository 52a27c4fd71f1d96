import argparse
import itertools
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from valence_gap.commands import tables as command
from valence_gap.definitions.figures import Inputs, Run
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc
from valence_gap.scores.statistics import generator
from valence_gap.tables import rendering, table_3
from valence_gap.tables.make import make_table

CORPORA = {"msp-podcast": ["arousal", "dominance", "valence"], "cmu-mosi": ["valence"]}
CONDITIONS = [
    {"name": "human-0db", "label": "Human, non-speech", "kind": "noise", "noise_class": "human", "snr_db": 0},
    {"name": "human-20db", "label": "Human, non-speech", "kind": "noise", "noise_class": "human", "snr_db": 20},
    {"name": "fade", "label": "Fade-in/fade-out", "kind": "fade"},
]


def written(stem):
    return [stem.with_suffix(f".{kind}").read_text(encoding="utf-8") for kind in ("csv", "md", "tex")]


SAMPLES = 90
CHANGED = {"human-0db": 0.25, "human-20db": 0.01, "fade": 0.0}
"""Change of the CCC of the first seed; that of human-0db doubles in the second."""


def write_test_set(folder, corpus):
    """Labels in all dimensions and utterances; six speakers, and three utterances of unknown ones."""
    ids = [f"u{row}" for row in range(SAMPLES)]
    labels = pd.DataFrame(np.random.default_rng(0).random((SAMPLES, 3)), columns=list(DIMENSIONS))
    labels.assign(id=ids).to_parquet(folder / f"{corpus}.labels.parquet")
    people = [None if row < 3 else f"s{row % 6}" for row in range(SAMPLES)]
    pd.DataFrame({"id": ids, "speaker": people, "gender": None}).to_parquet(folder / f"{corpus}.utterances.parquet")
    return labels.assign(id=ids)


def write_predictions(path, labels, conditions, seed):
    """Predictions that get worse by a change under each condition, in the order of no label table."""
    rng = np.random.default_rng(seed)
    dimensions = list(DIMENSIONS)
    noise = rng.normal(0, 0.1, (SAMPLES, 3))
    tables = []
    for condition, change in conditions.items():
        more = rng.normal(0, 0.02 + change, (SAMPLES, 3)) if condition not in ("clean", "fade") else 0
        tables.append(labels.assign(condition=condition, **(labels[dimensions] + noise + more))[::-1])
    pd.concat(tables).to_parquet(path)


def predicted(folder, models, corpora, seeds, conditions=CHANGED):
    """Predictions, labels and utterances of some models."""
    predictions, labels, utterances = [], {}, {}
    for corpus in corpora:
        truth = write_test_set(folder, corpus)
        labels[corpus], utterances[corpus] = (folder / f"{corpus}.{name}.parquet" for name in ("labels", "utterances"))
        for model, seed in itertools.product(models, seeds):
            for name, own in {"clean": {"clean": 0.0}, "augmented": conditions}.items():
                path = folder / f"{model}.{corpus}.{seed}.{name}.parquet"
                write_predictions(path, truth, own, seed)
                predictions.append((Run(model, seed, corpus), path))
    return {"predictions": tuple(predictions), "labels": labels, "utterances": utterances}


@pytest.fixture
def scored(tmp_path):
    """Score tables and predictions of two seeds of two models; the change depends on condition and seed."""
    paths = []
    for corpus, dimensions in CORPORA.items():
        for seed in (1, 2):
            for group, conditions in {"clean": ["clean"], "augmented": list(CHANGED)}.items():
                rows = [
                    (model, seed, corpus, condition, dimension, group_by, 0.5 + seed / 100 - change)
                    for model in ("robust", "other")
                    for condition, change in zip(conditions, [0.25 * seed, 0.01, 0.0], strict=False)
                    for dimension in dimensions
                    for group_by in ("all", "gender")
                ]
                columns = ["model", "seed", "corpus", "condition", "dimension", "group_by", "ccc"]
                table = pd.DataFrame(rows, columns=columns).assign(group="x", samples=SAMPLES, low=0, high=1)
                table.loc[table.condition == "clean", "ccc"] = 0.5 + seed / 100
                table.loc[(table.model == "other") | (table.group_by == "gender"), "ccc"] = 9.0
                paths.append(tmp_path / f"{corpus}.{seed}.{group}.csv")
                table.to_csv(paths[-1], index=False)
    return Inputs(scores=tuple(paths), **predicted(tmp_path, ("robust", "other"), CORPORA, (1, 2)))


def description_3(**more):
    corpora = [{"name": name, "label": name.upper(), "dimensions": names} for name, names in CORPORA.items()]
    models = [{"name": "robust", "label": "w2v2-L-robust", "colour": "#009e73"}]
    shown = {"models": models, "corpora": corpora, "conditions": CONDITIONS, "evaluation": {"bootstrap": 60}}
    return json.dumps(shown | more)


def test_published_averages_are_those_of_the_text():
    found = table_3.averages(table_3.published()).set_index("augmentation")
    assert found.cells["all"] == 77
    assert found["mean"].round(3)[["all", "human", "interior"]].tolist() == [-0.068, -0.103, -0.055]
    assert found.cells.drop("all").to_dict() == {"natural": 21, "human": 21, "interior": 21, "speed": 7, "fade": 7}


def test_table_3_is_the_mean_change_over_seeds(scored, tmp_path):
    make_table("table_3", scored, description_3(note="miniature"), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    assert len(cells) == 3 * (3 + 1)
    assert cells.change["human-0db", "cmu-mosi", "valence"] == pytest.approx(-0.375)
    assert cells.sd["human-0db", "cmu-mosi", "valence"] == pytest.approx(0.25 / np.sqrt(2))
    assert (cells.seeds == 2).all()
    assert cells.se_seeds["human-0db", "cmu-mosi", "valence"] == pytest.approx(0.25 / 2)
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    assert averages["mean"]["human"] == pytest.approx((-0.375 - 0.01) / 2)
    assert averages["mean"]["all"] == pytest.approx((-0.375 - 0.01) / 3)
    _, md, tex = written(tmp_path / "table_3")
    assert "| Human, non-speech | 0 dB | change | −.375 | −.375 | −.375 | −.375 |\n|  |  | interval | " in md
    assert " |\n|  | 20 dB | change | −.010 | −.010 | −.010 | −.010 |\n" in md
    assert "| Fade-in/fade-out |  | change | .000 | .000 | .000 | .000 |" in md
    assert r"\cmidrule(lr){4-4} \cmidrule(lr){5-5} \cmidrule(lr){6-7}" in tex
    assert "published" not in md
    assert "miniature" in md


def test_table_3_shows_the_published_changes_where_requested(scored, tmp_path):
    make_table("table_3", scored, description_3(published=True), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    place = ("human-20db", "msp-podcast", "dominance")
    assert cells.published[place] == 0.005
    assert cells.difference[place] == pytest.approx(-0.015)
    assert cells.published["fade", "cmu-mosi", "valence"] == -0.001
    _, md, _ = written(tmp_path / "table_3")
    rows = [line for line in md.splitlines() if line.startswith("| ")][2:]
    assert [row.split(" | ")[2] for row in rows] == ["here", "interval", "errors", "published", "difference"] * 3
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    expected = table_3.published().query("augmentation == 'fade' and corpus != 'iemocap'").delta_ccc.mean()
    assert averages.published["fade"] == pytest.approx(expected)


def test_the_table_reproduces_the_published_changes(tmp_path):
    """Scores made from the published changes give these changes and their averages."""
    conditions = [
        {"name": f"{noise}-{snr}db", "label": noise.capitalize(), "kind": "noise", "noise_class": noise, "snr_db": snr}
        for noise in ("natural", "human", "interior")
        for snr in (0, 10, 20)
    ]
    conditions += [{"name": "speed", "label": "Speed", "kind": "speed"}, CONDITIONS[2]]
    corpora = [{"name": name, "label": name} for name in ("msp-podcast", "iemocap")]
    corpora.append({"name": "cmu-mosi", "label": "MOSI", "dimensions": ["valence"]})
    reference = table_3.published()
    snr = reference.snr_db.map(lambda value: "" if np.isnan(value) else f"-{value:.0f}db")
    scores = reference.assign(condition=reference.augmentation + snr, ccc=0.5 + reference.delta_ccc)
    clean = scores.drop_duplicates(["corpus", "dimension"]).assign(condition="clean", ccc=0.5)
    of_all = {"model": "robust", "seed": 1, "group_by": "all", "group": "all", "samples": SAMPLES}
    pd.concat([scores, clean]).assign(**of_all).to_csv(tmp_path / "s.csv")
    changed = {condition["name"]: 0.1 for condition in conditions}
    tested = predicted(tmp_path, ["robust"], [corpus["name"] for corpus in corpora], [1], changed)
    description = description_3(corpora=corpora, conditions=conditions, published=True)
    make_table("table_3", Inputs(scores=(tmp_path / "s.csv",), **tested), description, tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv")
    assert len(cells) == 77
    assert cells.difference.abs().max() < 1e-9
    md = (tmp_path / "table_3.md").read_text(encoding="utf-8")
    assert re.search(r"all −.068 \(published −.068\), interval .*?, errors [^;]*, 77 cells; ", md)
    assert re.search(r"Human −.103 \(published −.103\), interval [^;]*, errors [^;]*, 21 cells; ", md)


def test_what_was_not_scored_is_named(scored, tmp_path):
    with pytest.raises(UserError, match="robust are missing") as caught:
        make_table("table_3", replace(scored, scores=scored.scores[:-1]), description_3(), tmp_path / "table_3")
    names = ("human-0db", "human-20db", "fade")
    assert caught.value.offenders == tuple(f"seed 2 on cmu-mosi: valence, '{name}'" for name in names)
    scores = tuple(path for path in scored.scores if "msp-podcast.1.clean" not in path.name)
    with pytest.raises(UserError) as caught:
        make_table("table_3", replace(scored, scores=scores), description_3(), tmp_path)
    assert len(caught.value.offenders) == 3
    assert caught.value.offenders[0] == "seed 1 on msp-podcast: arousal, 'clean'"
    with pytest.raises(UserError, match="nobody are missing"):
        make_table(
            "table_3",
            scored,
            description_3(models=[{"name": "nobody", "label": "x", "colour": "#000000"}]),
            tmp_path / "table_3",
        )
    with pytest.raises(UserError, match="--scores"):
        make_table("table_3", replace(scored, scores=()), description_3(), tmp_path / "table_3")


def test_missing_predictions_are_named_at_once(scored, tmp_path):
    some = tuple((run, path) for run, path in scored.predictions if run.seed == 1 or "augmented" not in path.name)
    with pytest.raises(UserError, match="predictions of robust are missing") as caught:
        make_table("table_3", replace(scored, predictions=some), description_3(), tmp_path / "table_3")
    assert caught.value.offenders == tuple(f"seed 2 on msp-podcast: '{name}'" for name in CHANGED)
    for name in ("labels", "utterances"):
        with pytest.raises(UserError, match=f"the {name} of msp-podcast are missing"):
            make_table("table_3", replace(scored, **{name: {}}), description_3(), tmp_path / "table_3")
    assert not list(tmp_path.glob("table_3*"))


def resampled_by_hand(scored, corpus, dimension, condition, by_speaker):
    """Changes of the CCC in the resamples of a corpus, mean over the seeds, one resample after the other."""
    truth = pd.read_parquet(scored.labels[corpus]).set_index("id").sort_index()
    people = pd.read_parquet(scored.utterances[corpus]).set_index("id")["speaker"].reindex(truth.index)
    groups = [[row] for row in range(SAMPLES)]
    rng = generator(0, corpus, "all")
    if by_speaker:
        # An unknown speaker is one of its own; speakers are numbered by first occurrence, the unknown ones last.
        known = people.dropna().unique()
        groups = [np.flatnonzero(people == name).tolist() for name in known]
        groups += [[row] for row in np.flatnonzero(people.isna())]
        rng = generator(0, corpus, "all", "speakers")
    drawn = rng.integers(0, len(groups), (60, len(groups)))
    tables = {}
    for run, path in scored.predictions:
        if (run.model, run.corpus) == ("robust", corpus):
            for name, rows in pd.read_parquet(path).groupby("condition"):
                tables[run.seed, name] = rows.set_index("id")[dimension].sort_index().to_numpy()
    labels = truth[dimension].to_numpy()
    found = []
    for chosen in drawn:
        rows = [row for group in chosen for row in groups[group]]
        changes = [
            ccc(labels[rows], tables[seed, condition][rows]) - ccc(labels[rows], tables[seed, "clean"][rows])
            for seed in (1, 2)
        ]
        found.append(np.mean(changes))
    return np.array(found), len(groups)


def test_errors_are_those_of_the_paired_changes(scored, tmp_path):
    make_table("table_3", scored, description_3(), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    row = cells.loc["human-0db", "msp-podcast", "arousal"]
    utterances, _ = resampled_by_hand(scored, "msp-podcast", "arousal", "human-0db", by_speaker=False)
    speakers, count = resampled_by_hand(scored, "msp-podcast", "arousal", "human-0db", by_speaker=True)
    assert count == 9
    assert row.se_utterances == pytest.approx(utterances.std(ddof=1))
    assert row.se_speakers == pytest.approx(speakers.std(ddof=1) * np.sqrt(9 / 8))
    within, between = max(row.se_utterances, row.se_speakers), row.se_seeds
    assert row.standard_error == pytest.approx(np.hypot(within, between))
    speakers_freedom = 8 if row.se_speakers > row.se_utterances else np.inf
    freedom = row.standard_error**4 / (within**4 / speakers_freedom + between**4)
    assert row.degrees_of_freedom == pytest.approx(freedom)
    half = student.ppf(0.975, freedom) * row.standard_error
    assert (row.low, row.high) == pytest.approx((max(row.change - half, -2), min(row.change + half, 2)))
    assert row.interval_covers == "utterances and seeds"
    # A fade that leaves the predictions as they are has no error.
    assert (cells.loc["fade", ["change", "standard_error", "low", "high"]] == 0).all(axis=None)


def test_averages_have_the_errors_of_the_mean_over_their_cells(scored, tmp_path):
    make_table("table_3", scored, description_3(), tmp_path / "table_3")
    found = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation").loc["human"]
    # Cells of one corpus are averaged within each resample; corpora are independent.
    for column, by_speaker in (("se_utterances", False), ("se_speakers", True)):
        variance = 0.0
        for corpus, dimensions in CORPORA.items():
            cells = [
                resampled_by_hand(scored, corpus, dimension, condition, by_speaker)[0]
                for dimension in dimensions
                for condition in ("human-0db", "human-20db")
            ]
            factor = 9 / 8 if by_speaker else 1
            variance += (np.sum(cells, axis=0) / found.cells).var(ddof=1) * factor
        assert found[column] == pytest.approx(np.sqrt(variance))
    # The mean change of each seed: -(.25 + .01) / 2 and -(.5 + .01) / 2.
    assert (found.seeds, found.sd) == (2, pytest.approx(0.125 / np.sqrt(2)))
    assert found.se_seeds == pytest.approx(0.125 / 2)
    assert found.low < found["mean"] < found.high


def test_the_text_has_errors_interval_and_seeds(scored, tmp_path):
    make_table("table_3", scored, description_3(), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    row = cells.loc["human-20db", "cmu-mosi", "valence"]
    low, high = (rendering.format_change(float(end)) for end in (row.low, row.high))
    errors = f"{rendering.format_error(row.se_utterances)} / {rendering.format_error(row.se_speakers)}"
    _, md, tex = written(tmp_path / "table_3")
    lines = md.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("|  | 20 dB | change |"))
    assert lines[first + 1].endswith(f"| \\[{low}, {high}\\] |")
    assert lines[first + 2].endswith(f"| {errors} |")
    assert f"& {errors} \\\\" in tex
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    assert f"errors {rendering.format_error(averages.se_utterances['all'])} / " in md
    assert "Each change is the mean over 2 training seeds. Interval: 95" in md
    assert "and of the 2 seeds." in md


def test_one_seed_and_one_speaker_are_named_as_such(tmp_path, scored):
    people = pd.read_parquet(scored.utterances["cmu-mosi"]).assign(speaker="s")
    people.to_parquet(tmp_path / "one.parquet")
    scores = tuple(path for path in scored.scores if ".1." in path.name)
    utterances = {**scored.utterances, "cmu-mosi": tmp_path / "one.parquet"}
    inputs = replace(scored, scores=scores, utterances=utterances)
    make_table("table_3", inputs, description_3(), tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    row = cells.loc["human-0db", "cmu-mosi", "valence"]
    assert (row.seeds, row.interval_covers) == (1, "utterances only")
    assert np.isnan([row.sd, row.se_seeds, row.se_speakers]).all()
    assert row.high - row.change == pytest.approx(student.ppf(0.975, np.inf) * row.se_utterances)
    _, md, _ = written(tmp_path / "table_3")
    assert "Each change is that of one training seed." in md
    assert "alone, without a part of the training seeds." in md
    assert f"{rendering.format_error(row.se_utterances)} / n/a |" in md


def test_an_undefined_change_is_left_out_of_the_averages(scored, tmp_path):
    for path in scored.scores:
        table = pd.read_csv(path)
        table.loc[
            (table.condition == "fade") | (table.condition == "human-0db") & (table.corpus == "cmu-mosi"), "ccc"
        ] = np.nan
        table.to_csv(path, index=False)
    make_table("table_3", scored, description_3(), tmp_path / "table_3")
    averages = pd.read_csv(tmp_path / "table_3_averages.csv").set_index("augmentation")
    assert averages.cells.to_dict() == {"all": 7, "human": 7, "fade": 0}
    assert averages["mean"]["all"] == pytest.approx(-(3 * 0.375 + 4 * 0.01) / 7)
    assert averages.loc["fade"].drop("cells").isna().all()
    _, md, _ = written(tmp_path / "table_3")
    assert "| interval | n/a | n/a | n/a | n/a |" in md
    assert "Fade-in/fade-out n/a, interval n/a, errors n/a / n/a, 0 cells." in md


def test_the_command_writes(scored, tmp_path):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    options = ["--description", description_3(), "--output-stem", str(tmp_path / "out" / "table_3")]
    options += ["--predictions", *(f"{run.model}:{run.seed}:{run.corpus}={path}" for run, path in scored.predictions)]
    for name in ("labels", "utterances"):
        options += [f"--{name}", *(f"{corpus}={path}" for corpus, path in getattr(scored, name).items())]
    args = parser.parse_args(["table", "table_3", "--scores", *map(str, scored.scores), *options])
    args.run(args)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["table_3.csv", "table_3.md", "table_3.tex", "table_3_averages.csv"]
