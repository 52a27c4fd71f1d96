"""The documentation's numbers come from a named run, and from nowhere else."""

import re
import shutil
import sys
from pathlib import Path

import named_run_data
import pandas as pd
import pytest
import yaml

from valence_gap.runtime.errors import UserError

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import named_run  # noqa: E402 - scripts of the documentation, which is no package
import run_pages  # noqa: E402

README = "Above.\n\n<!-- run: main -->\nold\n<!-- end -->\n\nBelow.\n"


@pytest.fixture
def docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the documentation's folders, in which runs are collected and rendered; README.md is above it."""
    for module, names in (
        (named_run, ("README", "RESULTS_PAGE")),
        (run_pages, ("README", "RESULTS_PAGE", "CLAIMS_PAGE", "REPEATED_PAGE", "SEEDS_PAGE")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, tmp_path / getattr(module, name).relative_to(ROOT))
    monkeypatch.setattr(named_run, "ROOT", tmp_path)
    monkeypatch.setattr(named_run, "RUNS", tmp_path / "docs/runs")
    monkeypatch.setattr(named_run, "FIGURES", tmp_path / "docs/figures")
    (tmp_path / "docs/figures").mkdir(parents=True)
    (tmp_path / "README.md").write_text(README)
    return tmp_path / "docs"


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["named_run.py", *arguments])
    return named_run.main()


