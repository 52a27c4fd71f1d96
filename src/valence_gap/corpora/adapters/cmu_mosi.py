"""CMU-MOSI: segments of review videos with one sentiment, which counts as valence (paper, section III-C)."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from valence_gap.corpora.cells import genders
from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import (
    FORK,
    MALFORMED_ROW,
    ROW,
    column_of,
    files_named,
    find_file,
    read_csv,
    read_many,
    require_columns,
)
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.errors import UserError

SCALE = (-3.0, 3.0)
LABEL_FILES = ("opinionlevelsentiment.csv", "cmu_mosi_opinion_labels.csd")
GROUP = "Opinion Segment Labels"
MOST_VALUES = 1_000_000  # of one video; a file of a kilobyte can declare any number of values
SENTENCE = re.compile(r"(?P<segment>\d+)_DELIM_(?P<text>.*)")
# The standard folds of the CMU-MultimodalSDK; every other video is for training.
_TEST = """
    tmZoasNr4rU zhpQhgha_KU lXPQBPVc5Cw iiK8YX8oH1E tStelxIAHjw nzpVDcQ0ywM etzxEpPuc6I cW1FSBF59ik d6hH302o4v8
    k5Y_838nuGo pLTX3ipuDJI jUzDDGyPkXU f_pcplsH_V0 yvsjCA6Y5Fc nbWiPyCm4g0 rnaNMUZpvvg wMbj6ajWbic cM3Yna7AavY
    yDtzw_Y-7RU vyB00TXsimI dq3Nf_lMPnE phBUpBr1hSo d3_k5Xpfmik v0zCBqDeKcE tIrG4oNLFzE fvVhgmXxadc ob23OKe5a9Q
    cXypl4FnoZo vvZ4IcEtiZc f9O3YtZ2VfI c7UH_rxdZv4"""
_DEVELOPMENT = """
    WKA5OygbEKI c5xsKMxpXnc atnd_PF-Lbs bvLlb-M3UXU bOL9jKpeJRs _dI--eQ6qVU ZAIRrfG22O0 X3j2zQgwYgE aiEXnCPZubE
    ZUXBRvtny7o"""
TEST_VIDEOS = frozenset(_TEST.split())
DEVELOPMENT_VIDEOS = frozenset(_DEVELOPMENT.split())


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the labelled segments; their splits are the standard folds ``train``, ``development``, ``test``, or ``all``.

    A video shows one person, so the video is used as the speaker (89 people made the 93 videos; the corpus does not say
    who made two).

    Args:
        corpus: the definition; its only dimension is valence.
        paths: ``labels`` is ``OpinionLevelSentiment.csv``, the SDK's ``CMU_MOSI_Opinion_Labels.csd``, or a folder with
            one of them; ``speakers`` is ``gender.csv`` (file, gender).
        report: counts malformed rows.

    Raises:
        UserError: if there is no label file, or a file is not in its format.
    """
    path = find_file(Path(paths.labels), ("labels", "label"), LABEL_FILES, "the labels of CMU-MOSI")
    segments = _read_csd(path) if path.suffix.lower() == ".csd" else _read_sentiment(path, report)
    entries = pd.DataFrame({"id": segments["video"] + "_" + segments["segment"]})
    entries["name"] = entries["id"] + ".wav"
    entries["split"] = segments["video"].map(fold).astype("str")
    entries["speaker"] = segments["video"]
    gender = _genders(Path(paths.speakers), report) if paths.speakers else {}
    entries["gender"] = segments["video"].map(gender).astype("str")
    spoken = _transcripts(Path(paths.transcripts), report) if paths.transcripts else {}
    report.note("transcript without a row", sorted(set(spoken) - set(entries["id"])))
    entries["transcript"] = entries["id"].map(spoken).astype("str")
    entries["provenance"] = segments["provenance"]
    entries["valence"] = segments["label"]
    entries["arousal"] = entries["dominance"] = empty_column(entries.index)
    return entries[[*ENTRY_COLUMNS]]


