"""The summary at the end of a run."""

import json
from pathlib import Path
from typing import Any

import pytest

from valence_gap.terminal.ending import StudyView, ending

FIGURE = """corpus,dimension,model,ccc,low,high,seeds,sd
own,arousal,a,0.8,0.7,0.9,1,
own,valence,a,-0.034,-0.1,0.1,1,
mosi,valence,a,,,,1,
own,arousal,b-long,0.756,0.7,0.9,3,0.01
own,valence,b-long,0.2,0.1,0.3,3,0.01
mosi,valence,b-long,0.3,0.1,0.3,3,0.01
"""
CLAIMS: dict[str, Any] = {
    "summary": "3 claims: 1 supported, 2 inconclusive",
    "claims": [
        {"claim": "A is better.", "verdict": "supported", "headline": True},
        {"claim": "B is not.", "verdict": "inconclusive", "headline": True, "limited_by": "utterances"},
        {"claim": "A detail.", "verdict": "inconclusive", "headline": False},
    ],
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    write("figures/figure_02.csv", FIGURE)
    write("claims.json", json.dumps(CLAIMS))
    write("claims.md", "")
    rows = {"row without audio": {"count": 12, "examples": ["t.csv:1", "t.csv:2", "t.csv:3"]}}
    write("corpora/own/report.json", json.dumps({"skipped": rows, "warnings": ["only 3 rows"]}))
    bad = {"truncated audio": {"count": 1, "files": ["a.wav: too short"]}}
    write("audio/own/clean/test/report.json", json.dumps({"skipped": bad}))
    return tmp_path


def view(results: Path, *requested: str, targets: tuple[str, ...] = ("figure_02", "claims")) -> StudyView:
    return StudyView("s", str(results), targets, ("own", "mosi"), requested=lambda: requested)


def test_the_end_has_the_scores_the_verdicts_what_was_left_out_and_where_to_read_on(results: Path) -> None:
    lines = ending(view(results))
    assert lines[:5] == [
        "Figure 2: CCC on the test sets (aro: arousal, dom: dominance, val: valence, means over training seeds)",
        "          own          mosi",
        "  model     aro   val    val",
        "  a         .80  -.03      -",
        "  b-long    .76   .20    .30",
    ]
    assert "The paper's main statements in this study (3 claims: 1 supported, 2 inconclusive)" in lines
    assert "  supported     A is better." in lines
    assert "  inconclusive  B is not. [too few utterances]" in lines
    assert not any("A detail" in line for line in lines)
    assert "  own: 12 row without audio: t.csv:1, t.csv:2, ..." in lines
    assert "  own: warning: only 3 rows" in lines
    assert "  own test, audio: 1 truncated audio: a.wav: too short" in lines
    assert lines[-1] == f"Results: {results}/figures, {results}/claims.md"


def test_a_statement_is_one_line_where_no_width_limits_it(results: Path) -> None:
    whole = "  inconclusive  B is not. [too few utterances]"
    assert whole in ending(view(results))
    wrapped = ending(view(results), 34)
    assert wrapped[wrapped.index("  inconclusive  B is not. [too few") + 1] == f"{'':<16}utterances]"


def test_the_page_comes_first_if_it_was_made(results: Path) -> None:
    assert not any(line.startswith("Open") for line in ending(view(results)))
    (results / "index.html").write_text("")
    assert ending(view(results))[-2] == f"Open {results}/index.html"


def test_only_what_was_asked_for_is_shown(results: Path) -> None:
    assert "Figure 2" in ending(view(results, "figure_02"))[0]
    assert not any("statements" in line for line in ending(view(results, "figure_02")))
    assert any("statements" in line for line in ending(view(results, "all")))
    assert ending(view(results, "corpora")) == []
    assert ending(StudyView()) == []


def test_a_study_without_claims_says_so(results: Path) -> None:
    assert "Claims: not among the targets of this study." in ending(view(results, targets=("figure_02",)))


def test_what_cannot_be_read_is_not_taken_for_nothing(results: Path) -> None:
    for name in ("figures/figure_02.csv", "claims.json"):
        (results / name).write_text("{")
    (results / "corpora/own/report.json").unlink()
    (results / "audio/own/clean/test/report.json").unlink()
    text = "\n".join(ending(view(results)))
    assert "claims.json cannot be read" in text
    assert "Left out of the corpora: unknown" in text
    (results / "figures/figure_02.csv").unlink()
    assert "figure_02.csv cannot be read" in ending(view(results))[0]


def test_nothing_was_left_out(results: Path) -> None:
    for path in results.rglob("report.json"):
        path.write_text("{}")
    (results / "corpora/mosi").mkdir()
    (results / "corpora/mosi/report.json").write_text("{}")
    assert "Left out of the corpora: nothing." in ending(view(results))
