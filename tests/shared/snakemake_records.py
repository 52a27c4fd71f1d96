"""Log records as Snakemake writes them, and a handler that shows them."""

import io
import json
import logging
from pathlib import Path
from typing import Any

from snakemake.logging import DefaultFormatter
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

from valence_gap.terminal.display import Lines
from valence_gap.terminal.handler import LogHandler

RECORDED = Path(__file__).with_name("tiny_run.jsonl")  # a run of tests/workflow/tiny.yaml


class Shown:
    """A handler whose output is kept.

    Attributes:
        handler: the handler.
    """

    def __init__(self, **settings: Any) -> None:
        self.handler = LogHandler(OutputSettings(**settings), None)
        self.handler.setFormatter(DefaultFormatter())
        self._stream = io.StringIO()
        self.handler._display = Lines(self._stream)
        self.handler._plain.stream = self._stream

    def record(self, message: str = "", *, event: str | None = None, level: int = logging.INFO, **extra: Any) -> None:
        """Let the handler handle one record."""
        record = logging.LogRecord("snakemake.logging", level, "", 0, message, (), None)
        record.__dict__.update(extra | ({"event": LogEvent(event)} if event else {}))
        self.handler.handle(record)

    def start(self, **counts: int) -> None:
        """The records at the start of a run of so many jobs of each rule."""
        self.record("Workflow has started!", event="workflow_started")
        self.record("Job stats: ...", event="run_info", stats=counts | {"total": sum(counts.values())})

    def job(self, number: int, rule: str, *, log: str = "", **wildcards: str) -> None:
        """A job begins."""
        names = {"log": [log] if log else [], "wildcards": wildcards, "benchmark": None}
        self.record(event="job_info", jobid=number, rule_name=rule, **names)

    def finished(self, number: int) -> None:
        """A job ends."""
        self.record(f"Finished jobid: {number}", event="job_finished", job_id=number)

    def failed(self, number: int, rule: str, *, log: str = "", raised: str = "", message: str | None = None) -> None:
        """A job fails."""
        if raised:
            self.record(raised, event="error", level=logging.ERROR, exception="RuleException")
        names = {"log": [log] if log else [], "rule_msg": message, "shellcmd": "valence-gap --json {}"}
        self.record(event="job_error", level=logging.ERROR, jobid=number, rule_name=rule, **names)

    def replay(self) -> None:
        """Handle the records of the recorded run."""
        for line in RECORDED.read_text().splitlines():
            extra = json.loads(line)
            self.record(extra.pop("message"), event=extra.pop("event", None), level=extra.pop("levelno"), **extra)

    @property
    def lines(self) -> list[str]:
        """What was shown so far."""
        return self._stream.getvalue().splitlines()

    def end(self) -> list[str]:
        """End the run; return all that was shown."""
        self.handler.close()
        return self.lines