@pytest.fixture
def rendered(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The documentation, rendered from a run with made-up numbers."""
    made = named_run_data.results(tmp_path / "results")
    assert command(monkeypatch, "collect", str(made), str(docs / "runs/one")) == 0
    assert command(monkeypatch, "render", "one") == 0
    return docs


@pytest.mark.skipif(not list((DOCS / "runs").glob("*/run.json")), reason="no named run has been collected")
def test_the_pages_are_those_of_the_named_run() -> None:
    """If it fails: `python docs/named_run.py render`, or edit docs/templates in place of a page."""
    name = named_run.shown_run()
    assert name, "docs/results.md was not written from a run"
    assert named_run.differing_pages(name) == []
    assert sum(path.stat().st_size for path in (DOCS / "runs" / name).rglob("*")) <= named_run.LARGEST


def test_a_rendered_page_is_checked_against_its_run(rendered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_run.shown_run() == "one"
    assert command(monkeypatch, "render", "--check") == 0
    scores = pd.read_csv(rendered / "runs/one/figures/figure_02.csv")
    scores.assign(ccc=scores["ccc"] + 0.01).to_csv(rendered / "runs/one/figures/figure_02.csv", index=False)
    assert command(monkeypatch, "render", "--check") == 1
    assert named_run.differing_pages("one") == ["docs/results.md", "README.md"]
    assert command(monkeypatch, "render") == 0
    assert named_run.differing_pages("one") == []


@pytest.mark.parametrize("page", ["docs/results.md", "docs/claims.md", "README.md", "docs/figures/curves.png"])
def test_an_edited_page_or_figure_is_found(rendered: Path, page: str) -> None:
    path = rendered.parent / page
    path.write_bytes(path.read_bytes().replace(b"claims", b"statements").replace(b"answers", b"words") + b"\n")
    assert page in named_run.differing_pages("one")


def test_only_the_marked_blocks_of_the_readme_are_written(rendered: Path) -> None:
    text = (rendered.parent / "README.md").read_text()
    assert text.startswith("Above.\n\n<!-- run: main -->\n")
    assert text.endswith("\n<!-- end -->\n\nBelow.\n")
    assert "(docs/results.md) of this run" in text
    assert "old" not in text


def test_a_block_without_a_template_is_an_error(rendered: Path) -> None:
    with pytest.raises(UserError, match=r"readme/other\.md\.j2"):
        run_pages.pages(rendered / "runs/one", "<!-- run: other -->\n\n<!-- end -->\n")


@pytest.mark.parametrize("seed", range(4))
def test_the_pages_hold_for_any_numbers_and_verdicts(docs: Path, tmp_path: Path, seed: int) -> None:
    named_run.collect(named_run_data.results(tmp_path / "results", seed), docs / "runs/one")
    run = run_pages.NamedRun(docs / "runs/one")
    page, _, readme, *_ = run_pages.pages(docs / "runs/one", README).values()
    for name, claim in run.claims.items():
        rows = [line for line in page.splitlines() if line.startswith(f"| {claim['claim']} | **{claim['verdict']}**")]
        assert len(rows) == 1, name
    contradicted = page.partition("## What is contradicted")[2]
    assert [
        name for name, one in run.claims.items() if (one["claim"] in contradicted) != (one["verdict"] == "contradicted")
    ] == []
    verdicts = [one["verdict"] for one in run.claims.values() if one["headline"]]
    counts = ", ".join(f"{verdicts.count(name)} {name}" for name in ("supported", "contradicted", "inconclusive"))
    assert f"of the {len(verdicts)} in its title, abstract and conclusion {counts}." in readme
    answer = {"supported": "Yes", "contradicted": "No", "inconclusive": "This run cannot say"}
    assert f"as in the paper? {answer[run.claims['valence-better-than-baseline']['verdict']]}.**" in readme
    for text in (page, readme):
        assert not re.search(r"\| None|\bnan\b|\{\{|Undefined", text)
        assert "\n\n\n" not in text


def test_several_runs_are_compared_on_a_page(rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = rendered / "repeated-runs.md"
    assert "So far there is one run" in page.read_text()
    made = named_run_data.results(tmp_path / "other", seed=1)
    assert command(monkeypatch, "collect", "--beside", str(made), str(rendered / "runs/two")) == 0
    assert named_run.differing_pages("one") == ["README.md", "docs/repeated-runs.md"]
    assert command(monkeypatch, "render", "one") == 0
    text = page.read_text()
    one, two = (run_pages.NamedRun(rendered / "runs" / name).claims for name in ("one", "two"))
    found = {claim: {one[claim]["verdict"], two[claim]["verdict"]} for claim in one}
    turned = [claim for claim, verdicts in found.items() if verdicts == {"supported", "contradicted"}]
    assert f"- reversed: {len(turned)} ({', '.join(turned)})" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "**in 1**" in line]
    assert len(rows) == len(turned) > 0
    assert "| Section | Claim | Conclusive in | Reversed | one | two |" in text
    assert sum(line.count("inconclusive") for line in text.splitlines() if line.startswith("| ")) == sum(
        claim["verdict"] == "inconclusive" for claims in (one, two) for claim in claims.values()
    )


def test_a_claim_is_shown_with_its_errors_seeds_and_limit() -> None:
    claim = {"claim": "Words | more.", "verdict": "inconclusive", "estimate": 0.1, "low": -0.1, "high": 0.3}
    older = run_pages.claims_table([claim | {"p_value": 0.5}]).splitlines()[-1]
    assert older == "| Words \\| more. | **inconclusive** | .10 [−.10, .30] | – | – |  |"
    later = run_pages.claims_table([claim | {"p_value": 0.5} | named_run_data.LATER_KEYS]).splitlines()[-1]
    assert later.split(" | ")[1:] == [
        "**inconclusive** (not converged: cnn14 and w2v2-b)",
        ".10 [−.10, .30]",
        "utterances 0.031, seeds 0.042",
        "1 to 3",
        "too few training seeds; needs 1,050 of IEMOCAP or 9 seeds |",
    ]


def test_inconclusive_claims_are_counted_by_what_limits_them(rendered: Path) -> None:
    run = run_pages.NamedRun(rendered / "runs/one")
    expected = sum(one.get("limited_by") == "seeds" for one in run.with_verdict("inconclusive"))
    assert run.count_limits() == {"too few training seeds": expected}
    assert f"too few training seeds ({expected})" in (rendered / "results.md").read_text()


def test_the_templates_have_no_number_of_a_run() -> None:
    paths = [*(DOCS / "templates").rglob("*.j2"), DOCS / "templates/reasons.yaml"]
    assert len(paths) == 5
    for path in paths:
        text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "", path.read_text(), flags=re.DOTALL)
        assert re.findall(r"(?<![\w.])[-−]?0?\.\d+|\d+ ?%", text) == [], path


def test_reasons_are_given_for_claims_that_exist() -> None:
    known = {one.id for one in named_run_data.statements()}
    named = [name for one in yaml.safe_load((DOCS / "templates/reasons.yaml").read_text()) for name in one["claims"]]
    assert set(named) <= known
    assert len(named) == len(set(named))


def test_gains_of_twice_the_epochs_are_shown_where_they_were_tried(rendered: Path) -> None:
    gains = run_pages.NamedRun(rendered / "runs/one").gains_of_twice_the_epochs()
    assert set(gains["model"]) == {named_run_data.MODELS[0]}
    cells = " | ".join(map(run_pages.ccc, gains["doubled_gain"]))
    assert f"| {named_run_data.MODELS[0]} | {cells} |" in (rendered / "results.md").read_text()


def test_a_run_keeps_what_made_it(rendered: Path) -> None:
    info = run_pages.NamedRun(rendered / "runs/one").info
    assert info["processors"] == {"CPU 0": 3, "CPU 1": 3}
    assert info["seeds"]["cnn14"] == [42]
    assert info["durations"] == {"finetune": {"jobs": 1, "seconds": 1800.0, "cpu_seconds": 0}}
    assert sorted(info["figures"]) == ["curves.png", *(f"figure_{k:02}.png" for k in range(2, 14))]
    kept = {path.name for path in (rendered / "runs/one").rglob("*.csv")}
    assert {"scores.csv", "curves.csv", "figure_02.csv", "table_3.csv"} <= kept
    assert "figure_10.csv" not in kept


def test_models_with_twice_the_epochs_are_no_models_of_the_run(docs: Path, tmp_path: Path) -> None:
    made = named_run_data.results(tmp_path / "study-doubled")
    before = named_run.run_info(made)
    assert before["seeds"]
    assert before["durations"]
    for kind in ("models", "benchmarks/finetune"):
        shutil.copytree(made / kind / "w2v2-b", made / kind / "w2v2-b-doubled")
    assert named_run.run_info(made) == before


def test_an_unfinished_run_is_refused_with_all_that_is_missing(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = named_run_data.results(tmp_path / "results")
    for name in ("curves.csv", "claims.json"):
        (made / name).unlink()
    shutil.rmtree(made / "tables")
    assert command(monkeypatch, "collect", str(made), str(docs / "runs/one")) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("  - ")]
    assert [line.rpartition("/")[2] for line in lines] == ["claims.json", "curves.csv", "table_*.csv"]
    assert not (docs / "runs/one").exists()


def test_a_run_that_is_too_large_is_refused(docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_run, "LARGEST", 10_000)
    with pytest.raises(UserError, match="more than 10,000"):
        named_run.collect(named_run_data.results(tmp_path / "results"), docs / "runs/one")
    assert not (docs / "runs/one").exists()
    assert not list((docs / "figures").iterdir())


def test_a_run_that_is_not_there_is_an_error(
    docs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, "render", "two") == 2
    assert "there is no such run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.774, ".77"), (-0.02, "−.02"), (-0.001, ".00"), (1.0, "1.00"), (None, "–"), (float("nan"), "–")],
)
def test_numbers_are_written_as_in_the_paper(value: float | None, text: str) -> None:
    assert run_pages.ccc(value) == text
