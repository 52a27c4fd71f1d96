"""The records that the jobs of a study left beside their results: what each read, wrote and ran on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from valence_gap.runtime.files import is_scratch, read_json

CRATE = "crate"
"""The folder of the crate, below the results; it holds copies of the records."""
PATTERNS = ("**/run.json", "**/*.run.json", "**/report.json", "**/embeddings.json")
CLEAN_FEATURES = len(Path("features/mini-w2v2-b/iemocap/test/run.json").parts)  # conditions have a folder of their own
NEEDED = {"definition", "inputs", "versions", "hardware", "command"}
# Rules that are not called like their sub-command.
RULES = {
    "embed-text": "embed_text",
    "export-best": "export",
    "extract-features": "extract_stem_features",
    "pretrain": "pretrain_backbone",
    "pretrain-bert": "pretrain_text_encoder",
    "train": "finetune",
}


@dataclass(frozen=True)
class Job:
    """One finished job.

    Attributes:
        path: its record, below the results.
        rule: the rule that it belongs to.
        record: the record.
        outputs: the files that it wrote and that are still there, below the results.
    """

    path: Path
    rule: str
    record: Mapping[str, Any]
    outputs: tuple[Path, ...]

    @property
    def command(self) -> str:
        """The sub-command of ``valence-gap`` that it ran."""
        return str(self.record["command"][1])

    @property
    def end(self) -> datetime | None:
        """When it ended; None in records that do not say it."""
        ended = self.record.get("ended")
        return datetime.fromisoformat(ended) if ended else None

    @property
    def start(self) -> datetime | None:
        """When it started; None if it is not known."""
        seconds = self.record.get("wall_s")
        return self.end - timedelta(seconds=seconds) if self.end and seconds is not None else None


def finished_jobs(results: Path) -> list[Job]:
    """All jobs of a study that left a record, by the path of the record.

    Args:
        results: ``results/<study>``.
    """
    paths = {path for pattern in PATTERNS for path in results.glob(pattern)}
    found = (_job(results, path) for path in sorted(paths) if _is_own(path.relative_to(results)))
    return [job for job in found if job is not None]


def _is_own(place: Path) -> bool:
    return not is_scratch(place) and place.parts[0] != CRATE


def _job(results: Path, path: Path) -> Job | None:
    content = read_json(path)
    record = content.get("run", content) if isinstance(content, dict) else {}
    if not (set(record) >= NEEDED and len(record["command"]) > 1):
        return None  # a file of another kind
    place = path.relative_to(results)
    outputs = tuple(sorted(each.relative_to(results) for each in _outputs(path)))
    return Job(place, _rule(place, record), record, outputs)


def _outputs(record: Path) -> Iterator[Path]:
    """The files beside a record that its job wrote: for clean.run.json those called clean, else the whole folder."""
    stem = record.name.removesuffix("run.json").rstrip(".")
    for path in record.parent.iterdir():
        belongs = not stem or not record.name.endswith(".run.json") or path.name.startswith(f"{stem}.")
        if path.is_file() and not is_scratch(path.relative_to(record.parent)) and path != record and belongs:
            yield path


def _rule(place: Path, record: Mapping[str, Any]) -> str:
    command = str(record["command"][1])
    if command == "train" and record["definition"].get("backbone", {}).get("architecture") == "cnn14":
        return "train_cnn14"
    if command == "predict-conditions":
        if place.parts[0] == "states":
            return "pool_states"
        return "predict" if place.name.startswith("clean.") else "predict_conditions"
    if command == "extract-features" and len(place.parts) > CLEAN_FEATURES:
        return f"extract_{'synthesised' if 'synthesised' in place.parts else 'augmented'}_features"
    return RULES.get(command, command.replace("-", "_"))
