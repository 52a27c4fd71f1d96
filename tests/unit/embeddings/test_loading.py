from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from embedding_data import write_embedding_files

from valence_gap.definitions.figures import Run
from valence_gap.embeddings import loading
from valence_gap.runtime.errors import UserError


@pytest.fixture
def files(tmp_path):
    return write_embedding_files(tmp_path)


def test_a_sample_is_even_and_the_same_on_every_call(files):
    first, second = (loading.sample_utterances(files, 0, max_utterances=50) for _ in range(2))
    assert first.equals(second)
    assert first.corpus.value_counts().to_dict() == {"one": 25, "two": 25}
    assert not first.duplicated(["corpus", "id"]).any()
    assert first.valence.notna().all()


def test_utterances_skipped_for_their_audio_are_not_in_the_sample(files, tmp_path, capsys):
    ids = pd.read_parquet(files.utterances["one"])["id"]
    ids[ids != "u07"].to_frame().to_parquet(tmp_path / "index.parquet")
    for run, path in files.predictions:  # there is no prediction for it either
        if run.corpus == "one":
            table = pd.read_parquet(path)
            kept = (table["id"] != "u07").to_numpy()
            table[kept].to_parquet(path)
            array = np.load(dict(files.embeddings)[run])
            np.save(dict(files.embeddings)[run], array[kept])
    sampled = loading.sample_utterances(files, 0, max_utterances=2000)
    with pytest.raises(UserError, match="lacks 1 clean utterances"):
        loading.read_embeddings(files, sampled)
    known = replace(files, pack_indexes={"one": tmp_path / "index.parquet"})
    sampled = loading.sample_utterances(known, 0, max_utterances=2000)
    assert sampled.corpus.value_counts().to_dict() == {"one": 58, "two": 39}
    assert len(loading.read_embeddings(known, sampled)[0].states) == 97
    assert "one: 1 of 60 utterances have bad audio" in capsys.readouterr().err


def test_the_rest_of_a_small_corpus_share_goes_to_the_others():
    assert loading.even_shares({"a": 1000, "b": 10, "c": 500}, 300) == {"a": 145, "b": 10, "c": 145}
    assert loading.even_shares({"a": 3, "b": 4}, 300) == {"a": 3, "b": 4}


def test_states_are_those_of_the_clean_utterances(files):
    sampled = loading.sample_utterances(files, 0, max_utterances=2000)
    found = loading.read_embeddings(files, sampled)
    assert [(each.model, each.seed) for each in found] == [("domain", 1), ("emotion", 1)]
    emotion = found[1].states
    assert emotion.shape == (98, 6)
    assert np.corrcoef(emotion[:, 0], sampled.valence)[0, 1] > 0.98


def test_the_lowest_seed_with_all_corpora_is_taken(files):
    incomplete = tuple((run, path) for run, path in files.embeddings if run != Run("domain", 1, "two"))
    part = replace(files, embeddings=incomplete)
    sampled = loading.sample_utterances(part, 0, max_utterances=2000)
    assert [each.seed for each in loading.read_embeddings(part, sampled)] == [2, 1]


def test_missing_files_are_named(files):
    with pytest.raises(UserError) as caught:
        loading.sample_utterances(replace(files, utterances={}), 0, max_utterances=2000)
    assert caught.value.offenders == ("--utterances one=FILE", "--utterances two=FILE")
    with pytest.raises(UserError) as caught:
        loading.read_embeddings(replace(files, embeddings=()), loading.sample_utterances(files, 0, max_utterances=2000))
    assert caught.value.offenders == ("domain on one and two", "emotion on one and two")


def test_files_that_do_not_fit_together_are_refused(files):
    sampled = loading.sample_utterances(files, 0, max_utterances=2000)
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
