"""The signal-to-noise ratio of the materialised test sets, with clips of every category of the noise corpus."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.audio.conditions import apply_condition
from valence_gap.audio.noise import load_clips
from valence_gap.audio.packs import open_pack, quantise, write_pack
from valence_gap.definitions.evaluation import Condition
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.miniature.noise import CATEGORIES, clip
from valence_gap.miniature.sounds import RATE_HZ

CLASSES = {"natural": 1, "human": 2, "interior": 3}
NEAR_SILENT = 1e-3  # of a peak of .2 or more: at least six steps of PCM16


@cache
def sound(category: str) -> npt.NDArray[np.float64]:
    return clip(CATEGORIES[category], np.random.default_rng(CATEGORIES[category].target))


def of_class(number: int) -> list[str]:
    return [name for name, category in CATEGORIES.items() if category.target // 10 == number]


def level_db(signal: npt.NDArray[np.float64]) -> float:
    return float(10 * np.log10(np.mean(signal**2)))


def test_each_class_has_clips_with_and_without_padding() -> None:
    for number in CLASSES.values():
        names = of_class(number)
        assert len(names) == 10
        assert {CATEGORIES[name].short for name in names} == {True, False}
        assert all((sound(name)[-RATE_HZ // 2 :] == 0).all() == CATEGORIES[name].short for name in names)


@pytest.mark.parametrize("noise_class", CLASSES)
def test_ratio_of_the_materialised_set_is_the_requested_one(
    noise_class: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp(noise_class)

    @settings(deadline=None, max_examples=40)
    @given(
        category=st.sampled_from(of_class(CLASSES[noise_class])),
        clip_level=st.sampled_from([1.0, 0.03, NEAR_SILENT]),
        samples=st.integers(400, 8 * SAMPLE_RATE_HZ),
        speech_level=st.floats(0.003, 0.3),
        snr_db=st.sampled_from([0.0, 10.0, 20.0]),
        seed=st.integers(0, 1000),
    )
    def check(category: str, clip_level: float, samples: int, speech_level: float, snr_db: float, seed: int) -> None:
        soundfile.write(root / "clip.wav", clip_level * sound(category), RATE_HZ, subtype="PCM_16")
        speech = speech_level * np.random.default_rng(seed).standard_normal(samples)
        measured = ratio_db(
            root,
            speech.clip(-1, 1),
            Condition(kind="noise", label=category, noise_class=noise_class, snr_db=snr_db),
            seed,
        )
        assert measured == pytest.approx(snr_db, abs=0.05)

    check()


def ratio_db(root: Path, speech: npt.NDArray[np.float64], condition: Condition, seed: int) -> float:
    """Return the ratio in PCM16, which the models read, before the mixture was scaled as a whole to avoid clipping."""
    write_pack(root / "clean", [("u", quantise(speech)[0])], {})
    pack = open_pack(root / "clean")
    apply_condition(pack, load_clips([root / "clip.wav"]), condition, seed, root / "noisy")
    report = json.loads((root / "noisy" / "report.json").read_text())
    clean = pack.read(0).astype(np.float64)
    noisy = open_pack(root / "noisy").read(0).astype(np.float64)
    assert report["clipped_samples"] == 0
    return level_db(clean) - level_db(noisy / report["scaled_against_clipping"]["smallest_scale"] - clean)
