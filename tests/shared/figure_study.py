"""A small study for the tests of figures: scores, predictions, labels and training logs of two corpora."""

import json

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import Description, Inputs, Run
from valence_gap.definitions.values import DIMENSIONS, from_json
from valence_gap.scores.scoring import score

CORPORA = {"msp-podcast": list(DIMENSIONS), "cmu-mosi": ["valence"]}
COLOURS = {"cnn14": "#7f7f7f", "w2v2-b": "#56b4e9", "w2v2-b-frozen": "#56b4e9"}
KINDS = {"cnn14": "CNN14", "w2v2-b": "fine-tuned", "w2v2-b-frozen": "frozen"}
CONDITIONS = {"clean": ["clean"], "augmented": ["fade", "natural-0db"], "synthesised": ["synthesised"]}
EVALUATION = Evaluation(bootstrap=40, min_samples=10, speaker_draws=10)


def described(models=("cnn14", "w2v2-b"), corpora=tuple(CORPORA), fields=None, **more):
    shown = [
        {"name": name, "label": name, "colour": COLOURS[name], "kind": KINDS[name]} | (fields or {}).get(name, {})
        for name in models
    ]
    value = {
        "models": shown,
        "corpora": [{"name": name, "label": name.upper(), "dimensions": CORPORA[name]} for name in corpora],
        "evaluation": {"bootstrap": 40},
    }
    return from_json(Description, json.dumps(value | more))


def write_figure_study(root):
    """Scores, predictions, labels and training logs of two small corpora; CNN14 has two seeds."""
    rng = np.random.default_rng(0)
    scores, predictions, labels, people_of, logs = [], [], {}, {}, []
    for corpus, dimensions in CORPORA.items():
        ids = [f"u{row}" for row in range(48)]
        truth = pd.DataFrame({"id": ids} | {name: rng.random(48) for name in DIMENSIONS})
        labels[corpus] = root / f"{corpus}.labels.parquet"
        truth.to_parquet(labels[corpus])
        utterances = people_of[corpus] = root / f"{corpus}.utterances.parquet"
        people = [("a", "female"), ("b", "male"), ("c", "female"), ("d", "male")]
        pd.DataFrame(
            {
                "id": ids,
                "speaker": [people[row % 4][0] for row in range(48)],
                "gender": [people[row % 4][1] for row in range(48)],
                "transcript": ["words" if row < 30 else None for row in range(48)],
            }
        ).to_parquet(utterances)
        for model, seed in [("cnn14", 1), ("cnn14", 2), ("w2v2-b", 1), ("w2v2-b-frozen", 1)]:
            if model == "w2v2-b-frozen" and corpus == "cmu-mosi":
                continue
            for group, conditions in CONDITIONS.items():
                parts = []
                for condition in conditions:
                    rows = truth[:30] if condition == "synthesised" else truth
                    noisy = rows[list(DIMENSIONS)] + 0.2 * rng.standard_normal((len(rows), 3))
                    parts.append(noisy.assign(id=rows["id"], condition=condition))
                path = root / f"{model}.{seed}.{corpus}.{group}.parquet"
                pd.concat(parts).to_parquet(path)
                predictions.append((Run(model, seed, corpus), path))
                if group == "synthesised":
                    continue
                options = {"model": model, "seed": seed, "corpus": corpus, "dimensions": dimensions}
                score(path, labels[corpus], utterances, path.with_suffix(".csv"), **options, evaluation=EVALUATION)
                scores.append(path.with_suffix(".csv"))
    for model, seed in [("cnn14", 1), ("cnn14", 2), ("w2v2-b", 1)]:
        path = root / f"{model}.{seed}.training.csv"
        values = {f"dev_{name}": rng.random(4) for name in DIMENSIONS}
        pd.DataFrame({"epoch": range(1, 5), "loss": 1.0} | values).to_csv(path, index=False)
        logs.append((Run(model, seed), path))
    return Inputs(tuple(scores), tuple(predictions), labels, tuple(logs), utterances=people_of)
