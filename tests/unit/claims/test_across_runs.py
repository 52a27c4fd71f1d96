"""Verdicts of several runs side by side."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.claims.across_runs import as_markdown, compare_verdicts
from valence_gap.cli import main
from valence_gap.runtime.errors import UserError

VERDICTS = ("supported", "contradicted", "inconclusive")


def claim(name: str, verdict: str, *, known: bool = True, **statement: Any) -> dict[str, Any]:
    number = {"supported": 0.25, "contradicted": -0.25, "inconclusive": 0.0}[verdict] if known else None
    return {
        "id": name,
        "section": "IV-A",
        "claim": f"Claim {name}.",
        "verdict": verdict,
        "estimate": number,
        "low": None if number is None else number - 0.1,
        "high": None if number is None else number + 0.1,
        "p_value": 0.01 if known else None,
        "statement": {"id": name, "words": f"Claim {name}.", "threshold": 0.0, "reason": "", **statement},
    }


def runs(folder: Path, *verdicts: dict[str, str], known: bool = True) -> list[Path]:
    """A folder with claims.json for each run: verdicts by claim."""
    made = []
    for number, found in enumerate(verdicts):
        made.append(folder / f"run-{number}")
        made[-1].mkdir(parents=True, exist_ok=True)
        claims = [claim(name, verdict, known=known) for name, verdict in found.items()]
        (made[-1] / "claims.json").write_text(json.dumps({"claims": claims}))
    return made


def test_a_claim_that_one_run_supports_and_another_contradicts_is_reversed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = runs(
        tmp_path,
        {"a": "supported", "b": "supported", "c": "inconclusive"},
        {"a": "supported", "b": "contradicted", "c": "inconclusive"},
        {"a": "inconclusive", "b": "supported", "c": "inconclusive"},
    )
    assert main(["compare-verdicts", *map(str, made), "--output", str(tmp_path / "table.csv")]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "3 claims in 3 runs, 3 of them with an interval in every run",
        "conclusive in every run: 1; in some: 1; in none: 1",
        # a differs in two of three pairs of runs, b in two of three, c in none
        "verdicts that differ between two runs: 44.4 % of the claims with an interval, mean over all pairs of runs",
        "reversed: 1 (b)",
    ]
    table = pd.read_csv(tmp_path / "table.csv").set_index("id")
    assert table["conclusive"].to_dict() == {"a": 2, "b": 3, "c": 0}
    assert table["reversed"].to_dict() == {"a": 0, "b": 1, "c": 0}
    assert table.loc["b", ["estimate_1", "estimate_2", "verdict_2"]].tolist() == [0.25, -0.25, "contradicted"]


def test_conclusive_here_and_inconclusive_there_is_no_reversal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = runs(tmp_path, {"a": "supported", "b": "supported"}, {"a": "inconclusive", "b": "supported"})
    files = [str(run / "claims.json") for run in made]
    assert main(["compare-verdicts", *files]) == 0
    page = capsys.readouterr().out
    assert "verdicts that differ between two runs: 50.0 % of the claims with an interval\n" in page
    assert "| IV-A | Claim a. | 1 |  | supported: 0.250 [0.150, 0.350] | inconclusive: 0.000 [−0.100, 0.100] |" in page
    assert page.index("Claim a.") < page.index("Claim b.")  # what differs stands first


def test_the_page_says_in_which_number_format_each_run_was_trained(tmp_path: Path) -> None:
    one, other = runs(tmp_path, {"a": "supported"}, {"a": "supported"})
    for number, precision in enumerate(["bfloat16", "bfloat16", "float32"]):
        folder = one / f"models/w2v2-b/seed-{number}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"precision": precision}))
    page = as_markdown(compare_verdicts([one, other])).splitlines()
    assert page[2:4] == [f"1. `{one}` (trainings: 2 in bfloat16, 1 in float32)", f"2. `{other}`"]


def test_claims_without_an_interval_have_no_part_in_the_share(tmp_path: Path) -> None:
    comparison = compare_verdicts(runs(tmp_path, {"a": "inconclusive"}, {"a": "inconclusive"}, known=False))
    assert comparison.summary()[2].startswith("verdicts that differ between two runs: unknown")
    assert "| inconclusive | inconclusive |" in as_markdown(comparison)


def test_runs_that_tested_other_statements_are_refused_with_all_differences(tmp_path: Path) -> None:
    first, second = runs(tmp_path, {"a": "supported", "b": "supported"}, {"a": "supported", "c": "supported"})
    other = [claim("a", "supported", threshold=0.1, words="Others.", reason="Why."), claim("c", "supported")]
    (second / "claims.json").write_text(json.dumps({"claims": other}))
    with pytest.raises(UserError) as caught:
        compare_verdicts([first, second])
    assert list(caught.value.offenders) == [
        f"a: threshold is 0.0 in {first} and 0.1 in {second}",
        f"a: words is 'Claim a.' in {first} and 'Others.' in {second}",
        f"b: only in {first}",
        f"c: only in {second}",
    ]


@pytest.mark.parametrize("text", ["", "{}", '{"claims": []}', '{"claims": [{"id": "a"}]}', "[]"])
def test_a_file_without_claims_is_an_error(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (made,) = runs(tmp_path, {"a": "supported"})
    (tmp_path / "other.json").write_text(text)
    assert main(["compare-verdicts", str(made), str(tmp_path / "other.json")]) == 2
    assert "a file has no claims" in capsys.readouterr().err


def test_what_cannot_be_compared_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (made,) = runs(tmp_path, {"a": "supported"})
    assert main(["compare-verdicts", str(made)]) == 2
    assert main(["compare-verdicts", str(made), str(tmp_path / "absent")]) == 2
    assert main(["compare-verdicts", str(made), str(made), "--output", str(tmp_path / "x.txt")]) == 2
    found = capsys.readouterr().err
    for message in ("there is nothing to compare", "a run has no claims", "written as Markdown or CSV"):
        assert message in found


@given(st.lists(st.tuples(*[st.sampled_from(VERDICTS)] * 3), min_size=1, max_size=6))
def test_the_counts_agree_with_the_verdicts(
    tmp_path_factory: pytest.TempPathFactory, verdicts: list[tuple[str, str, str]]
) -> None:
    by_run = [{f"c{k}": row[run] for k, row in enumerate(verdicts)} for run in range(3)]
    comparison = compare_verdicts(runs(tmp_path_factory.mktemp("runs"), *by_run))
    reversed_ = [f"c{k}" for k, row in enumerate(verdicts) if {"supported", "contradicted"} <= set(row)]
    assert comparison.reversed_claims == reversed_
    same = all(len(set(row)) == 1 for row in verdicts)
    assert (comparison.differing_share() == 0) == same
    assert 0 <= comparison.differing_share() <= 1
