"""Measurements of several sides in turn: what is run, what was measured, and the ratios with their spread.

A speed is a ratio. All sides run once in each round, each in a process of its own, so that other load on the machine
slows all of them, and a ratio is formed within a round. The first side of a section is this project.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Section:
    """What is compared.

    Attributes:
        title: of its part of the table.
        module: file of this folder with ``run(side, precision, setup)`` and ``check(setup)``.
        sides: names; the first is this project, unless ``compared`` is false.
        by_format: every side runs in each number format.
        compared: the other sides do the work of the first one, so ratios have a meaning.
    """

    title: str
    module: str
    sides: tuple[str, ...]
    by_format: bool = False
    compared: bool = True


@dataclass(frozen=True)
class Outcome:
    """What one run of one side took.

    Attributes:
        seconds: wall time of the work.
        audio_s: seconds of audio that were processed.
        flop: operations of the valid frames; 0 where products are not the work.
        parts: seconds of parts of the work, by name, as they were measured.
    """

    seconds: float
    audio_s: float
    flop: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """One run of one side in one round.

    Attributes:
        section: letter of the section.
        side: name of the side.
        precision: number format; '' if the section has none.
        round: number of the round, from 0.
        seconds: see ``Outcome``.
        audio_s: see ``Outcome``.
        flop: see ``Outcome``.
        parts: see ``Outcome``.
        cpu_s: CPU time of the process for the whole work and its preparation.
        peak_mb: peak memory of the process in MB, imports included; None where it is not known.
        gflops: rate of a large product in this format, measured at the start of the round; 0 without a format.
    """

    section: str
    side: str
    precision: str
    round: int
    seconds: float
    audio_s: float
    flop: float
    parts: dict[str, float]
    cpu_s: float
    peak_mb: float | None
    gflops: float

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What identifies the run."""
        return self.section, self.side, self.precision, self.round


@dataclass(frozen=True)
class Check:
    """Whether the sides compute the same.

    Attributes:
        section: letter of the section.
        what: what is compared.
        value: largest difference.
        limit: it must not be larger.
    """

    section: str
    what: str
    value: float
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the difference is within the limit; a difference that is no number is not."""
        return self.value <= self.limit


@dataclass
class State:
    """Everything measured so far, as it is written to the file of results.

    Attributes:
        settings: what must be equal for a resumed run.
        formats: number formats that are measured.
        measurements: finished runs.
        checks: finished checks.
        rates: measured rates of products, one entry for each round that has formats.
        notes: lines about what was left out.
    """

    settings: dict[str, Any]
    formats: list[str] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    rates: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> str:
        """The state as text."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "State":
        """The state that ``to_json`` wrote."""
        found = json.loads(text)
        found["measurements"] = [Measurement(**each) for each in found["measurements"]]
        found["checks"] = [Check(**each) for each in found["checks"]]
        return cls(**found)


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        precision: number format.
        side: name of the side.
        realtime: seconds of audio per second, median over the rounds.
        ratio: time of this side divided by that of the first side in the same round: median, least, largest; None for
            the first side, and where nothing is compared.
        share: operations per second divided by the rate of a large product, median; None without operations.
        peak_mb: largest peak memory in MB; None where it is not known.
        rounds: number of rounds.
    """

    precision: str
    side: str
    realtime: float
    ratio: tuple[float, float, float] | None
    share: float | None
    peak_mb: float | None
    rounds: int


def rows_of(section: Section, measurements: Iterable[Measurement]) -> list[Row]:
    """The rows of a section: every format, and where there are several, each side in its faster one."""
    found = list(measurements)
    by_format = {name: [each for each in found if each.precision == name] for name in _formats(found)}
    rows = [row for name, each in by_format.items() for row in _rows(section, name, each)]
    if len(by_format) > 1:
        rows += _rows(section, "each side's faster", _in_faster_format(section, found))
    return rows


def _formats(measurements: list[Measurement]) -> list[str]:
    return list(dict.fromkeys(each.precision for each in measurements))


def _in_faster_format(section: Section, measurements: list[Measurement]) -> list[Measurement]:
    kept = []
    for side in section.sides:
        of_side = [each for each in measurements if each.side == side]
        times = {
            name: statistics.median(each.seconds for each in of_side if each.precision == name)
            for name in _formats(of_side)
        }
        fastest = min(times, key=times.__getitem__, default="")
        kept += [each for each in of_side if each.precision == fastest]
    return kept


def _rows(section: Section, precision: str, measurements: list[Measurement]) -> list[Row]:
    first = {each.round: each.seconds for each in measurements if each.side == section.sides[0]}
    rows = []
    for side in section.sides:
        runs = [each for each in measurements if each.side == side]
        if not runs:
            continue
        ratios = [each.seconds / first[each.round] for each in runs if each.round in first]
        compared = section.compared and side != section.sides[0] and ratios
        shares = [each.flop / each.seconds / (1e9 * each.gflops) for each in runs if each.flop and each.gflops]
        peaks = [each.peak_mb for each in runs if each.peak_mb is not None]
        rows.append(
            Row(
                precision=precision,
                side=side,
                realtime=statistics.median(each.audio_s / each.seconds for each in runs),
                ratio=(statistics.median(ratios), min(ratios), max(ratios)) if compared else None,
                share=statistics.median(shares) if shares else None,
                peak_mb=max(peaks, default=None),
                rounds=len(runs),
            )
        )
    return rows


def run_apart(script: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Run a request in a process of its own, and return what it wrote as its last line.

    Raises:
        SystemExit: it failed; its messages are shown.
    """
    command = [sys.executable, str(script), "--worker", json.dumps(request)]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"{ran.stderr}\nerror: {request} failed; the same command continues after it is repaired")
    answer: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return answer
