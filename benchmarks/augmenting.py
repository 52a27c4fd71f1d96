"""The augmented variants of a test set on one core, each kind of condition alone."""

import time
from pathlib import Path

import numpy as np
from bench_setup import Setup
from side_by_side import Check, Outcome

from valence_gap.audio.conditions import apply_conditions
from valence_gap.audio.packing import pack_audio
from valence_gap.audio.packs import AUDIO, open_pack
from valence_gap.corpora import esc50
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.evaluation import Condition

CORPUS = Corpus(adapter="table", label="benchmark", splits={"train": "train"})
CONDITIONS = {
    "noise": Condition(kind="noise", label="noise", noise_class="human", snr_db=10.0),
    "speed": Condition(kind="speed", label="speed"),
    "fade": Condition(kind="fade", label="fade"),
}


def run(side: str, precision: str, setup: Setup) -> Outcome:
    """Write one condition and return what it took."""
    pack, noises = _packed(setup), esc50.clips(setup.folder / "noise")
    started = time.perf_counter()
    apply_conditions(pack, noises, {side: CONDITIONS[side]}, 0, setup.scratch / "packs")
    return Outcome(time.perf_counter() - started, setup.repeats * float(setup.durations_s("train").sum()))


def check(setup: Setup) -> Check:
    """Compare two runs of all conditions, and require that each changes the audio."""
    pack, noises = _packed(setup), esc50.clips(setup.folder / "noise")
    clean, differs = open_pack(pack).audio, 0.0
    for number in range(2):
        apply_conditions(pack, noises, CONDITIONS, 0, setup.scratch / str(number))
    for name in CONDITIONS:
        first, second = (np.load(setup.scratch / str(number) / name / "test" / AUDIO) for number in range(2))
        same = np.array_equal(first, second) and not np.array_equal(first, clean)
        differs = differs if same else float("inf")
    return Check("e", "samples of two runs of each condition", differs, 0.0)


def _packed(setup: Setup) -> Path:
    output = setup.scratch / "pack"
    pack_audio(setup.folder / "repeated.parquet", (setup.folder / "wav" / "train",), CORPUS, output)
    return output
