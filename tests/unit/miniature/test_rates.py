"""Sentences at the rates of real ones: what is counted in them, with VADER's own lexicon and negation rule."""

import random
import re
from collections import Counter
from itertools import islice, pairwise

import numpy as np
import pytest

from valence_gap.miniature.lexicon import CORPORA, data, ratings, valence
from valence_gap.miniature.rates import NEGATIONS, Frames, Rates, Sentences, frames_of
from valence_gap.miniature.text import sentence_stream, sentences
from valence_gap.miniature.transcribed import common_sentences

COUNT = 2400


def words(text: str) -> list[str]:
    return re.findall(r"[a-z'-]+", text.lower())


def rated(text: str) -> list[tuple[str, bool]]:
    """Return each word that VADER rates, and whether it is positive after a negation in the three words before it."""
    found = words(text)
    return [
        (word, (ratings()[word] > 0) != bool(set(NEGATIONS) & set(found[max(0, place - 3) : place])))
        for place, word in enumerate(found)
        if word in ratings()
    ]


@pytest.fixture(scope="module", params=CORPORA)
def texts(request: pytest.FixtureRequest) -> list[str]:
    return [one.text for one in sentences(request.param, "train", COUNT, seed=3)]


def test_sentiment_words_are_as_frequent_and_as_coherent_as_in_real_sentences(texts: list[str]) -> None:
    found = [rated(text) for text in texts]
    assert 1.4 < np.mean([len(each) for each in found]) < 1.9
    neighbours = [one[1] == other[1] for each in found for one, other in pairwise(each)]
    assert 0.70 < np.mean(neighbours) < 0.85
    assert 0.45 < np.mean([positive for each in found for _, positive in each]) < 0.55
    counts = Counter(word for each in found for word, _ in each).most_common()
    total = sum(count for _, count in counts)
    assert 350 < len(counts) < 450
    assert 0.2 < sum(count for _, count in counts[:10]) / total < 0.32
    assert 0.55 < sum(count for _, count in counts[:50]) / total < 0.68


def test_negations_and_contrasts_are_as_rare_as_in_real_sentences(texts: list[str]) -> None:
    sets = [set(words(text)) for text in texts]
    assert 0.04 < np.mean(["but" in each for each in sets]) < 0.07
    negated = [
        word in ratings() and bool(set(NEGATIONS) & set(words(text)[max(0, place - 3) : place]))
        for text in texts
        for place, word in enumerate(words(text))
        if word in ratings()
    ]
    assert 0.02 < np.mean(negated) < 0.11


def test_neutral_words_are_not_rated_and_valence_is_what_the_words_give(texts: list[str]) -> None:
    assert not {word for group in data("neutral.json").values() for word in group} & set(ratings())
    made = sentences("iemocap", "dev", 50, seed=1)
    assert all(one.valence == valence(one.text) for one in made)
    assert {valence(text) for text in texts if not rated(text)} == {0.5}


def test_the_rates_are_those_that_are_asked_for() -> None:
    frames = [Frames(["it {was} {quality} {and} {quality}"], {})]
    always = Rates(rated=1.0, coherent=1.0, negated=1.0, boosted=0.0, contrast=1.0, turned=1.0)
    rng = random.Random(0)
    for text in (Sentences(frames, None, always).draw(rng) for _ in range(200)):
        (_, first), (_, second) = rated(text)
        assert "but" in text.split()
        assert set(text.split()) & set(NEGATIONS)
        assert first != second or len(words(text.split(" but ")[0])) < 4  # the polarity turned
    never = Rates(rated=0.0, negated=0.0, boosted=0.0, contrast=0.0)
    assert not any(rated(Sentences(frames, None, never).draw(rng)) for _ in range(50))


def test_a_longer_list_starts_with_the_shorter_one_and_splits_share_no_sentence() -> None:
    few, many = (sentences("cmu-mosi", "test", count, seed=2) for count in (5, 60))
    assert many[:5] == few
    train = {one.text for one in sentences("cmu-mosi", "train", 300, seed=2)}
    assert not train & {one.text for one in many}
    stream = set(islice(sentence_stream("en", seed=0), 3000))
    assert not stream & (train | {one.text for one in many})


def test_unlabelled_sentences_have_nearly_the_whole_lexicon() -> None:
    lexicon = {word for group in data("sentiment.json").values() for word in group}
    used = {word for text in islice(sentence_stream("en", seed=0), 8000) for word in words(text)}
    assert len(used & lexicon) > 0.9 * len(lexicon)


def test_everyday_sentences_are_drawn_at_these_rates_too() -> None:
    found = [rated(text) for text in islice(common_sentences(seed=1), 800)]
    neighbours = [one[1] == other[1] for each in found for one, other in pairwise(each)]
    assert np.mean(neighbours) > 0.65


def test_every_slot_of_every_frame_can_be_filled() -> None:
    rng = random.Random(1)
    for name in (*CORPORA, "unlabelled"):
        frames = frames_of(name)
        for text in frames.texts:
            drawn = Sentences([Frames([text], frames.plain)], None).draw(rng)
            assert "{" not in drawn
