"""What a preflight found, kept in a file, so that a run need not read large corpora again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from valence_gap.corpora.inventory import check_exist
from valence_gap.definitions.values import Split, to_json
from valence_gap.preflight.corpora import Speech
from valence_gap.preflight.findings import Finding
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import canonical_json, read_json
from valence_gap.study.study import Study


@dataclass(frozen=True)
class Scan:
    """A corpus as it was read.

    Args:
        key: tells its definition and its paths from others.
        findings: what was found of it.
        speech: how much speech each split holds.
    """

    key: str
    findings: tuple[Finding, ...]
    speech: Mapping[Split, Speech]


@dataclass(frozen=True)
class Record:
    """The content of ``preflight.json``.

    Args:
        study: name of the study.
        configuration: tells its configuration from others.
        findings: all that was found.
        corpora: the corpora by name.
    """

    study: str
    configuration: str
    findings: tuple[Finding, ...] = ()
    corpora: Mapping[str, Scan] = field(default_factory=dict)

    def statuses(self) -> tuple[str, list[tuple[str, str, str]]]:
        """What one preflight is compared with the next by: numbers, such as those of the disk, may differ."""
        return self.configuration, [(one.subject, one.check, one.status) for one in self.findings]


def read(path: Path) -> Record | None:
    """The record in a file; None where there is none, or none that can be read."""
    try:
        return TypeAdapter(Record).validate_python(read_json(path))
    except (OSError, ValueError, RecursionError):
        return None


def key_of(study: Study, corpus: str) -> str:
    """What a reading of a corpus rests on."""
    return canonical_json([to_json(study.corpus(corpus)), to_json(study.paths(corpus))])


def is_up_to_date(scan: Scan, study: Study, corpus: str) -> bool:
    """Whether a sound corpus, as it was read, is still defined as it was and still where it lay."""
    if scan.key != key_of(study, corpus) or any(one.status == "wrong" for one in scan.findings) or not scan.speech:
        return False
    try:
        check_exist(study.paths(corpus))
    except UserError:
        return False
    return True
