import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from valence_gap.commands import verify as command
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import write_json
from valence_gap.runtime.verification import verify

RUN = "w2v2-b/seed-42"
SCORES = f"scores/{RUN}/iemocap/clean.csv"
PREDICTIONS = f"predictions/{RUN}/iemocap/clean.parquet"
TRAINING = f"models/{RUN}/training.csv"


def write(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal result folders."""
    first = tmp_path / "first"
    write(
        first / SCORES,
        pd.DataFrame(
            {
                "model": "w2v2-b",
                "group": ["all", "Ses01F"],
                "samples": [40, 9],
                "ccc": [0.5, np.nan],
                "low": [0.25, np.nan],
            }
        ),
    )
    write(first / PREDICTIONS, pd.DataFrame({"id": ["a", "b"], "valence": np.array([0.5, 0.75], np.float32)}))
    write(first / TRAINING, pd.DataFrame({"epoch": [1, 2], "loss": [1.5, 1.0], "best": [False, True]}))
    (first / "claims.json").write_text(json.dumps({"valence": {"holds": True, "gaps": [0.1, 2]}}))
    shutil.copytree(first, tmp_path / "second")
    return first, tmp_path / "second"


def change(folder: Path, file: str, column: str, row: int, value: object) -> None:
    path = folder / file
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    table.loc[row, column] = value
    write(path, table)


def offenders(folders: tuple[Path, Path], tolerance: float = 0.01, **options: object) -> list[str]:
    with pytest.raises(UserError) as caught:
        verify(*folders, tolerance=tolerance, **options)
    return list(caught.value.offenders)


def test_equal_folders_agree_exactly(folders):
    assert verify(*folders, tolerance=0.0) == "23 values in 4 files agree within 0"


def test_run_records_of_scores_predictions_and_claims_are_not_compared(folders):
    for number, folder in enumerate(folders):
        for file in (SCORES, PREDICTIONS, "claims.json"):
            (folder / file).with_suffix(".run.json").write_text(json.dumps({"wall_s": number}))
    (folders[0] / SCORES).with_suffix(".run.json").unlink()
    assert verify(*folders, tolerance=0.0) == "23 values in 4 files agree within 0"


def test_numbers_within_the_tolerance_agree(folders):
    change(folders[1], SCORES, "ccc", 0, 0.509)
    change(folders[1], PREDICTIONS, "valence", 1, np.float32(0.745))
    verify(*folders, tolerance=0.01)
    assert offenders(folders, 0.001) == [
        f"{PREDICTIONS}: valence: 0.75 and 0.745 in row 1",
        f"{SCORES}: ccc: 0.5 and 0.509 in row 0",
    ]


def test_all_differences_are_reported_at_once(folders):
    change(folders[1], SCORES, "ccc", 0, 0.7)
    change(folders[1], SCORES, "low", 0, 0.1)
    change(folders[1], TRAINING, "loss", 0, 1.6)
    change(folders[1], TRAINING, "loss", 1, 1.5)
    assert offenders(folders) == [
        f"{TRAINING}: loss: 2 values differ, the largest difference is between 1.0 and 1.5 in row 1",
        f"{SCORES}: ccc: 0.5 and 0.7 in row 0",
        f"{SCORES}: low: 0.25 and 0.1 in row 0",
    ]


@pytest.mark.parametrize(
    ("file", "column", "row", "value"),
    [
        (SCORES, "samples", 0, 41),
        (SCORES, "ccc", 1, 0.0),
        (SCORES, "ccc", 0, np.nan),
        (SCORES, "ccc", 0, np.inf),
        (SCORES, "group", 1, "Ses01M"),
        (PREDICTIONS, "id", 0, "c"),
        (TRAINING, "best", 0, True),
    ],
)
def test_integers_texts_and_missing_values_must_be_equal(folders, file, column, row, value):
    change(folders[1], file, column, row, value)
    assert len(offenders(folders, tolerance=0.9)) == 1


def test_the_tolerance_is_relative_above_one(folders):
    for folder, loss in zip(folders, (1000.0, 1009.0), strict=True):
        change(folder, TRAINING, "loss", 0, loss)
    verify(*folders, tolerance=0.01)
    assert offenders(folders, 0.001)


def test_json_is_compared_by_place(folders):
    (folders[1] / "claims.json").write_text(json.dumps({"valence": {"holds": False, "gaps": [0.3, 3]}, "note": "x"}))
    assert offenders(folders) == [
        "claims.json: valence.holds: True and False",
        "claims.json: valence.gaps.0: 0.1 and 0.3",
        "claims.json: valence.gaps.1: 2 and 3",
        "claims.json: note: missing and x",
    ]


def test_a_missing_file_column_or_row_is_a_difference(folders):
    (folders[1] / PREDICTIONS).unlink()
    write(folders[0] / TRAINING, pd.read_csv(folders[0] / TRAINING).head(1))
    write(folders[1] / SCORES, pd.read_csv(folders[1] / SCORES).drop(columns="low"))
    assert offenders(folders) == [
        f"{TRAINING}: rows: 1 and 2",
        f"{PREDICTIONS}: there and missing",
        f"{SCORES}: low: there and missing",
    ]


def test_the_run_record_of_a_model_is_not_compared(folders):
    (folders[0] / f"models/{RUN}/run.json").write_text('{"wall_s": 1.0}')
    (folders[1] / f"models/{RUN}/run.json").write_text('{"wall_s": 2.0}')
    verify(*folders, tolerance=0.0)


def test_only_the_given_patterns_are_compared(folders):
    change(folders[1], TRAINING, "loss", 0, 9.0)
    verify(*folders, tolerance=0.0, only=["scores/**/*.csv"])


def test_every_difference_can_be_written(folders, tmp_path):
    change(folders[1], TRAINING, "loss", 0, 1.75)
    change(folders[1], TRAINING, "loss", 1, 1.5)
    offenders(folders, output=tmp_path / "differences.csv")
    table = pd.read_csv(tmp_path / "differences.csv")
    assert table["distance"].tolist() == [0.25, 0.5]
    assert table[["file", "field", "row"]].to_numpy().tolist() == [[TRAINING, "loss", 0], [TRAINING, "loss", 1]]


def test_nothing_to_compare_is_an_error(tmp_path, folders):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="nothing to compare"):
        verify(tmp_path / "empty", tmp_path / "empty", tolerance=0.0)
    with pytest.raises(UserError, match="no such folder"):
        verify(folders[0], tmp_path / "absent", tolerance=0.0)


@pytest.mark.parametrize(("file", "content"), [(SCORES, ""), (PREDICTIONS, "PAR"), ("claims.json", "{")])
def test_a_broken_file_is_named(folders, file, content):
    (folders[1] / file).write_text(content)
    assert str(folders[1] / file) in offenders(folders)[0]


def test_the_command_prints_how_many_values_agree(folders, capsys):
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers())
    args = parser.parse_args(["verify", *map(str, folders), "--tolerance", "0.01", "--only", "scores/**/*.csv"])
    args.run(args)
    assert capsys.readouterr().out == "10 values in 1 files agree within 0.01\n"


def test_another_number_format_is_named_beside_the_differences(tmp_path: Path) -> None:
    for name, choice, value in (("a", "bf16", 0.5), ("b", "fp32", 0.6)):
        write_json(tmp_path / name / "precision.json", {"choice": choice})
        write_json(tmp_path / name / "claims.json", {"value": value})
    with pytest.raises(UserError, match=r"different number formats \(bf16 and fp32\).*copy precision\.json"):
        verify(tmp_path / "a", tmp_path / "b", tolerance=1e-6)
    write_json(tmp_path / "b" / "precision.json", {"choice": "bf16"})
    with pytest.raises(UserError) as caught:
        verify(tmp_path / "a", tmp_path / "b", tolerance=1e-6)
    assert "number formats" not in str(caught.value)
