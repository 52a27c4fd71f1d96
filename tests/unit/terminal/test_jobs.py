"""What logs of jobs say to the display of a run."""

import re
from pathlib import Path

import pytest

from valence_gap.terminal.jobs import (
    AGGREGATES,
    STAGES,
    TAIL_BYTES,
    Job,
    ccc,
    log_tail,
    notes_from_log,
    result_of_training,
    stage_of,
    training_from_log,
)

ROOT = Path(__file__).parents[3]
LOG = """\
epoch 1 of 3, step 100 of 200, loss 0.900, 50.0 utterances/s, 9 s left
note: own: one remark
epoch 1: loss 0.8, dev CCC arousal 0.700, dominance -0.200, valence 0.100, mean 0.200, the best so far
epoch 2 of 3, step 50 of 200, loss 0.500, 50.0 utterances/s, 7 s left
"""


def test_each_rule_of_the_workflow_has_a_stage_or_is_one() -> None:
    rules = {
        name
        for path in (ROOT / "workflow/rules").glob("*.smk")
        for name in re.findall(r"^(?:use rule \w+ as|rule) (\w+)", path.read_text(), re.MULTILINE)
    }
    assert {rule for names in STAGES.values() for rule in names} <= rules
    assert AGGREGATES - {"all"} <= rules
    assert {stage_of(f"figure_{number:02d}") for number in range(2, 14)} == {"figures"}
    assert stage_of("table_1") == "tables"
    assert stage_of("write_page") == "write page"


def test_a_title_names_the_model_before_its_seed_and_its_corpus() -> None:
    wildcards = {"corpus": "iemocap", "seed": "42", "model": "w2v2-b", "other": "x"}
    assert Job(1, "predict", wildcards).title == "predict w2v2-b seed 42 iemocap x"


def test_a_training_is_as_far_as_its_last_step(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    training = training_from_log(str(tmp_path / "log"))
    assert training.done == pytest.approx((1 + 50 / 200) / 3)
    assert training.epoch == "epoch 2 of 3"
    assert training.scores == "dev CCC arousal .70, dominance -.20, valence .10"


def test_the_result_of_a_training_is_its_best_evaluation(tmp_path: Path) -> None:
    worse = "epoch 3: loss 0.8, dev CCC arousal 0.6, dominance 0.1, valence 0.1, mean -0.100\n"
    (tmp_path / "log").write_text(LOG + worse)
    expected = "3 epochs, best dev CCC arousal .70, dominance -.20, valence .10 (epoch 1)"
    assert result_of_training(str(tmp_path / "log")) == expected


def test_nothing_is_known_without_a_log(tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    assert training_from_log(missing).done is None
    assert (result_of_training(missing), notes_from_log(missing), log_tail(missing)) == ("", [], "")


def test_notes_are_marked_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(LOG)
    assert notes_from_log(str(tmp_path / "log")) == ["own: one remark"]


def test_the_end_of_a_long_log_starts_with_a_whole_line(tmp_path: Path) -> None:
    lines = [f"line {number}\n" for number in range(TAIL_BYTES)]
    (tmp_path / "log").write_text("".join(lines))
    tail = log_tail(str(tmp_path / "log"))
    assert tail.startswith("line ")
    assert tail.endswith(lines[-1])
    assert len(tail) <= TAIL_BYTES


@pytest.mark.parametrize(
    ("value", "text"), [(0.573, ".57"), (-0.03, "-.03"), (-0.001, ".00"), (0.999, "1.00"), (1.0, "1.00")]
)
def test_a_ccc_has_two_digits(value: float, text: str) -> None:
    assert ccc(value) == text
