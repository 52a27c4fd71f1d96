"""Decode the audio files of a corpus into one pack of 16 kHz mono PCM16."""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.parquet as pq

from valence_gap.audio.decoding import AudioError, Decoded, decode
from valence_gap.audio.levels import REMARKS, RemarkKind
from valence_gap.audio.packs import REPORT, Pack, Samples, open_pack, write_pack
from valence_gap.audio.segments import decode_segment
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.runtime import provenance
from valence_gap.runtime.errors import UserError, printable
from valence_gap.runtime.progress import log_line, note, progress

__all__ = ["Pack", "open_pack", "pack_audio", "write_pack"]

IN_FLIGHT_S = 3600.0  # audio decoded ahead of the writer: 115 MB
IN_FLIGHT_PER_WORKER = 4


class AudioSource(NamedTuple):
    """The part of one row of the utterance table that describes its audio."""

    id: str
    file: str
    path: Path
    duration_s: float
    start_s: float = 0.0
    end_s: float | None = None  # None: the end of the file


def pack_audio(utterances: Path, roots: Sequence[Path], corpus: Corpus, output: Path, workers: int = 1) -> None:
    """Decode the audio of an utterance table into a pack.

    Channels are averaged, other sampling rates are resampled by soxr in its best quality, and samples are rounded to
    PCM16. All files are decoded before bad ones stop the run. Of a row with ``start_s`` and ``end_s``, only that part
    of the file is read.

    Args:
        utterances: table with ``id``, ``file``, ``audio_root`` and ``duration_s``; ``start_s`` and ``end_s`` (NaN: the
            end of the file) where the corpus has segments of files.
        roots: the corpus' audio folders; ``audio_root`` is an index into them.
        corpus: its ``on_bad_audio`` decides whether bad files stop the run or are left out of the pack.
        output: folder of the pack.
        workers: number of decoding threads; the result does not depend on it.

    Raises:
        UserError: a folder is missing; files are bad and ``on_bad_audio`` is ``fail``; or all files are bad.
    """
    started = time.monotonic()
    sources = read_sources(utterances, roots)
    tally = Tally()
    decoded = _decode_all(sources, workers)
    counted = progress(decoded, f"pack {utterances.name}", total=len(sources), unit="files")
    definition = {"on_bad_audio": corpus.on_bad_audio, "rate_hz": SAMPLE_RATE_HZ, "resampler": "soxr VHQ"}

    def blocks() -> Iterator[tuple[str, Samples]]:
        for source, result in counted:
            tally.add(source, result)
            if isinstance(result, Decoded):
                yield source.id, result.samples
        tally.raise_if_unusable(corpus)
        if lines := tally.bad_lines():
            reasons = printable("; ".join(lines))
            log_line(f"pack {utterances.name}: {len(lines)} of {len(sources)} files are bad and skipped: {reasons}")
        if len(tally.rates_hz) > 1:
            rates = ", ".join(f"{rate} Hz ({count} files)" for rate, count in sorted(tally.rates_hz.items()))
            log_line(f"pack {utterances.name}: mixed sampling rates, all converted to {SAMPLE_RATE_HZ} Hz: {rates}")
        if remarks := tally.remark_line():
            note("/".join(output.parts[-4:]), f"{remarks}; {REPORT} names the files")
        report.update(tally.report())
        report["run"] = provenance.run_record(definition, inputs={"utterances": utterances}, started=started)

    report: dict[str, Any] = {}
    write_pack(output, blocks(), report)


def read_sources(utterances: Path, roots: Sequence[Path]) -> list[AudioSource]:
    """Return the audio files of an utterance table, in the order of its rows.

    Raises:
        UserError: a root that the table names is not given or is not a folder.
    """
    times = [name for name in ("start_s", "end_s") if name in pq.read_schema(utterances).names]
    table = pd.read_parquet(utterances, columns=["id", "file", "audio_root", "duration_s", *times])
    used = sorted({int(root) for root in table["audio_root"]})
    absent = [f"audio-{root} is not given" for root in used if not 0 <= root < len(roots)]
    absent += [f"{roots[root]} is not a folder" for root in used if 0 <= root < len(roots) and not roots[root].is_dir()]
    if absent:
        raise UserError(f"the audio of {utterances} cannot be found", absent, "Correct the corpus' audio folders.")
    starts = table["start_s"] if times else [0.0] * len(table)
    ends = table["end_s"] if times else [float("nan")] * len(table)
    seconds = table["duration_s"].fillna(0.0)
    rows = zip(table["id"], table["file"], table["audio_root"], seconds, starts, ends, strict=True)
    return [
        AudioSource(
            id=str(name),
            file=str(file),
            path=roots[int(root)] / str(file),
            duration_s=float(duration_s),
            start_s=float(start_s),
            end_s=None if pd.isna(end_s) else float(end_s),
        )
        for name, file, root, duration_s, start_s, end_s in rows
    ]


