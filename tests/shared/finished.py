"""A finished model with its record, and its scores."""

import json

import pandas as pd
from small_models import make_backbone, training

from valence_gap.models import loading
from valence_gap.scores.scoring import COLUMNS

RUN = {
    "definition": {
        "backbone": {"source": "/data/secret/w2v2", "revision": None},
        "fraction": 0.5,
        "frozen": False,
        "pretrained": True,
        "recipe": {"optimizer": "adamw", "learning_rate": 1e-4, "batch_size": 32, "epochs": 5, "train_stem": False},
        "seed": 7,
    },
    "best_epoch": 3,
    "best_step": 6900,
    "epochs": 5,
}


def make_model(folder, kind="wav2vec2", norm="layer", precision="auto"):
    make_backbone(folder / "backbone", kind, norm, stable=norm == "layer")
    model = loading.build(training(layers=2, precision=precision), folder / "backbone").eval()
    model.save(folder / "model")
    (folder / "model/run.json").write_text(json.dumps(RUN))
    (folder / "model/training.csv").write_text(
        "epoch,loss,dev_arousal,dev_dominance,dev_valence,dev_mean,best\n"
        "2,0.5,0.9,0.9,0.9,0.9,False\n3,0.4,0.7111,0.6222,0.5333,0.62,True\n"
    )
    return model


def scores(path, seed=7, model="m"):
    rows = [
        (model, seed, "msp", condition, dimension, group_by, group, 40, ccc, ccc - 0.1, ccc + 0.1, 0.05, 0.06, 9)
        for condition, shift in (("clean", 0.0), ("natural", -0.25))
        for dimension, ccc in (("arousal", 0.7 + shift), ("valence", 0.5 + shift))
        for group_by, group in (("all", "all"), ("gender", "female"), ("fairness", "female-male"), ("speaker", "s1"))
    ]
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)
    return path