def fold(video: str) -> str:
    """Return the standard fold of a video."""
    if video in TEST_VIDEOS:
        return "test"
    return "development" if video in DEVELOPMENT_VIDEOS else "train"


def _read_sentiment(path: Path, report: Report) -> pd.DataFrame:
    """Return a table with start, end, video, segment and label, and the file and row number in `provenance`."""
    names = ["start", "end", "video", "segment", "label"]
    table = read_csv(path, report, header=False)
    # Some copies name the columns, in another order.
    if len(table) and set(names) <= set(table.iloc[0].astype("str").str.lower()):
        table = read_csv(path, report)
        table = table[[*(column_of(table, name) for name in names), ROW]]
    if table.shape[1] != len(names) + 1:
        raise UserError(
            "The labels of CMU-MOSI are not in the expected format.",
            [f"{path}: {table.shape[1] - 1} columns, not {len(names)}"],
            f"The file must have the columns {', '.join(names)}, without a header.",
        )
    table.columns = pd.Index([*names, ROW])
    table["provenance"] = path.name + ":" + table[ROW].astype("str")
    usable = (table["video"] != "") & table["segment"].str.fullmatch(r"\d+")
    report.skip(MALFORMED_ROW, table.loc[~usable, "provenance"])
    return table[usable].reset_index(drop=True)


def _read_csd(path: Path) -> pd.DataFrame:
    """Read video, segment and label from the SDK's HDF5 file: row i of a video's features is its segment i + 1."""
    rows = []
    try:
        with h5py.File(path, "r") as file:
            videos = file[GROUP]["data"]
            for video in sorted(videos):
                labels = np.asarray(_own(videos[video]["features"], file), dtype=np.float64)
                for index, label in enumerate(labels.reshape(len(labels), -1)[:, 0] if labels.size else ()):
                    rows.append((video, str(index + 1), float(label), f"{path.name}:{video}[{index}]"))
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise UserError(
            "The labels of CMU-MOSI are not in the SDK's format.",
            [f"{path}: {error}"],
            f"The file must be an HDF5 file with {GROUP} / data / <video> / features.",
        ) from None
    return pd.DataFrame(rows, columns=["video", "segment", "label", "provenance"])


def _own(features: h5py.Dataset, file: h5py.File) -> h5py.Dataset:
    """Return the dataset, if its data are in this same file and not more than a video can have."""
    if features.file.filename != file.filename or features.external or features.is_virtual:
        raise ValueError(f"the data of {features.name} are in another file")
    if features.size > MOST_VALUES:
        raise ValueError(f"{features.name} declares {features.size:,} values")
    return features


def _genders(path: Path, report: Report) -> dict[str, str]:
    """Return the gender by video, from rows such as ``Audio/03bSnISJMiM.wav,female``."""
    table = read_csv(path, report)
    require_columns(path, table, ["file", "gender"])
    video = table[column_of(table, "file")].map(lambda file: Path(file).stem)
    gender = genders(table[column_of(table, "gender")], report)
    return dict(zip(video[gender.notna()], gender[gender.notna()], strict=True))


def _transcripts(folder: Path, report: Report) -> dict[str, str]:
    """Return the transcripts by ``<video>_<segment>``, in upper case as in the corpus."""
    files = files_named(folder, "*.annotprocessed")
    forks = [file for file in files if file.name.startswith(".")]
    report.note(FORK, [file.name for file in forks])
    files = [file for file in files if file not in set(forks)]
    spoken: dict[str, str] = {}
    for file, text in zip(files, read_many(files, report, "transcripts"), strict=True):
        for number, line in enumerate(text.split("\n"), start=1):
            found = SENTENCE.fullmatch(line.strip())
            words = " ".join(found["text"].split()) if found else ""
            segment = f"{file.stem}_{found['segment']}" if found else ""
            if words and segment not in spoken:
                spoken[segment] = words
            elif line.strip():
                report.skip("malformed, empty or repeated transcript line", [f"{file.name}:{number}"])
    return spoken


ADAPTER = Adapter(read=read, scales={"valence": SCALE})
