"""Packing on one core: this project, and a loop over soundfile that joins the files in one array of PCM16."""

import time
from pathlib import Path

import numpy as np
import soundfile
from bench_setup import Setup
from side_by_side import Check, Outcome

from valence_gap.audio.packing import pack_audio
from valence_gap.audio.packs import AUDIO
from valence_gap.definitions.corpora import Corpus

CORPUS = Corpus(adapter="table", label="benchmark", splits={"train": "train"})


def run(side: str, precision: str, setup: Setup) -> Outcome:
    """Pack the training utterances, each several times, and return what it took."""
    started = time.perf_counter()
    _packed(side, setup)
    return Outcome(time.perf_counter() - started, setup.repeats * float(setup.durations_s("train").sum()))


def check(setup: Setup) -> Check:
    """Compare the samples of both sides."""
    ours, theirs = (np.load(_packed(side, setup)).astype(np.int32) for side in ("valence-gap", "soundfile"))
    differs = float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")
    return Check("c", "samples of the packs, in steps of PCM16", differs, 0.0)


def _packed(side: str, setup: Setup) -> Path:
    """Write a pack and return the file of its samples."""
    output = setup.scratch / side
    if side == "valence-gap":
        pack_audio(setup.folder / "repeated.parquet", (setup.folder / "wav" / "train",), CORPUS, output)
        return output / AUDIO
    output.mkdir()
    paths = setup.files("train") * setup.repeats
    np.save(output / AUDIO, np.concatenate([soundfile.read(path, dtype="int16")[0] for path in paths]))
    return output / AUDIO
