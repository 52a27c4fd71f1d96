from itertools import islice

import numpy as np

from valence_gap.miniature.lexicon import data
from valence_gap.miniature.text import sentences
from valence_gap.miniature.transcribed import common_sentences, english_sentences, transcribed_speech
from valence_gap.pretraining.recogniser import encode_letters


def test_a_longer_text_starts_with_the_shorter_one_and_seeds_differ() -> None:
    assert english_sentences(30, seed=1)[:11] == english_sentences(11, seed=1)
    assert english_sentences(30, seed=1) != english_sentences(30, seed=2)


def test_none_of_the_corpora_s_sentences_or_frames_is_in_it() -> None:
    text = set(english_sentences(4000, seed=0))
    for corpus in ("msp-podcast", "iemocap", "cmu-mosi"):
        for split in ("train", "dev", "test"):
            assert text.isdisjoint(each.text for each in sentences(corpus, split, 100, seed=1))
    frames = {frame for name, part in data("frames.json").items() if name != "common" for frame in part["frames"]}
    assert frames.isdisjoint(data("everyday.json")["frames"])


def test_everyday_sentences_are_plain_words() -> None:
    for text in islice(common_sentences(seed=3), 500):
        assert text[0].isupper()
        assert text.endswith(".")
        assert all(letter.isalpha() or letter in " ,.'-" for letter in text), text
        assert len(encode_letters(text)) >= 8


def test_speech_depends_only_on_its_number() -> None:
    two = transcribed_speech(2, seed=5, noisy=1.0, workers=1)
    second = transcribed_speech(1, seed=5, noisy=1.0, workers=1, first=1)
    assert [each.text for each in two] == list(english_sentences(2, seed=5))
    assert second[0].text == two[1].text
    np.testing.assert_array_equal(second[0].samples, two[1].samples)
    assert 0.5 < len(two[0].samples) / 16_000 < 10
