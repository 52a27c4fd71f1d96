import numpy as np
import pandas as pd
import pytest
from embedding_data import COUNTS, EVALUATION, write_embedding_files
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.cli import main
from valence_gap.definitions.evaluation import Projection
from valence_gap.definitions.values import from_json, to_json
from valence_gap.embeddings import projection
from valence_gap.embeddings.separation import measure_separation

HIDDEN = np.random.default_rng(0).standard_normal((40, 5))


def test_projections_are_the_same_on_every_call():
    first, second = (projection.project(HIDDEN, Projection(), 0) for _ in range(2))
    assert (first == second).all()
    assert first.shape == (40, 2)


@pytest.mark.parametrize("changed", [Projection(perplexity=3.0), Projection(initialisation="random")])
def test_perplexity_and_initialisation_are_used(changed):
    assert not np.allclose(projection.project(HIDDEN, Projection(), 0), projection.project(HIDDEN, changed, 0))


@given(st.floats(0.1, 100), st.integers(2, 5000))
def test_the_perplexity_fits_the_number_of_utterances(perplexity, count):
    used = Projection(perplexity=perplexity).perplexity_of(count)
    assert used == perplexity or (used < perplexity and 4 * used == count - 1)


def test_settings_at_their_defaults_are_left_out_and_read_back():
    assert to_json(Projection()) == "{}"
    changed = Projection(utterances=10, perplexity=5.0, initialisation="random")
    assert from_json(Projection, to_json(changed)) == changed


def test_the_number_of_utterances_is_that_of_the_points_and_of_the_measures(tmp_path):
    files = write_embedding_files(tmp_path)
    few = Projection(utterances=50)
    projection.project_states(files, few, 0, tmp_path / "p.parquet")
    points = pd.read_parquet(tmp_path / "p.parquet")
    assert (points.groupby(["model", "corpus"]).size() == 25).all()
    measure_separation(files, few, EVALUATION, tmp_path / "s.csv")
    measured = pd.read_csv(tmp_path / "s.csv").query("property == 'corpus'")
    assert set(measured["samples"]) == {50}


def test_the_command_takes_the_settings(tmp_path):
    files = write_embedding_files(tmp_path)

    def named(pairs):
        return [f"{run.model}:{run.seed}:{run.corpus}={path}" for run, path in pairs if run.seed == 1]

    command = ["--predictions", *named(files.predictions), "--embeddings", *named(files.embeddings)]
    command += ["--labels", *(f"{corpus}={files.labels[corpus]}" for corpus in COUNTS)]
    command += ["--utterances", *(f"{corpus}={files.utterances[corpus]}" for corpus in COUNTS)]
    command += ["--seed", "0", "--output", str(tmp_path / "p.parquet")]
    assert main(["project-states", *command, "--projection", '{"utterances": 20, "perplexity": 4.0}']) == 0
    assert len(pd.read_parquet(tmp_path / "p.parquet")) == 2 * 20
