"""Projection of states to two dimensions by t-SNE; this is slow, so the points are stored apart from the figure."""

from pathlib import Path

import pandas as pd
from sklearn.manifold import TSNE

from valence_gap.definitions.evaluation import Projection
from valence_gap.embeddings.loading import EmbeddingFiles, for_each_model
from valence_gap.runtime.data_files import write_parquet
from valence_gap.scores.metrics import Floats


def project_states(files: EmbeddingFiles, projection: Projection, seed: int, output: Path) -> None:
    """Project the states of each model, all corpora together, and write the points as Parquet.

    Args:
        files: files of the models and corpora.
        projection: number of utterances, and settings of t-SNE.
        seed: seed of the sample of utterances and of t-SNE.
        output: the table: model, seed, corpus, id, speaker, gender, valence, x, y.

    Raises:
        UserError: if files are missing, or do not fit together.
    """

    def points(states: Floats, utterances: pd.DataFrame) -> pd.DataFrame:
        found = project(states, projection, seed)
        return utterances.assign(x=found[:, 0], y=found[:, 1])

    write_parquet(output, for_each_model(files, projection, seed, "projections", points))


def project(states: Floats, projection: Projection, seed: int) -> Floats:
    """Run t-SNE: (utterances, hidden) -> (utterances, 2), the same on every call."""
    points: Floats = TSNE(
        perplexity=projection.perplexity_of(len(states)),
        init=projection.initialisation,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(states)
    return points
