from itertools import combinations
from pathlib import Path

import espeakng_loader
import pytest

from valence_gap.miniature.espeak import NEUTRAL, RATE_HZ, Voice, speak
from valence_gap.miniature.voices import VARIANTS, population, unlabelled_voice
from valence_gap.runtime.errors import UserError

CORPORA = ("msp-podcast", "iemocap", "cmu-mosi")
SPLITS = ("train", "dev", "test")


def identity(voice: Voice) -> tuple[str, int, int]:
    return voice.name, voice.pitch, voice.rate_wpm


@pytest.fixture(scope="module")
def populations() -> dict[tuple[str, str], tuple[Voice, ...]]:
    return {
        (corpus, split): population(10, corpus=corpus, split=split, seed=3) for corpus in CORPORA for split in SPLITS
    }


def test_no_speaker_is_in_two_splits(populations: dict[tuple[str, str], tuple[Voice, ...]]) -> None:
    for ours, theirs in combinations(populations.values(), 2):
        assert not {voice.name for voice in ours} & {voice.name for voice in theirs}
    speakers = [voice.speaker for voices in populations.values() for voice in voices]
    assert len(set(speakers)) == len(speakers)


@pytest.mark.parametrize("count", [1, 2, 7, 24])
def test_half_are_female(count: int) -> None:
    voices = population(count, corpus="msp-podcast", split="train", seed=0)
    assert len(voices) == count
    assert sum(voice.gender == "female" for voice in voices) == (count + 1) // 2


def test_speakers_that_share_a_voice_differ_in_pitch() -> None:
    voices = population(40, corpus="msp-podcast", split="train", seed=1)
    shared = [(a, b) for a, b in combinations(voices, 2) if a.name == b.name]
    assert shared
    assert min(abs(a.pitch - b.pitch) for a, b in shared) >= 4


@pytest.mark.parametrize(("split", "count"), [("train", 100), ("dev", 30), ("test", 50)])
def test_there_are_enough_speakers_for_more_and_each_has_another_pitch(split: str, count: int) -> None:
    voices = population(count, corpus="msp-podcast", split=split, seed=1)
    assert len({(voice.name, voice.pitch) for voice in voices}) == count
    assert voices[:16] == population(16, corpus="msp-podcast", split=split, seed=1)


def test_seeds_give_the_same_voices_with_other_base_values() -> None:
    one = population(24, corpus="msp-podcast", split="train", seed=1)
    two = population(24, corpus="msp-podcast", split="train", seed=2)
    test = population(20, corpus="msp-podcast", split="test", seed=3)
    assert one == population(24, corpus="msp-podcast", split="train", seed=1)
    assert {identity(voice) for voice in one} != {identity(voice) for voice in two}
    assert not {voice.name for voice in one + two} & {voice.name for voice in test}


def test_unlabelled_speakers_are_of_no_corpus() -> None:
    theirs = {
        identity(voice)
        for corpus in CORPORA
        for split in SPLITS
        for seed in range(5)
        for voice in population(16, corpus=corpus, split=split, seed=seed)
    }
    unlabelled = [unlabelled_voice("en", index, seed=0) for index in range(1000)]
    assert not theirs & {identity(voice) for voice in unlabelled}
    assert {voice.gender for voice in unlabelled} == {"female", "male"}
    assert unlabelled_voice("de", 4, seed=0).name.startswith("de+")


def test_the_corpora_differ_in_their_accents(populations: dict[tuple[str, str], tuple[Voice, ...]]) -> None:
    def accents(corpus: str) -> list[str]:
        return sorted(voice.name.split("+")[0] for split in SPLITS for voice in populations[corpus, split])

    assert accents("msp-podcast") != accents("iemocap") != accents("cmu-mosi")
    assert len(set(accents("msp-podcast"))) == 4


@pytest.mark.parametrize(
    ("gender", "variant"), [(gender, variant) for gender, variants in VARIANTS.items() for variant in variants]
)
def test_genders_are_those_of_the_voice_files(gender: str, variant: str) -> None:
    lines = (Path(espeakng_loader.get_data_path()) / "voices" / "!v" / variant).read_text().splitlines()
    fields = {line.split()[0]: line.split()[1:] for line in lines if line.split()}
    if "gender" in fields:
        assert fields["gender"][0] == gender
    elif "pitch" in fields:
        assert (float(fields["pitch"][1]) > 150) == (gender == "female")


def test_every_accent_speaks() -> None:
    accents = {voice.name for corpus in CORPORA for voice in population(20, corpus=corpus, split="test", seed=0)}
    by_accent = {name.split("+")[0]: name for name in accents}
    assert len(by_accent) == 4
    for name in by_accent.values():
        assert len(speak("One good day.", Voice(name, "male", 50, 175, "x"), NEUTRAL)) > RATE_HZ // 3


def test_too_many_speakers_and_unknown_splits_are_refused() -> None:
    with pytest.raises(UserError, match="fewer speakers"):
        population(10_000, corpus="iemocap", split="dev", seed=0)
    with pytest.raises(UserError, match="iemocap/test-1"):
        population(2, corpus="iemocap", split="test-1", seed=0)
