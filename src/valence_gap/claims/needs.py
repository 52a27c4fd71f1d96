"""The results that a study needs before the statements of ``workflow/claims.yaml`` are checked."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from valence_gap.claims.cases import cases_of
from valence_gap.claims.evidence import EvidenceRecorder, MissingEvidenceError
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import Claims, Statement
from valence_gap.definitions.claims_file import read_statements


@dataclass(frozen=True)
class Needs:
    """The results that a study needs for the statements that it can answer.

    Attributes:
        predictions: (model, set of conditions, corpus), in order of first mention.
        training_logs: models whose training logs are needed, of all seeds.
        separation: models whose embeddings are measured.
    """

    predictions: tuple[tuple[str, str, str], ...]
    training_logs: tuple[str, ...]
    separation: tuple[str, ...]


def needed(claims_file: Path, claims: Claims) -> Needs:
    """Return what a study must compute before its claims are checked.

    This is fast, because the workflow calls it whenever it is parsed.

    Args:
        claims_file: the statements; those on roles that the study does not fill need nothing.
        claims: the models and corpora of each role.

    Raises:
        UserError: if the statements are not valid.
    """
    return needs_of(read_statements(claims_file), claims)


def needs_of(statements: Iterable[Statement], claims: Claims) -> Needs:
    """Return what the statements need; see :func:`needed`."""
    predictions: dict[tuple[str, str, str], None] = {}
    training_logs: dict[str, None] = {}
    separation: dict[str, None] = {}
    for statement in statements:
        recorder = EvidenceRecorder()
        try:
            cases_of(ResolvedStatement(statement, claims, recorder))
        except MissingEvidenceError:
            continue
        predictions |= recorder.predictions
        training_logs |= recorder.training_logs
        separation |= recorder.separation_models
    return Needs(tuple(predictions), tuple(training_logs), tuple(separation))
