"""The page of a finished study, and Snakemake's own report."""

import json
import re
import shutil

import pytest
from page_data import embedded
from working_copy import Workflow

PAGE = "results/tiny/index.html"


def test_every_run_ends_with_a_page_of_its_own_numbers(finished: Workflow) -> None:
    page = finished.root / PAGE
    shown = embedded(page, "utterances")
    assert {row[0] for row in shown["rows"]} == {"msp-podcast", "iemocap", "cmu-mosi"}
    assert len(shown["rows"]) == 16 + 20 + 31
    assert page.read_text().count("<audio ") == 3 * 5
    assert json.loads((finished.root / "results/tiny/page/utterances.json").read_text())["model"] == "hubert-b"


def test_the_page_works_in_a_browser(finished: Workflow) -> None:
    pytest.importorskip("playwright", reason="the package playwright is not installed")
    import check_page

    if check_page.chromium() is None:
        pytest.skip("Chromium is not installed: apt-get install it")
    assert check_page.check(finished.root / PAGE) == []


def test_the_report_of_snakemake_has_the_page(changed: Workflow) -> None:
    changed.snakemake("--report", "report.html")
    report = (changed.root / "report.html").read_text()
    assert "index.html" in report
    assert len(report) > (changed.root / PAGE).stat().st_size


def test_nothing_runs_again_because_of_the_page(changed: Workflow) -> None:
    (changed.root / PAGE).unlink()
    assert changed.planned() == {"page": 1, "all": 1}
    source = changed.root / "src/valence_gap/page/templates/page.css"
    changed.snakemake(PAGE)
    assert changed.planned() == {}
    source.write_text(source.read_text() + "/* edited */\n")
    assert changed.planned() == {"page": 1, "all": 1}


def test_a_page_is_written_from_results_alone(changed: Workflow) -> None:
    """What a page says of a training whose folder was deleted is unknown; nothing is trained again for it."""
    for name in ("models", "audio", "features", "predictions"):
        shutil.rmtree(changed.root / "results/tiny" / name)
    (changed.root / PAGE).unlink()
    assert changed.planned() == {"page": 1, "all": 1}
    changed.snakemake()
    text = (changed.root / PAGE).read_text()
    assert re.search(r"<dt>Computing device</dt><dd>unknown</dd>", text)
