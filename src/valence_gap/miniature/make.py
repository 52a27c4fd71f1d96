"""Make the whole miniature: four corpora in their own on-disk formats, and a manifest of their contents."""

import hashlib
import json
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_gap.definitions.miniature import Miniature
from valence_gap.definitions.values import to_json
from valence_gap.miniature.writers import cmu_mosi, esc50, iemocap, msp_podcast
from valence_gap.miniature.writers.utterances import Utterance, synthesise_utterance
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, write_json
from valence_gap.runtime.progress import progress
from valence_gap.runtime.provenance import checksum

MANIFEST = "manifest.json"
FOLDERS = (msp_podcast.FOLDER, iemocap.FOLDER, cmu_mosi.FOLDER, esc50.FOLDER)

_CHUNK = 8


@dataclass(frozen=True)
class Job:
    """One audio file to be made: an utterance or a noise clip, in a corpus' folder."""

    item: Utterance | esc50.Clip
    root: Path
    seed: int

    def __call__(self) -> tuple[str, float]:
        """Make the file and return its utterance's name and duration in seconds (a clip has no name)."""
        if isinstance(self.item, Utterance):
            return self.item.id, synthesise_utterance(self.item, self.root, seed=self.seed)
        esc50.synthesise_clip(self.item, self.root, seed=self.seed)
        return "", 0.0


def make_miniature(definition: Miniature, output: Path, workers: int) -> None:
    """Write the miniature's four corpora and their manifest, all of them or nothing.

    Args:
        definition: sizes and seed; equal definitions give equal bytes, whatever the number of workers.
        output: folder of the miniature; an earlier miniature in it is replaced.
        workers: number of processes that synthesise in parallel.

    Raises:
        UserError: ``output`` contains something else than a miniature, or a size is not possible.
    """
    _check_replaceable(output)
    msp, iem, mosi = msp_podcast.plan(definition), iemocap.plan(definition), cmu_mosi.plan(definition)
    clips = esc50.plan(definition)
    with atomic_folder(output) as scratch:
        planned: list[tuple[str, Iterable[Utterance | esc50.Clip]]] = [
            (msp_podcast.FOLDER, (one for split in msp.values() for one in split)),
            (iemocap.FOLDER, iem),
            (cmu_mosi.FOLDER, mosi),
            (esc50.FOLDER, clips),
        ]
        jobs = [Job(item, scratch / folder, definition.seed) for folder, items in planned for item in items]
        durations_s = dict(progress(_made(jobs, workers), "making the miniature", total=len(jobs), unit="files"))
        _write(scratch / msp_podcast.FOLDER, msp_podcast.tables(msp, definition))
        _write(scratch / iemocap.FOLDER, iemocap.tables(iem, durations_s))
        _write(scratch / cmu_mosi.FOLDER, cmu_mosi.tables(mosi, durations_s))
        _write(scratch / esc50.FOLDER, esc50.tables(clips))
        counts: dict[str, dict[str, int]] = {
            msp_podcast.FOLDER: {str(split): len(utterances) for split, utterances in msp.items()},
            iemocap.FOLDER: {"test": len(iem)},
            cmu_mosi.FOLDER: {"test": len(mosi)},
            esc50.FOLDER: {"clips": len(clips)},
        }
        write_json(scratch / MANIFEST, _manifest(scratch, counts, definition))


def _check_replaceable(output: Path) -> None:
    if not output.exists():
        return
    known = {*FOLDERS, MANIFEST}
    strangers = [entry for entry in sorted(output.iterdir()) if entry.name not in known and entry.name[0] != "."]
    if strangers:
        raise UserError(
            f"{output} contains other files than a miniature, and would be replaced as a whole",
            map(str, strangers),
            "Choose an empty folder.",
        )


def _made(jobs: Sequence[Job], workers: int) -> Iterator[tuple[str, float]]:
    if workers <= 1:
        yield from (job() for job in jobs)
        return
    # Spawned rather than forked, so that no worker inherits a library that has already synthesised speech.
    context = multiprocessing.get_context("spawn")
    # Ctrl-C reaches every process; only the main one answers it, so that a stopped run shows no traceback of a worker.
    ignored = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=signal.signal, initargs=ignored) as pool:
        yield from pool.map(Job.__call__, jobs, chunksize=_CHUNK)


def _write(root: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _manifest(root: Path, counts: Mapping[str, Mapping[str, int]], definition: Miniature) -> dict[str, Any]:
    corpora = {
        folder: {"counts": counts[folder], "files": len(_files(root / folder)), "sha256": tree_checksum(root / folder)}
        for folder in FOLDERS
    }
    return {"corpora": corpora, "definition": json.loads(to_json(definition))}


def tree_checksum(root: Path) -> str:
    """Compute the SHA-256 over the relative paths and contents of all files in a folder."""
    lines = [f"{checksum(path)}  {path.relative_to(root).as_posix()}\n" for path in _files(root)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())
