"""The findings of a preflight, stored in a file, so that a run need not read large corpora again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from valence_gap.corpora.inventory import check_exist
from valence_gap.definitions.values import Split, to_json
from valence_gap.preflight.findings import Finding
from valence_gap.preflight.speech import Speech
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json, read_json
from valence_gap.study.study import Study


@dataclass(frozen=True)
class Scan:
    """A corpus as it was read.

    Args:
        key: identifies its definition and its paths.
        findings: its findings.
        speech: how much speech each split contains.
    """

    key: str
    findings: tuple[Finding, ...]
    speech: Mapping[Split, Speech]


@dataclass(frozen=True)
class Record:
    """The content of ``preflight.json``.

    Args:
        study: name of the study.
        configuration: identifies its configuration.
        findings: all that was found.
        corpora: the corpora by name.
    """

    study: str
    configuration: str
    findings: tuple[Finding, ...] = ()
    corpora: Mapping[str, Scan] = field(default_factory=dict)

    def statuses(self) -> tuple[str, list[tuple[str, str, str]]]:
        """Return what is compared with the next preflight; numbers, such as free disk space, may differ."""
        return self.configuration, [(one.subject, one.check, one.status) for one in self.findings]


def read(path: Path) -> Record | None:
    """Read the record of a file; None if there is none, or it cannot be read."""
    try:
        return TypeAdapter(Record).validate_python(read_json(path))
    except (OSError, ValueError, RecursionError):
        return None


def key_of(study: Study, corpus: str) -> str:
    """Return what the scan of a corpus depends on: its definition and paths."""
    return canonical_json([to_json(study.corpus(corpus)), to_json(study.paths(corpus))])


def is_up_to_date(scan: Scan, study: Study, corpus: str) -> bool:
    """Whether the scan found no problem, and the definition and paths of the corpus are unchanged and exist."""
    is_read = bool(scan.speech) and not any(speech.assumed for speech in scan.speech.values())
    if scan.key != key_of(study, corpus) or any(one.status == "wrong" for one in scan.findings) or not is_read:
        return False
    try:
        check_exist(study.paths(corpus))
    except UserError:
        return False
    return True
