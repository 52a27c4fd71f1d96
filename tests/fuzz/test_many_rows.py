"""A table of a million rows, most of them wrong: read in bounded memory, and not all offenders are printed."""

import resource
import subprocess
import sys

import pytest
from trees import write_audio

ROWS = 1_000_000
MEMORY_BYTES = 4 << 30  # of address space in addition to that of the interpreter and its libraries
PROGRAM = """
import resource, sys
from pathlib import Path
from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.errors import UserError

root = Path(sys.argv[1])
pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + int(sys.argv[2]),) * 2)
scale = {"valence": (0.0, 1.0)}
corpus = Corpus(
    adapter="table",
    label="Own",
    splits={"test": "all"},
    dimensions=("valence",),
    scale=scale,
    on_missing_audio="skip",
)
try:
    prepare_corpus("own", corpus, CorpusPaths(audio=(str(root),), labels=str(root / "table.csv")), root / "out")
except UserError as error:
    print(len(error.offenders))
    print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_rows(path, row):
    with path.open("w") as stream:
        stream.write("file,valence\n")
        for start in range(0, ROWS, 1000):
            stream.write("".join(row(index) for index in range(start, start + 1000)))


def run(root):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), str(MEMORY_BYTES)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done


@pytest.fixture
def root(tmp_path):
    write_audio(tmp_path, ["good.wav"])
    return tmp_path


def test_a_million_rows_without_audio_are_counted(root):
    write_rows(root / "table.csv", lambda index: f"{index or 'good'}.wav,0.5\n")
    done = run(root)
    assert f"skipped {ROWS - 1} (row without audio): table.csv:3 1.wav, table.csv:4 2.wav" in done.stderr
    assert len(done.stderr) < 10_000
    assert resource.getpagesize() > 0


def test_a_million_labels_off_the_scale_are_listed_in_short(root):
    for index in range(300):
        (root / f"{index}.wav").symlink_to(root / "good.wav")
    write_rows(root / "table.csv", lambda index: f"{index % 300}.wav,{2 + index % 3}\n")
    done = run(root)
    count, *lines = done.stdout.splitlines()
    assert int(count) == 300
    assert "  and 200 more" in lines
    assert len(lines) < 120
