"""Small files of pooled states, with their labels and utterances, for the tests of embeddings and of figure 10."""

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import Evaluation, Projection
from valence_gap.definitions.figures import Inputs, Run
from valence_gap.embeddings import loading, projection, separation

COUNTS = {"one": 60, "two": 40}
EVALUATION = Evaluation(bootstrap=50)
PROJECTION = Projection()


def write_embedding_files(folder):
    """States of model ``domain`` contain corpus and speaker; states of model ``emotion`` contain valence."""
    rng = np.random.default_rng(0)
    labels, utterances, predictions, pooled = {}, {}, [], []
    for place, (corpus, count) in enumerate(COUNTS.items()):
        ids = [f"u{row:02}" for row in range(count)]
        valence = np.where(np.arange(count) == 3, np.nan, rng.random(count))
        speakers = np.arange(count) % 4
        labels[corpus], utterances[corpus] = (folder / f"{corpus}.{kind}.parquet" for kind in ("labels", "people"))
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
            # The rows are in another order than the utterances, after those of another condition.
            order = rng.permutation(count)
            rows = pd.DataFrame({"id": [ids[row] for row in order], "condition": "clean"})
            noisy = rows.assign(condition="fade")
            for seed in (1, 2):
                stem = folder / f"{model}-{seed}-{corpus}"
                pd.concat([noisy, rows]).to_parquet(stem.with_suffix(".parquet"))
                np.save(stem.with_suffix(".npy"), np.concatenate([-hidden, hidden[order]]).astype(np.float16))
                predictions.append((Run(model, seed, corpus), stem.with_suffix(".parquet")))
                pooled.append((Run(model, seed, corpus), stem.with_suffix(".npy")))
    return loading.EmbeddingFiles(tuple(predictions), tuple(pooled), labels, utterances)


def figure_inputs(files, folder):
    """Measure and project the states; the figure is drawn from these tables."""
    separation.measure_separation(files, PROJECTION, EVALUATION, folder / "separation.csv")
    projection.project_states(files, PROJECTION, EVALUATION.seed, folder / "projection.parquet")
    return Inputs(projection=folder / "projection.parquet", separation=folder / "separation.csv")
