import json
from pathlib import Path

import pandas as pd
import pytest

from valence_gap.definitions.figures import Description, Inputs, Run
from valence_gap.definitions.values import from_json
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError

DESCRIPTION = {
    "models": [
        {"name": "cnn14", "label": "CNN14", "colour": "#7f7f7f"},
        {"name": "w2v2-b", "label": "w2v2-b", "colour": "#56b4e9"},
    ],
    "corpora": [{"name": "msp", "label": "MSP", "dimensions": ["valence"]}],
    "note": "",
}
WITHIN = pd.DataFrame(
    {
        "epoch": [1, 1, 1, 2, 2],
        "step": [4, 8, 10, 12, 20],
        "epoch_end": [False, False, True, False, True],
        "dev_valence": [0.9, 0.8, 0.1, 0.7, 0.2],
    }
)


def inputs(folder: Path, rows: int) -> Inputs:
    """The log of CNN14 has a row per epoch, and that of the other model also has evaluations within epochs."""
    logs = {"cnn14": pd.DataFrame({"epoch": [1, 2], "dev_valence": [0.3, 0.4]}), "w2v2-b": WITHIN[:rows]}
    for model, log in logs.items():
        log.to_csv(folder / f"{model}.csv", index=False)
    return Inputs(training_logs=tuple((Run(model, 42), folder / f"{model}.csv") for model in logs))


def test_only_whole_epochs_are_shown(tmp_path: Path) -> None:
    make_figure(
        "figure_11", inputs(tmp_path, rows=5), from_json(Description, json.dumps(DESCRIPTION)), tmp_path / "figure_11"
    )
    table = pd.read_csv(tmp_path / "figure_11.csv").set_index(["model", "epoch"])
    assert table["ccc"].to_dict() == {
        ("cnn14", 1): 0.3,
        ("cnn14", 2): 0.4,
        ("w2v2-b", 1): 0.1,
        ("w2v2-b", 2): 0.2,
    }
    assert table["seeds"].tolist() == [1] * 4


def test_a_run_without_a_whole_epoch_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no whole epoch") as caught:
        make_figure(
            "figure_11",
            inputs(tmp_path, rows=2),
            from_json(Description, json.dumps(DESCRIPTION)),
            tmp_path / "figure_11",
        )
    assert list(caught.value.offenders) == [f"w2v2-b, seed 42: {tmp_path / 'w2v2-b.csv'}"]
