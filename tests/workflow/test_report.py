"""The report of Snakemake, on the finished tiny study."""

import base64
import re

from working_copy import Workflow


def test_the_report_has_the_figure_as_a_picture_with_its_caption(finished: Workflow) -> None:
    finished.snakemake("--report", "report.html")
    report = (finished.root / "report.html").read_text(encoding="utf-8")
    picture = (finished.root / "results/tiny/figures/figure_02.png").read_bytes()
    embedded = [base64.b64decode(data) for data in re.findall(r"data:image/png;[^,]*base64,([A-Za-z0-9+/=]+)", report)]
    assert picture in embedded
    assert "data:application/pdf" not in report
    assert "A bar is the mean over the training seeds of a model" in " ".join(report.replace("\\n", " ").split())
