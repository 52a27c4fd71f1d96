from pathlib import Path

import pandas as pd
import pytest

from valence_gap.scores.training_logs import read_epochs

ONCE = pd.DataFrame({"epoch": [1, 2], "loss": [0.9, 0.5], "dev_mean": [0.2, 0.3], "best": [False, True]})


def test_a_log_of_one_evaluation_per_epoch_is_read_as_it_is(tmp_path: Path) -> None:
    ONCE[::-1].to_csv(tmp_path / "training.csv", index=False)
    pd.testing.assert_frame_equal(read_epochs(tmp_path / "training.csv"), ONCE)


@pytest.mark.parametrize(("rows", "epochs"), [(5, [1, 2]), (4, [1]), (1, [])])
def test_evaluations_within_epochs_are_left_out(tmp_path: Path, rows: int, epochs: list[int]) -> None:
    log = pd.DataFrame(
        {
            "epoch": [1, 1, 2, 2, 2],
            "step": [100, 140, 200, 240, 280],
            "epoch_end": [False, True, False, False, True],
            "loss": [1.0, 0.9, 0.4, 0.6, 0.5],
            "dev_mean": [0.9, 0.2, 0.8, 0.7, 0.3],
            "best": [False, False, False, False, True],
        }
    )
    log[:rows].to_csv(tmp_path / "training.csv", index=False)
    expected = ONCE[ONCE["epoch"].isin(epochs)]
    found = read_epochs(tmp_path / "training.csv")
    assert list(found) == list(expected)
    assert found.to_dict("records") == expected.to_dict("records")
