"""Pooled states of several models for the same sample of utterances."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from valence_gap.audio.skipped import drop_skipped, skipped_ids
from valence_gap.definitions.evaluation import CLEAN, Projection
from valence_gap.definitions.figures import Run
from valence_gap.runtime.data_files import read_array
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores.metrics import Floats
from valence_gap.scores.statistics import generator


@dataclass(frozen=True)
class EmbeddingFiles:
    """Files with the states of models for the clean test sets.

    Attributes:
        predictions: Parquet files by run, one for each run.
        embeddings: pooled states by run (``.npy``), with the same rows as the predictions of the run.
        labels: label tables by corpus; they define the order of the corpora.
        utterances: utterance tables by corpus.
        pack_indexes: index of the clean pack, by corpus, for each corpus whose bad audio is skipped.
    """

    predictions: tuple[tuple[Run, Path], ...]
    embeddings: tuple[tuple[Run, Path], ...]
    labels: Mapping[str, Path]
    utterances: Mapping[str, Path]
    pack_indexes: Mapping[str, Path] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """Names of the models, in the order of their files."""
        return list(dict.fromkeys(run.model for run, _ in (*self.predictions, *self.embeddings)))


@dataclass(frozen=True)
class ModelEmbeddings:
    """The states of the sampled utterances from one run of a model.

    Attributes:
        model: name of the model.
        seed: its seed.
        states: pooled states without normalisation, (utterances, hidden).
    """

    model: str
    seed: int
    states: Floats

    def with_model_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table that was computed from the states, with model and seed as its first columns."""
        columns = list(table.columns)
        return table.assign(model=self.model, seed=self.seed)[["model", "seed", *columns]]


def for_each_model(
    files: EmbeddingFiles,
    projection: Projection,
    seed: int,
    what: str,
    table_of: Callable[[Floats, pd.DataFrame], pd.DataFrame],
) -> pd.DataFrame:
    """Compute a table for each model from its states of the same sample of utterances.

    Args:
        files: files of one or more models and corpora.
        projection: with the number of utterances.
        seed: seed of the sample.
        what: name of the computation, for the progress line.
        table_of: (states, utterances) -> the table of a model.

    Returns:
        The concatenated tables, with model and seed.
    """
    utterances = sample_utterances(files, seed, max_utterances=projection.utterances)
    tables = []
    for embedded in progress(read_embeddings(files, utterances), what, unit="models"):
        # Sums over several threads have no fixed order, and t-SNE gives another picture after another rounding.
        with threadpool_limits(limits=1):
            tables.append(embedded.with_model_columns(table_of(embedded.states, utterances)))
    return pd.concat(tables, ignore_index=True)


def sample_utterances(files: EmbeddingFiles, seed: int, *, max_utterances: int) -> pd.DataFrame:
    """Utterances of all corpora with a valence label, an even share of each corpus, the same for every model.

    Args:
        files: with ``labels`` and ``utterances``; utterances that were skipped for bad audio are left out.
        seed: seed of the draw.
        max_utterances: number of utterances that are drawn; all of them if there are fewer.

    Returns:
        corpus, id, speaker, gender (None if unknown) and valence.

    Raises:
        UserError: if a corpus has labels but no utterances, or utterances but no labels.
    """
    required_files = {"--labels": files.labels, "--utterances": files.utterances}
    corpora = dict.fromkeys(corpus for given in required_files.values() for corpus in given)
    missing = [
        f"{option} {corpus}=FILE"
        for option, given in required_files.items()
        for corpus in corpora
        if corpus not in given
    ]
    if missing or not corpora:
        raise UserError("labels or utterances are missing", missing, "add these options")
    tables = {corpus: _labelled(files, corpus) for corpus in corpora}
    shares = even_shares({corpus: len(table) for corpus, table in tables.items()}, max_utterances)
    sampled = []
    for corpus, table in tables.items():
        rng = generator(seed, corpus, "embeddings")
        rows = np.sort(rng.choice(len(table), shares[corpus], replace=False))
        sampled.append(table.iloc[rows].assign(corpus=corpus))
    return pd.concat(sampled, ignore_index=True)[["corpus", "id", "speaker", "gender", "valence"]]


