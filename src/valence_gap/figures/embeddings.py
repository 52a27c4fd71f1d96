"""Pooled states of several models for the same utterances, which figure 10 is drawn from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from valence_gap.definitions import CLEAN
from valence_gap.errors import UserError
from valence_gap.figures.description import Description, Inputs, Run
from valence_gap.files import read_array
from valence_gap.metrics import Floats
from valence_gap.statistics import generator

# More would not be told apart in a picture, and t-SNE takes minutes for them.
MOST_UTTERANCES = 2000


@dataclass(frozen=True)
class Embedded:
    """What one run of a model makes of the sampled utterances.

    Attributes:
        model: name of the model.
        seed: its seed.
        states: pooled states as they are, (utterances, hidden).
    """

    model: str
    seed: int
    states: Floats


def sample_utterances(inputs: Inputs, description: Description, *, most: int = MOST_UTTERANCES) -> pd.DataFrame:
    """Utterances of all corpora with a valence label, an even share of each corpus, the same for every model.

    Args:
        inputs: with ``labels`` and ``utterances``.
        description: corpora; the seed of the draw.
        most: so many are drawn where there are more.

    Returns:
        corpus, id, speaker, gender (None where unknown) and valence.

    Raises:
        UserError: if a corpus has no tables.
    """
    corpora = [corpus.name for corpus in description.corpora]
    wanted = {"--labels": inputs.labels, "--utterances": inputs.utterances}
    missing = [
        f"{option} {corpus}=FILE" for option, files in wanted.items() for corpus in corpora if corpus not in files
    ]
    if missing:
        raise UserError("labels or utterances are missing", missing, "pass them")
    tables = {corpus: _labelled(inputs.labels[corpus], inputs.utterances[corpus]) for corpus in corpora}
    shares = even_shares({corpus: len(table) for corpus, table in tables.items()}, most)
    sampled = []
    for corpus, table in tables.items():
        rng = generator(description.evaluation.seed, corpus, "embeddings")
        rows = np.sort(rng.choice(len(table), shares[corpus], replace=False))
        sampled.append(table.iloc[rows].assign(corpus=corpus))
    return pd.concat(sampled, ignore_index=True)[["corpus", "id", "speaker", "gender", "valence"]]


def _labelled(labels: Path, utterances: Path) -> pd.DataFrame:
    valence = pd.read_parquet(labels, columns=["id", "valence"]).dropna()
    people = pd.read_parquet(utterances, columns=["id", "speaker", "gender"])
    return people.merge(valence, on="id").sort_values("id", ignore_index=True)


def even_shares(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Parts of ``total``, as even as the sizes allow: what a small corpus cannot fill goes to the others."""
    shares: dict[str, int] = {}
    for place, (name, size) in enumerate(sorted(sizes.items(), key=lambda item: item[1])):
        shares[name] = min(size, (total - sum(shares.values())) // (len(sizes) - place))
    return shares


def read_embeddings(inputs: Inputs, description: Description, sampled: pd.DataFrame) -> list[Embedded]:
    """The states of the sampled utterances, of the lowest seed of each model that has all corpora.

    Args:
        inputs: with ``predictions`` and ``embeddings`` of the clean test sets, one of each for a run.
        description: models.
        sampled: the utterances.

    Returns:
        One for each model, in order; rows as in ``sampled``.

    Raises:
        UserError: if files are missing, or do not belong together.
    """
    corpora = list(dict.fromkeys(sampled["corpus"]))
    predictions, embeddings = (_by_run(files) for files in (inputs.predictions, inputs.embeddings))
    runs = predictions.keys() & embeddings.keys()
    seeds = {model.name: _seed(runs, model.name, corpora) for model in description.models}
    missing = [f"{name} on {' and '.join(corpora)}" for name, seed in seeds.items() if seed is None]
    if missing:
        raise UserError(
            "no seed has embeddings of all corpora", missing, "pass them with --embeddings, and their --predictions"
        )
    found = []
    for name, seed in seeds.items():
        parts = []
        for corpus in corpora:
            run = Run(name, seed or 0, corpus)
            ids = sampled.loc[sampled["corpus"] == corpus, "id"]
            parts.append(_states(predictions[run], embeddings[run], ids))
        found.append(Embedded(name, seed or 0, np.concatenate(parts)))
    return found


def _by_run(files: Sequence[tuple[Run, Path]]) -> dict[Run, Path]:
    """The one file of each run.

    Raises:
        UserError: if a run has several.
    """
    runs = [run for run, _ in files]
    several = [f"{run.model}:{run.seed}:{run.corpus}" for run in dict.fromkeys(runs) if runs.count(run) > 1]
    if several:
        raise UserError("a run has several files", several, "pass those of the clean test set only")
    return dict(files)


def _seed(runs: set[Run], model: str, corpora: Sequence[str]) -> int | None:
    """The lowest seed of a model that has all corpora."""
    seeds = {run.seed for run in runs if run.model == model}
    return min((seed for seed in seeds if all(Run(model, seed, corpus) in runs for corpus in corpora)), default=None)


def _states(predictions: Path, embeddings: Path, ids: "pd.Series[str]") -> Floats:
    """Rows of ``embeddings`` that are of these utterances as they were recorded, (ids, hidden)."""
    table = pd.read_parquet(predictions, columns=["id", "condition"])
    array = read_array(embeddings)
    if array.ndim != 2 or len(table) != len(array):
        raise UserError(
            "embeddings and predictions are not of the same rows",
            [f"{predictions}: {len(table)} rows", f"{embeddings}: shape {array.shape}"],
            "predict anew",
        )
    clean = np.flatnonzero(table["condition"] == CLEAN)
    places = pd.Series(clean, index=table["id"].iloc[clean]).reindex(ids)
    absent = places.index[places.isna()].tolist()
    if absent:
        raise UserError(f"{predictions} lacks {len(absent)} clean utterances", absent[:20], "predict the whole corpus")
    return np.asarray(array[places.to_numpy(dtype=np.int64)], dtype=np.float64)
