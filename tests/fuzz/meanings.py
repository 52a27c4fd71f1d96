"""Utterances that a generator means, and the many ways in which tables and folders write them down.

The generator keeps its own table of what each row means, and the samples of each file. A reader is right if its tables
and its packed audio are these.
"""

import csv
import io
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from hypothesis import strategies as st

from valence_gap.audio.packing import pack_audio
from valence_gap.audio.packs import open_pack
from valence_gap.corpora.prepare import prepare_corpus
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS

RATE_HZ = 16_000
SCALE = (1.0, 7.0)
SECONDS = 1.0
# Names of people, some of which other programs write where a speaker is missing.
SPEAKERS = ["ann", "NA", "None", "null", "Zo\u00e9", "1", "Unknown", "O'Neil", "n/a", "", "true", "007"]
WORDS = ["", "so", "None", "null", "NA", "well; then, no", 'he said "no"', "nan", "Zo\u00e9 \u2013 here"]
STEMS = ["a", "b b", "sub/c", "Zo\u00e9", "-rf", "d.e", "\u00fcber/x-1", "07", "$x"]
GENDERS = {"female": ["f", "F", "female", "w", "Woman"], "male": ["m", "Male", "man"], "": ["", "nan"]}


@dataclass(frozen=True)
class Utterance:
    """What one row means; times are milliseconds, None for the start or the end of the file."""

    file: str
    split: str
    speaker: str
    gender: str
    transcript: str
    label: float
    start: int | None = None
    end: int | None = None

    @property
    def is_segment(self):
        return bool(self.start) or self.end is not None


def samples_of(file):
    """The samples of a file: every file and every place in it differ."""
    seed = sum(file.encode())
    return ((np.arange(round(SECONDS * RATE_HZ)) * 3 + 257 * seed) % 20_000).astype(np.int16)


def audio_bytes(file, container="WAV"):
    stream = io.BytesIO()
    soundfile.write(stream, samples_of(file), RATE_HZ, subtype="PCM_16", format=container)
    return stream.getvalue()


@st.composite
def utterances(draw, *, segments):
    """Strategy: utterances of all splits, whole files or parts of files; no speaker is in two splits."""
    stems = draw(st.lists(st.sampled_from(STEMS), min_size=3, max_size=6, unique=True))
    names = draw(st.permutations([name for name in SPEAKERS if name]))
    found = []
    for number, stem in enumerate(stems):
        for start, end in draw(parts) if segments else [(None, None)]:
            found.append(
                Utterance(
                    file=f"{stem}.wav",
                    split=SPLITS[number % 3],
                    speaker=draw(st.sampled_from([*names[number % 3 :: 3][:2], ""])),
                    gender=draw(st.sampled_from(list(GENDERS))),
                    transcript=draw(st.sampled_from(WORDS)),
                    label=draw(st.integers(10, 70)) / 10,
                    start=start,
                    end=end,
                )
            )
    return found


def _neighbours(cuts):
    """Parts between neighbouring cuts; the first may begin and the last may end with the file."""
    places = sorted(cuts)
    return [(None if start == 0 else start, end) for start, end in itertools.pairwise([*places, None])]


# Milliseconds between 0 and 1,000, the length of a file.
parts = st.sets(st.integers(0, 99).map(lambda cut: 10 * cut), min_size=1, max_size=3).map(_neighbours)


def mapping(adapter="table", **settings):
    """Return the definition of the corpus."""
    return Corpus(
        adapter=adapter,
        label="own",
        splits={split: split for split in SPLITS},
        dimensions=("valence",),
        scale={"valence": SCALE},
        **settings,
    )


def table_text(rows, separator=",", *, comma=False):
    """Return cells as text, quoted where needed; ``comma``: with decimal commas."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow(
            [str(cell).replace(".", ",") if comma and isinstance(cell, float) else cell for cell in row.values()]
        )
    return stream.getvalue()


def read_back(corpus, paths, output):
    """Return what the workflow makes of a corpus: per split, one row for each utterance, with its packed samples."""
    prepare_corpus("own", corpus, paths, output)
    found = {}
    for split in SPLITS:
        table = pd.read_parquet(output / f"utterances.{split}.parquet")
        labels = pd.read_parquet(output / f"labels.{split}.parquet").set_index("id")
        assert table["id"].is_unique
        pack_audio(
            output / f"utterances.{split}.parquet", list(map(Path, paths.audio)), corpus, output / f"pack.{split}"
        )
        pack = open_pack(output / f"pack.{split}")
        for row, start, count in zip(table.to_dict("records"), pack.offsets, pack.samples, strict=True):
            label = 1 + 6 * labels.loc[row["id"], "valence"]
            cells = tuple("" if pd.isna(row[name]) else row[name] for name in ("speaker", "gender", "transcript"))
            found.setdefault(pack.audio[start : start + count].tobytes(), []).append((split, *cells, round(label, 6)))
    return {audio: sorted(rows) for audio, rows in found.items()}


def expected(rows):
    """Return the same from the generator's own table."""
    found = {}
    for one in rows:
        samples = samples_of(one.file)
        start = (one.start or 0) * RATE_HZ // 1000
        end = len(samples) if one.end is None else one.end * RATE_HZ // 1000
        key = samples[start:end].tobytes()
        found.setdefault(key, []).append((one.split, one.speaker, one.gender, one.transcript, round(one.label, 6)))
    return {audio: sorted(rows) for audio, rows in found.items()}