def speaker_names(utterances: pd.DataFrame) -> "pd.Series[str]":
    """Names of speakers that are unique over all corpora; missing if the speaker is unknown."""
    return utterances["corpus"].astype("str") + "/" + utterances["speaker"].astype("str")


def _labelled(files: EmbeddingFiles, corpus: str) -> pd.DataFrame:
    valence = pd.read_parquet(files.labels[corpus], columns=["id", "valence"]).dropna()
    people = pd.read_parquet(files.utterances[corpus], columns=["id", "speaker", "gender"])
    people = drop_skipped(skipped_ids(people["id"], files.pack_indexes.get(corpus), corpus), people)
    return people.merge(valence, on="id").sort_values("id", ignore_index=True)


def even_shares(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Parts of ``total``, as even as the sizes allow: the rest of a small corpus's share goes to the others."""
    shares: dict[str, int] = {}
    for place, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        shares[name] = min(size, (total - sum(shares.values())) // (len(sizes) - place))
    return shares


def read_embeddings(files: EmbeddingFiles, sampled: pd.DataFrame) -> list[ModelEmbeddings]:
    """Read the states of the sampled utterances, for the lowest seed of each model that has all corpora.

    Args:
        files: with ``predictions`` and ``embeddings``.
        sampled: the utterances.

    Returns:
        One element for each model, in order; the rows are those of ``sampled``.

    Raises:
        UserError: if files are missing, or do not fit together.
    """
    corpora = list(dict.fromkeys(sampled["corpus"]))
    predictions, embeddings = (_by_run(given) for given in (files.predictions, files.embeddings))
    runs = predictions.keys() & embeddings.keys()
    seeds = {model: _seed(runs, model, corpora) for model in files.models}
    missing = [f"{name} on {' and '.join(corpora)}" for name, seed in seeds.items() if seed is None]
    if missing or not seeds:
        raise UserError(
            "no seed has embeddings of all corpora", missing, "pass them with --embeddings and --predictions"
        )
    found = []
    for name, seed in seeds.items():
        parts = []
        for corpus in corpora:
            run = Run(name, seed or 0, corpus)
            ids = sampled.loc[sampled["corpus"] == corpus, "id"]
            parts.append(_states(predictions[run], embeddings[run], ids))
        found.append(ModelEmbeddings(name, seed or 0, np.concatenate(parts)))
    return found


def _by_run(files: Sequence[tuple[Run, Path]]) -> dict[Run, Path]:
    """The only file of each run.

    Raises:
        UserError: if a run has several files.
    """
    runs = [run for run, _ in files]
    repeated_runs = [f"{run.model}:{run.seed}:{run.corpus}" for run in dict.fromkeys(runs) if runs.count(run) > 1]
    if repeated_runs:
        raise UserError("a run has several files", repeated_runs, "pass those of the clean test set only")
    return dict(files)


def _seed(runs: set[Run], model: str, corpora: Sequence[str]) -> int | None:
    """The lowest seed of a model that has all corpora."""
    seeds = {run.seed for run in runs if run.model == model}
    return min((seed for seed in seeds if all(Run(model, seed, corpus) in runs for corpus in corpora)), default=None)


def _states(predictions: Path, embeddings: Path, ids: "pd.Series[str]") -> Floats:
    """The rows of ``embeddings`` for these utterances under the clean condition, (ids, hidden)."""
    table = pd.read_parquet(predictions, columns=["id", "condition"])
    array = read_array(embeddings)
    if array.ndim != 2 or len(table) != len(array):
        raise UserError(
            "embeddings and predictions are not of the same rows",
            [f"{predictions}: {len(table)} rows", f"{embeddings}: shape {array.shape}"],
            "predict again",
        )
    clean = np.flatnonzero(table["condition"] == CLEAN)
    places = pd.Series(clean, index=table["id"].iloc[clean]).reindex(ids)
    absent = places.index[places.isna()].tolist()
    if absent:
        raise UserError(f"{predictions} lacks {len(absent)} clean utterances", absent[:20], "predict the whole corpus")
    return np.asarray(array[places.to_numpy(dtype=np.int64)], dtype=np.float64)
