"""The log handler of the workflow: it turns Snakemake's records into what a user sees."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from valence_gap.terminal import errors
from valence_gap.terminal.display import Display, display_on
from valence_gap.terminal.ending import StudyView
from valence_gap.terminal.jobs import PRINTED, Job
from valence_gap.terminal.run import Run

FOR_USER = "for_user"  # attribute of a record that the workflow itself wrote for the user
NOTHING = "Nothing to be done"
INTERRUPTED = "Terminating processes on user request"
COMPLETE_LOG = "Complete log(s): "
HIDDEN = "Assuming unrestricted shared filesystem usage."  # before every run
TICK_S = 1.0


class LogHandler(LogHandlerBase):
    """Shows a run. Everything else, such as a dry run, ``--summary`` or ``--verbose``, looks as Snakemake shows it."""

    run: Run
    _display: Display

    def __post_init__(self) -> None:
        from snakemake.logging import ColorizingTextHandler  # it is being imported when this module is

        settings = self.common_settings
        stream = sys.stdout if settings.stdout else sys.stderr
        self._plain = ColorizingTextHandler(nocolor=settings.nocolor, stream=stream)
        self._as_usual = settings.dryrun or settings.verbose or settings.printshellcmds or settings.debug_dag
        self._display = display_on(stream, color=not settings.nocolor)
        self._shown: dict[LogEvent, Callable[[logging.LogRecord], None]] = {
            LogEvent.RUN_INFO: self._counted,
            LogEvent.RESOURCES_INFO: self._resources,
            LogEvent.JOB_INFO: self._started,
            LogEvent.JOB_FINISHED: self._finished,
            LogEvent.JOB_ERROR: self._failed,
        }
        self._running = self._closed = False
        self._raised = ""
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self.run = Run(width=self._display.width)

    @property
    def writes_to_stream(self) -> bool:
        """It replaces Snakemake's own output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake's log file stays as it is."""
        return False

    @property
    def has_filter(self) -> bool:
        """``--quiet`` works as usual."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Other output than that of a run has Snakemake's format."""
        return False

    @property
    def needs_rulegraph(self) -> bool:
        """No graph is drawn."""
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record; an error in here must not end the run."""
        try:
            with self._lock:
                self._emit(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """End the display: the failures, or the summary of the study."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._ended.set()
                self._display.stop()
                if self._running and (lines := self.run.last_lines()):
                    self._display.message(lines)
        super().close()

    def _emit(self, record: logging.LogRecord) -> None:
        event: LogEvent | None = getattr(record, "event", None)
        if event == LogEvent.WORKFLOW_STARTED:
            self._running = not self._as_usual
        if event == LogEvent.ERROR:
            self._error(record)
        elif not self._running:
            if record.getMessage() == HIDDEN:
                return
            self._plain.setFormatter(self.formatter)
            self._plain.handle(record)
        elif event is None:
            self._text(record)
        elif event in self._shown:
            self._shown[event](record)

    def _error(self, record: logging.LogRecord) -> None:
        """An error of Snakemake; that of a job's command is followed by the record of the job."""
        text = record.getMessage()
        if self._running and errors.is_of_a_job(text):
            self._raised = text
        elif not self.run.interrupted and (lines := errors.workflow_error(text, self.run.view.rules())):
            self.run.broken = True
            self._display.message([f"error: {lines[0]}", *(f"  {line}" for line in lines[1:])])

    def _text(self, record: logging.LogRecord) -> None:
        """A record without an event: shown if it is a warning, or if the workflow wrote it for the user."""
        text = record.getMessage()
        is_shown = getattr(record, FOR_USER, False) or record.levelno >= logging.WARNING
        if text.startswith(NOTHING):
            self.run.nothing = True
        elif text.startswith(COMPLETE_LOG):
            self.run.log = text.removeprefix(COMPLETE_LOG)
        elif text.startswith(INTERRUPTED):
            self.run.interrupted = True
            self._display.stop()
            self._display.message(["interrupted: waiting for the running jobs to stop"])
        elif is_shown and errors.workflow_error(text, ()):
            self._display.message(["", text] if text.startswith("error: ") else [text])

    def _resources(self, record: logging.LogRecord) -> None:
        self.run.remote |= hasattr(record, "nodes")

    def _counted(self, record: logging.LogRecord) -> None:
        self.run.counts = {rule: count for rule, count in _get(record, "stats", {}).items() if rule != "total"}

    def _started(self, record: logging.LogRecord) -> None:
        if not self.run.announced:
            if lines := self.run.announce():
                self._display.message(lines)
            threading.Thread(target=self._tick, daemon=True).start()
        self.run.start(_job_of(record))

    def _finished(self, record: logging.LogRecord) -> None:
        notes, events = self.run.finish(_get(record, "job_id", -1))
        if notes:
            self._display.message(notes)
        for event in events:
            self._display.event(self.run.status(time.monotonic()), event)

    def _failed(self, record: logging.LogRecord) -> None:
        raised, self._raised = self._raised, ""
        if lines := self.run.fail(_job_of(record), _get(record, "rule_msg", ""), raised):
            self._display.message(lines)

    def _tick(self) -> None:
        """Refresh the display, except while a job runs whose own output a user wants to see."""
        while not self._ended.wait(TICK_S):
            with self._lock:
                running = [job.rule for job, _ in self.run.work.running.values()]
                if running and not (self._closed or self.run.interrupted or PRINTED & {*running}):
                    now = time.monotonic()
                    self._display.tick(self.run.status(now), now)


def describe_study(handlers: Iterable[object], view: StudyView) -> None:
    """Let the handler of this module among a run's handlers know the study."""
    for handler in handlers:
        if isinstance(handler, LogHandler):
            handler.run.view = view


def describe_plan(handlers: Iterable[object], jobs: Iterable[tuple[str, Mapping[str, str], str]]) -> None:
    """Let it know the planned jobs: rule, wildcards and path of the benchmark of each."""
    planned = tuple(Job(0, rule, dict(wildcards), benchmark=benchmark) for rule, wildcards, benchmark in jobs)
    for handler in handlers:
        if isinstance(handler, LogHandler):
            handler.run.jobs = planned


def show(message: str, level: int = logging.INFO) -> None:
    """Show a message of the workflow itself, in its order among the records of Snakemake."""
    logging.getLogger("snakemake.logging").log(level, message, extra={FOR_USER: True})


def _job_of(record: logging.LogRecord) -> Job:
    return Job(
        number=_get(record, "jobid", -1),
        rule=_get(record, "rule_name", ""),
        wildcards=dict(_get(record, "wildcards", {})),
        logs=tuple(map(str, _get(record, "log", ()))),
        benchmark=str(_get(record, "benchmark", "")),
    )


def _get(record: logging.LogRecord, name: str, default: Any) -> Any:
    """An attribute of a record; the default also where Snakemake gives None."""
    value = getattr(record, name, None)
    return default if value is None else value
