"""Judge claims by scores from files, and write the verdicts: the sub-command ``claims``."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

from valence_gap.claims import rendering
from valence_gap.claims.comparison import beside_published
from valence_gap.claims.file_evidence import FileEvidence
from valence_gap.claims.labelled_test_sets import EvidenceFiles
from valence_gap.claims.published import PublishedEvidence
from valence_gap.claims.verdicts import evaluate, summary
from valence_gap.definitions.claims import Claims
from valence_gap.definitions.claims_file import read_not_checked, read_statements
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.values import to_json
from valence_gap.runtime.data_files import write_csv
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_json, write_text
from valence_gap.runtime.provenance import run_record


def check_claims(
    claims_file: Path,
    claims: Claims,
    files: EvidenceFiles,
    output_stem: Path,
    *,
    evaluation: Evaluation,
    published: bool,
    note: str,
    kinds: Mapping[str, str] | None = None,
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
        kinds: the kind of each model; a variance between seeds is pooled over models of a kind.
        record: path of the run record (JSON), see :func:`valence_gap.runtime.provenance.run_record`; None: not written.

    Returns:
        The number of claims with each verdict, how many may be false and how many hold after correction, in one line.

    Raises:
        UserError: if the statements are not valid, or predictions do not fit their corpus.
    """
    started = time.monotonic()
    statements, not_checked = read_statements(claims_file), read_not_checked(claims_file)
    scores = FileEvidence(files, evaluation)
    reference = PublishedEvidence() if published else None
    results = evaluate(
        statements,
        claims,
        scores,
        confidence=evaluation.confidence,
        published=reference,
        kinds=kinds,
        not_converged=not_converged(files.convergence) if files.convergence else (),
    )
    beside = beside_published(scores, reference, claims, evaluation.confidence) if reference else None
    write_csv(output_stem.with_suffix(".csv"), rendering.table(results, confidence=evaluation.confidence))
    write_text(
        output_stem.with_suffix(".md"),
        rendering.as_markdown(
            results, beside, not_checked, note=note, confidence=evaluation.confidence, subsets=scores.subsets()
        ),
    )
    found = rendering.as_json(results, beside, not_checked, confidence=evaluation.confidence)
    write_json(output_stem.with_suffix(".json"), found)
    if record is not None:
        definition = {"roles": json.loads(to_json(claims)), "evaluation": json.loads(to_json(evaluation))}
        inputs = {"claims": claims_file, **files.named()}
        run = run_record(
            definition | {"published": published, "note": note, "kinds": dict(kinds or {})},
            inputs=inputs,
            started=started,
        )
        write_json(record, run)
    return summary(results, evaluation.confidence)


def not_converged(convergence: Path) -> tuple[str, ...]:
    """The models that were not shown to have converged: they fail the stopping rule, or (b) of it was not tried.

    Args:
        convergence: JSON with ``models``: by name, ``mark``: how a comparison with it is marked.

    Raises:
        UserError: if the file has another form.
    """
    found = read_json(convergence)
    try:
        return tuple(name for name, model in found["models"].items() if model["mark"])
    except (KeyError, TypeError, AttributeError) as error:
        remedy = "make it again: snakemake convergence"
        raise UserError(
            "this file does not say which models have converged", [f"{convergence}: {error}"], remedy
        ) from None
