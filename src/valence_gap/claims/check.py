"""Judge claims by scores from files, and write the verdicts: the sub-command ``claims``."""

import json
import time
from pathlib import Path

import numpy as np
import pandas as pd

from valence_gap.claims import rendering
from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.file_evidence import EvidenceFiles, FileEvidence
from valence_gap.claims.published import PublishedEvidence
from valence_gap.claims.verdicts import evaluate, summary
from valence_gap.definitions.claims import Claims, read_statements
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.values import to_json
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.files import write_json, write_text
from valence_gap.runtime.provenance import run_record
from valence_gap.scores import statistics


def check_claims(
    claims_file: Path,
    claims: Claims,
    files: EvidenceFiles,
    output_stem: Path,
    *,
    evaluation: Evaluation,
    published: bool,
    note: str,
    record: Path | None = None,
) -> str:
    """Judge the statements of a file and write the verdicts as ``.csv``, ``.md`` and ``.json``.

    Args:
        claims_file: the statements.
        claims: the models and corpora of each role.
        files: the files with scores.
        output_stem: path of the outputs without suffix.
        evaluation: how intervals are computed.
        published: compare with the published scores (the paper's own corpora only).
        note: text in the title, such as 'miniature'.
        record: path of the run record (JSON), see :func:`valence_gap.runtime.provenance.run_record`; None: not written.

    Returns:
        The number of claims with each verdict, in one line.

    Raises:
        UserError: if the statements are not valid, or predictions do not fit their corpus.
    """
    started = time.monotonic()
    statements = read_statements(claims_file)
    scores = FileEvidence(files, evaluation)
    reference = PublishedEvidence() if published else None
    results = evaluate(statements, claims, scores, confidence=evaluation.confidence, published=reference)
    beside = beside_published(scores, reference) if reference else None
    write_csv(output_stem.with_suffix(".csv"), rendering.table(results))
    write_text(output_stem.with_suffix(".md"), rendering.as_markdown(results, beside, note=note))
    write_json(output_stem.with_suffix(".json"), rendering.as_json(results, beside))
    if record is not None:
        definition = {"roles": json.loads(to_json(claims)), "evaluation": json.loads(to_json(evaluation))}
        inputs = {"claims": claims_file, **files.named()}
        found = run_record(definition | {"published": published, "note": note}, inputs=inputs, started=started)
        write_json(record, found)
    return summary(results)


def beside_published(scores: FileEvidence, published: PublishedEvidence) -> pd.DataFrame:
    """Compare every published CCC with that of the study.

    Returns:
        model, corpus, dimension, condition, ccc, low, high, published, difference; NaN where the study has none.
    """
    rows = []
    for row in published.table.to_dict(orient="records"):
        try:
            values = scores.ccc(row["model"], row["corpus"], row["dimension"], row["condition"])
        except MissingEvidenceError:
            values = np.full(2, np.nan)
        low, high = statistics.interval(values[1:, None], scores.evaluation.confidence)
        ours = {"ccc": values[0], "low": low[0], "high": high[0], "difference": values[0] - row["published"]}
        rows.append(row | ours)
    columns = ["model", "corpus", "dimension", "condition", "ccc", "low", "high", "published", "difference"]
    return pd.DataFrame(rows)[columns]
