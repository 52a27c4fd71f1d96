"""Packs: the audio of a whole split in one memory-mapped array, with the position of every utterance in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.runtime import data_files, files
from valence_gap.runtime.errors import UserError

AUDIO = "audio.npy"
INDEX = "index.parquet"
REPORT = "report.json"
FULL_SCALE = 32_768  # a sample of 1.0; PCM16 ends one step below it

Samples = npt.NDArray[np.int16]
Waveform = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pack:
    """A pack opened for reading; only the index is held in memory.

    Attributes:
        ids: ids of the utterances, in the order of the utterance table.
        offsets: int64 (utterances,), first sample of each utterance in ``audio``.
        samples: int64 (utterances,), number of samples of each utterance.
        audio: int16 (samples of all utterances,), mono at 16 kHz, memory-mapped and read-only.
    """

    ids: list[str]
    offsets: Counts
    samples: Counts
    audio: Samples

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def durations_s(self) -> npt.NDArray[np.float64]:
        """Float64 (utterances,), duration of each utterance in seconds."""
        return self.samples / SAMPLE_RATE_HZ

    def read(self, row: int) -> Waveform:
        """Return the waveform of one utterance: float32 (samples,) in -1..1 at 16 kHz."""
        start = int(self.offsets[row])
        return self.audio[start : start + int(self.samples[row])].astype(np.float32) / np.float32(FULL_SCALE)


def read_indexed(folder: Path, array: str, lengths: str, problem: str) -> tuple[list[str], Counts, Counts, Any]:
    """Open an array in which each utterance has some rows, and its index.

    Args:
        folder: contains both.
        array: name of the array.
        lengths: column of the index with the number of rows of each utterance.
        problem: what to say of the folder if it does not contain both.

    Returns:
        The ids of the utterances; the first row of each and their number, int64 (utterances,); and the array.

    Raises:
        UserError: the array or the index is missing.
    """
    missing = [f"{name} is missing" for name in (array, INDEX) if not (folder / name).is_file()]
    if missing:
        raise UserError(f"{folder} {problem}", missing)
    index = pd.read_parquet(folder / INDEX)
    first, count = (index[column].to_numpy(np.int64) for column in ("offset", lengths))
    return [str(identifier) for identifier in index["id"]], first, count, data_files.read_array(folder / array)


def open_pack(folder: Path) -> Pack:
    """Open the pack in ``folder``.

    Raises:
        UserError: the folder does not contain a complete pack.
    """
    ids, offsets, samples, audio = read_indexed(folder, AUDIO, "samples", "is not a pack of audio")
    pack = Pack(ids, offsets, samples, np.asarray(audio))
    if int(pack.samples.sum()) != pack.audio.size:
        raise UserError(
            f"{folder} is damaged: {INDEX} does not match {AUDIO}", remedy="Delete the folder and create it again."
        )
    return pack


def quantise(waveform: npt.NDArray[np.floating[Any]]) -> tuple[Samples, int]:
    """Round a waveform in -1..1 to PCM16.

    Returns:
        int16 samples, and how many were beyond +-1 and clipped (1.0 itself is off by one step and not counted).
    """
    beyond = int(np.count_nonzero(np.abs(waveform) > 1))
    scaled = np.rint(np.asarray(waveform, dtype=np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16), beyond


def write_pack(folder: Path, blocks: Iterable[tuple[str, Samples]], report: Mapping[str, Any]) -> None:
    """Write a pack block by block: the memory use does not depend on the size of the corpus.

    Args:
        folder: folder of the pack; it is written completely or not at all.
        blocks: (id, int16 samples at 16 kHz); successive blocks with the same id are one utterance, and an empty
            block makes an utterance without samples.
        report: the content of ``report.json``. It is read after the last block, so that the source of the blocks can
            fill it while it runs. ``utterances`` and ``duration_s`` are added, and ``audio_s`` to its run record.

    Raises:
        ValueError: an id occurs again after a different one.
    """
    with files.atomic_folder(folder) as scratch:
        with (scratch / AUDIO).open("wb") as stream:
            header_bytes = _write_header(stream, 0)
            counts = _append(stream, blocks)
            total = sum(counts.values())
            stream.seek(0)
            if _write_header(stream, total) != header_bytes:
                raise RuntimeError("the header of the array does not fit into the space reserved for it")
        samples = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
        index = {"id": pd.Series(list(counts), dtype="str"), "offset": np.cumsum(samples) - samples, "samples": samples}
        data_files.write_parquet(scratch / INDEX, pd.DataFrame(index))
        totals = {"utterances": len(counts), "duration_s": total / SAMPLE_RATE_HZ}
        run = {"run": report["run"] | {"audio_s": round(total / SAMPLE_RATE_HZ, 3)}} if "run" in report else {}
        files.write_json(scratch / REPORT, {**report, **totals, **run})


def _append(stream: IO[bytes], blocks: Iterable[tuple[str, Samples]]) -> dict[str, int]:
    """Append the blocks and return the samples per utterance, in order."""
    counts: dict[str, int] = {}
    current: str | None = None
    for identifier, block in blocks:
        if identifier != current and identifier in counts:
            raise ValueError(f"utterance {identifier!r} occurs twice")
        if block.dtype != np.int16:
            raise TypeError(f"utterance {identifier!r}: int16 samples expected, not {block.dtype}")
        current = identifier
        counts[identifier] = counts.get(identifier, 0) + block.size
        stream.write(np.ascontiguousarray(block, dtype="<i2").tobytes())
    return counts


def _write_header(stream: IO[bytes], samples: int) -> int:
    """Write the header of a one-dimensional int16 array; its size does not depend on ``samples`` (numpy pads it)."""
    header = {"descr": "<i2", "fortran_order": False, "shape": (samples,)}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.tell()