def _decode_all(sources: Iterable[AudioSource], workers: int) -> Iterator[tuple[AudioSource, Decoded | AudioError]]:
    """Decode in threads (the libraries release the GIL) and yield in order; the audio that waits is limited."""
    pending: deque[tuple[AudioSource, Future[Decoded | AudioError]]] = deque()
    waiting_s = 0.0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for source in sources:
                while pending and (
                    len(pending) >= IN_FLIGHT_PER_WORKER * workers or waiting_s + source.duration_s > IN_FLIGHT_S
                ):
                    done, future = pending.popleft()
                    waiting_s -= done.duration_s
                    yield done, future.result()
                pending.append((source, pool.submit(_attempt, source)))
                waiting_s += source.duration_s
            while pending:
                done, future = pending.popleft()
                yield done, future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _attempt(source: AudioSource) -> Decoded | AudioError:
    try:
        if source.start_s == 0 and source.end_s is None:
            return decode(source.path)
        return decode_segment(source.path, source.start_s, source.end_s)
    except AudioError as bad:
        return bad


@dataclass
class Tally:
    """The counts of the audio files that a pack is made from."""

    good: int = 0
    clipped_samples: int = 0
    clipped: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    rates_hz: Counter[str] = field(default_factory=Counter)
    channels: Counter[str] = field(default_factory=Counter)
    remarks: defaultdict[RemarkKind, list[str]] = field(default_factory=lambda: defaultdict(list))
    bad: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, source: AudioSource, result: Decoded | AudioError) -> None:
        """Count one file."""
        if isinstance(result, AudioError):
            self.bad[result.kind].append(f"{source.file} (utterance {source.id}): {result}")
            return
        self.good += 1
        self.rates_hz[str(result.rate_hz)] += 1
        self.channels[str(result.channels)] += 1
        if result.clipped:
            self.clipped_samples += result.clipped
            self.clipped.append(source.id)
        if not result.samples.any():
            self.silent.append(source.id)
        for kind, remark in result.remarks.items():
            self.remarks[kind].append(f"{source.file} (utterance {source.id}): {remark}")

    def raise_if_unusable(self, corpus: Corpus) -> None:
        """Raise an error if bad files must not be skipped, or if all files are bad."""
        bad = self.bad_lines()
        if bad and corpus.on_bad_audio == "fail":
            remedy = f"Repair the files, or set on_bad_audio: skip for {corpus.label!r} to leave these utterances out."
            raise UserError(f"{len(bad)} of {self.good + len(bad)} audio files are bad", bad, remedy)
        if bad and not self.good:
            raise UserError("all audio files are bad", bad, "Correct the corpus' audio folders.")

    def bad_lines(self) -> list[str]:
        """Return one line for each bad file with its reason, sorted by reason."""
        return [line for kind in sorted(self.bad) for line in self.bad[kind]]

    def remark_line(self) -> str:
        """Return how many files are unusual, by the kind; empty where none is."""
        found = "; ".join(f"{len(self.remarks[kind])} {what}" for kind, what in REMARKS.items() if kind in self.remarks)
        return f"of {self.good} files, {found}" if found else ""

    def report(self) -> dict[str, Any]:
        """Return the counts as JSON values: bad and unusual files by reason and name; silent and clipped ones by id."""
        return {
            "skipped": {kind: {"count": len(lines), "files": lines} for kind, lines in sorted(self.bad.items())},
            "remarks": {kind: {"count": len(lines), "files": lines} for kind, lines in sorted(self.remarks.items())},
            "silent": {"count": len(self.silent), "ids": self.silent},
            "clipped": {"count": len(self.clipped), "samples": self.clipped_samples, "ids": self.clipped},
            "rates_hz": dict(sorted(self.rates_hz.items())),
            "channels": dict(sorted(self.channels.items())),
        }
