"""How much information the states of a model contain about corpus, gender, speaker and valence.

The paper judges this by a picture (section IV-K). A projection to two dimensions preserves neighbours at best, so these
measures are computed in the original space.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.embeddings.loading import EmbeddingFiles, for_each_model, speaker_names
from valence_gap.runtime.data_files import write_csv
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats

NEIGHBOURS = 10
FOLDS = 5
PENALTIES = np.logspace(-1, 5, 13)
ALL_CORPORA = "all"
AGREEMENT, PROBE = "neighbour agreement", "probe CCC"

Labels = npt.NDArray[Any]


def measure_separation(files: EmbeddingFiles, evaluation: Evaluation, output: Path) -> None:
    """Measure for each model what its states of the same utterances separate, and write it as CSV.

    Args:
        files: files of the models and corpora.
        evaluation: how intervals are computed.
        output: CSV file that is written: model, seed, and the columns of :func:`separation_table`.

    Raises:
        UserError: if files are missing, or do not fit together.
    """
    write_csv(
        output,
        for_each_model(
            files,
            evaluation.seed,
            "separation",
            lambda states, utterances: separation_table(states, utterances, evaluation),
        ),
    )


def separation_table(states: Floats, utterances: pd.DataFrame, evaluation: Evaluation) -> pd.DataFrame:
    """All measures for one model.

    Gender and speaker are measured among all utterances and within each corpus: a speaker is in one corpus only, so
    states that distinguish the corpora also distinguish the speakers to some degree.

    Args:
        states: (utterances, hidden).
        utterances: corpus, speaker, gender, valence.
        evaluation: how intervals are computed.

    Returns:
        property, within (``all`` or a corpus), measure, samples, value, low, high, and chance: the value that is
        expected for states without any information.
    """
    corpora = list(dict.fromkeys(utterances["corpus"]))
    speakers = speaker_names(utterances)
    labels = {"corpus": utterances["corpus"].to_numpy(object), "gender": utterances["gender"].to_numpy(object)}
    labels["speaker"] = speakers.to_numpy(object)
    truth = utterances["valence"].to_numpy(np.float64)
    probed = probe(states, truth, _groups(speakers))
    rows = []
    for within in (ALL_CORPORA, *corpora):
        chosen = np.ones(len(utterances), dtype=bool)
        if within != ALL_CORPORA:
            chosen = (utterances["corpus"] == within).to_numpy()
        names = [within] if within != ALL_CORPORA else corpora
        for name, values in labels.items():
            if name == "corpus" and within != ALL_CORPORA:
                continue
            options = statistics.bootstrap(evaluation, *names, name)
            row = _agreement(states[chosen], values[chosen], options)
            rows.append({"property": name, "within": within, "measure": AGREEMENT} | row)
        estimate = statistics.ccc_estimate(
            truth[chosen], probed[chosen, None], **statistics.bootstrap(evaluation, *names, "valence")
        )
        row = {"samples": int(chosen.sum()), **estimate.first("value"), "chance": 0.0}
        rows.append({"property": "valence", "within": within, "measure": PROBE} | row)
    return pd.DataFrame(rows)


def neighbour_agreement(states: Floats, labels: Labels, neighbours: int = NEIGHBOURS) -> Floats:
    """For each sample, the share of its nearest neighbours (Euclidean, without itself) that have its label.

    Args:
        states: (samples, hidden).
        labels: (samples,).
        neighbours: number of neighbours; all other samples if there are fewer.

    Returns:
        (samples,), from 0 to 1.
    """
    count = min(neighbours, len(states) - 1)
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(states)
    nearest = search.kneighbors(return_distance=False)
    shares: Floats = (labels[nearest] == labels[:, None]).mean(axis=1)
    return shares


def chance_agreement(labels: Labels) -> float:
    """Expected neighbour agreement if the neighbours of each sample were drawn at random."""
    counts = pd.Series(labels).value_counts().to_numpy(dtype=np.float64)
    return float((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))


def probe(states: Floats, truth: Floats, groups: Labels) -> Floats:
    """Predict each sample by ridge regression on the states of the samples of other groups (speakers).

    The states are standardised and the penalty is chosen within the fitted part.

    Args:
        states: (samples, hidden).
        truth: (samples,).
        groups: (samples,); all samples of a group are in the same fold.

    Returns:
        (samples,); all NaN if there is only one group.
    """
    folds = min(FOLDS, len(np.unique(groups)))
    predicted = np.full(len(truth), np.nan)
    if folds < 2:
        return predicted
    for fitted, held_out in GroupKFold(folds).split(states, groups=groups):
        model = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
        predicted[held_out] = model.fit(states[fitted], truth[fitted]).predict(states[held_out])
    return predicted


def _groups(speakers: "pd.Series[str]") -> Labels:
    """Speakers as numbers; each unknown speaker is a group of its own."""
    alone = pd.Series([f"unknown {row}" for row in range(len(speakers))], index=speakers.index)
    return pd.factorize(speakers.where(speakers.notna(), alone))[0]


def _agreement(states: Floats, labels: Labels, options: statistics.Bootstrap) -> dict[str, float | int]:
    known = pd.notna(labels)
    states, labels = states[known], labels[known]
    if len(labels) < 2:
        return {"samples": len(labels), "value": np.nan, "low": np.nan, "high": np.nan, "chance": np.nan}
    shares = neighbour_agreement(states, labels)
    blocks = statistics.resample_counts(len(shares), resamples=options["resamples"], rng=options["rng"])
    means = np.concatenate([counts @ shares for counts in blocks]) / len(shares)
    low, high = statistics.interval(means[:, None], options["confidence"])
    value = {"value": float(shares.mean()), "low": float(low[0]), "high": float(high[0])}
    return {"samples": len(labels), **value, "chance": chance_agreement(labels)}
