import argparse

import numpy as np
import pandas as pd
import pytest
from embedding_data import EVALUATION, figure_inputs, write_embedding_files

from valence_gap.commands import embeddings as command
from valence_gap.embeddings import separation
from valence_gap.scores.metrics import ccc


@pytest.fixture
def files(tmp_path):
    return write_embedding_files(tmp_path)


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


def test_chance_is_the_agreement_of_random_neighbours():
    rng = np.random.default_rng(2)
    labels = np.array(["a"] * 12 + ["b"] * 5 + ["c"], dtype=object)
    drawn = [separation.neighbour_agreement(rng.standard_normal((18, 3)), labels, 4).mean() for _ in range(600)]
    assert separation.chance_agreement(labels) == pytest.approx((12 * 11 + 5 * 4) / (18 * 17))
    assert np.mean(drawn) == pytest.approx(separation.chance_agreement(labels), abs=0.02)


def test_the_probe_is_never_fitted_on_the_speaker_that_it_predicts():
    """States that name the speaker predict the speaker's mean valence only if the probe was fitted on this speaker."""
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
    inputs = figure_inputs(files, tmp_path)
    for path in (inputs.separation, inputs.projection):
        assert (tmp_path / "called" / path.name).read_bytes() == path.read_bytes()
