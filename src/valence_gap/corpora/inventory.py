"""The inventory of a corpus: names, sizes and checksums of its files. This explicit step detects changed data."""

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd

from valence_gap.definitions.corpora import CorpusPaths
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import write_text
from valence_gap.runtime.progress import log_line, progress
from valence_gap.runtime.provenance import checksum

AUDIO_SUFFIXES = frozenset({".wav", ".wave", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".caf"}) | {
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".sph", ".nist"),
}
VIDEO_SUFFIXES = frozenset({".avi", ".mp4", ".mkv", ".mov", ".webm"})
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
MOTION_CAPTURE = "MOCAP_"  # folders of IEMOCAP: gigabytes of text that nothing reads
THREADS = 8  # hashing and reading release the interpreter's lock


def inventory(paths: CorpusPaths, output: Path) -> None:
    """Write the inventory of a corpus, or leave the file untouched if its content would be the same.

    It is rewritten only on a change, so that later stages do not run again after a check that finds no change.

    Args:
        paths: the paths of the corpus.
        output: ``inventory.csv`` with the columns root (audio-0, audio-1, labels, transcripts, speakers), file (POSIX
            path below that root), bytes and sha256; sorted. It leaves out hidden files, and files that no reader of the
            root uses: audio, video and motion capture below the labels, anything except audio below the audio folders.

    Raises:
        UserError: if a folder or file does not exist; the error names all of them.
    """
    check_exist(paths)
    found = [(role, file, root) for role, root in roles(paths) for file in sorted(_role_files(role, root))]
    with ThreadPoolExecutor(THREADS) as pool:
        hashes = pool.map(lambda item: _measure(item[2], item[1]), found)
        measured = list(progress(hashes, "inventory", total=len(found), unit="files"))
    table = pd.DataFrame(
        [(role, _spelt(file), size, digest) for (role, file, _), (size, digest) in zip(found, measured, strict=True)],
        columns=["root", "file", "bytes", "sha256"],
    ).sort_values(["root", "file"])
    text = table.to_csv(index=False, lineterminator="\n")
    if output.is_file() and output.read_bytes() == text.encode():
        log_line(f"inventory: {len(found)} files, unchanged")
        return
    write_text(output, text)
    log_line(f"inventory: {len(found)} files, written")


def roles(paths: CorpusPaths) -> list[tuple[str, Path]]:
    """Return the paths of a corpus with their role, in the order in which they are searched."""
    named = [(f"audio-{index}", folder) for index, folder in enumerate(paths.audio)]
    named += [("labels", paths.labels)]
    named += [(role, path) for role in ("transcripts", "speakers") if (path := getattr(paths, role)) is not None]
    return [(role, Path(path)) for role, path in named]


def check_exist(paths: CorpusPaths) -> None:
    """Check that the paths of a corpus exist.

    Raises:
        UserError: if an audio folder, or another folder or file of the corpus, does not exist; the error names all.
    """
    missing = [] if paths.audio else ["audio: no folder is given"]
    for role, path in roles(paths):
        if role.startswith("audio") and not path.is_dir():
            missing.append(f"{role}: no folder {path}")
        elif not path.exists():
            missing.append(f"{role}: no file or folder {path}")
    if missing:
        unset = sorted({name for line in missing for name in VARIABLE.findall(line)})
        remedy = f" Set the environment variable {' and '.join(unset)}." if unset else ""
        raise UserError("The corpus is not where its paths say.", missing, f"Correct the corpus' paths.{remedy}")


def files_below(root: Path) -> Iterator[str]:
    """Yield the POSIX paths of all files below a folder, relative to it.

    Linked folders are entered once, hidden ones never. For a root that is itself a file, its own name is yielded.
    """
    if root.is_file():
        yield root.name
        return
    seen: set[tuple[int, int]] = set()
    pending = [""]
    while pending:
        folder = pending.pop()
        status = (root / folder).stat()
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder above would never end
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(root / folder) as entries:
            for entry in entries:
                if entry.is_file():
                    yield folder + entry.name
                elif entry.is_dir() and not entry.name.startswith("."):
                    pending.append(f"{folder}{entry.name}/")


def is_audio(file: str) -> bool:
    """Return whether a file is audio, by its suffix."""
    return os.path.splitext(file)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122 - a million names are checked


def is_utf_8(name: str) -> bool:
    """Return whether a name on disk is text; Python keeps the bytes of other names as lone surrogates."""
    return name.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in name)


def _spelt(name: str) -> str:
    return name if is_utf_8(name) else name.encode("utf-8", "backslashreplace").decode()


def _role_files(role: str, root: Path) -> Iterator[str]:
    for file in files_below(root):
        if PurePosixPath(file).name.startswith("."):
            continue
        suffix = PurePosixPath(file).suffix.lower()
        captured = file.startswith(MOTION_CAPTURE) or f"/{MOTION_CAPTURE}" in file
        read = not captured and suffix not in AUDIO_SUFFIXES | VIDEO_SUFFIXES
        if (suffix in AUDIO_SUFFIXES) if role.startswith("audio") else read:
            yield file


def _measure(root: Path, file: str) -> tuple[int, str]:
    path = root if root.is_file() else root / file
    return path.stat().st_size, checksum(path)
