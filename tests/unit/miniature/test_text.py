import math
import re
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from valence_gap.miniature.lexicon import allowed, data, ratings, valence
from valence_gap.miniature.text import Sentence, sentences, unlabelled
from valence_gap.runtime.errors import UserError

CORPORA = ("msp-podcast", "iemocap", "cmu-mosi")
SPLITS = ("train", "dev", "test")
LEXICON = {word for words in data("sentiment.json").values() for word in words}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z'-]+", text.lower())


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], tuple[Sentence, ...]]:
    return {(corpus, split): sentences(corpus, split, 250, seed=5) for corpus in CORPORA for split in SPLITS}


def test_no_sentence_occurs_twice_for_any_seed(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    texts = {key: {sentence.text for sentence in made[key]} for key in made}
    assert all(len(found) == 250 for found in texts.values())
    assert not any(ours & theirs for ours, theirs in combinations(texts.values(), 2))
    other = {sentence.text for sentence in sentences("cmu-mosi", "train", 1000, seed=6)}
    assert not other & texts["cmu-mosi", "test"]


def test_the_same_seed_gives_the_same_sentences_in_another_process() -> None:
    program = (
        "from valence_gap.miniature.text import sentences, unlabelled\n"
        "print(sentences('iemocap', 'dev', 5, seed=2), unlabelled('en', 5, seed=2), unlabelled('pl', 5, seed=2))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", env={"PYTHONUTF8": "1"}
    )
    ours = (sentences("iemocap", "dev", 5, seed=2), unlabelled("en", 5, seed=2), unlabelled("pl", 5, seed=2))
    assert answer.stdout.strip() == " ".join(str(part) for part in ours)
    assert sentences("iemocap", "dev", 5, seed=3) != ours[0]


def test_a_longer_list_starts_with_the_shorter_one() -> None:
    assert sentences("msp-podcast", "test", 12, seed=0)[:5] == sentences("msp-podcast", "test", 5, seed=0)
    assert unlabelled("en", 12, seed=0)[:5] == unlabelled("en", 5, seed=0)


def test_valence_of_words() -> None:
    assert valence("The table is round.") == 0.5
    assert valence("good") == pytest.approx(0.5 + 0.5 * 1.9 / math.sqrt(1.9**2 + 40), abs=1e-4)
    assert valence("It was excellent and good.") > valence("It was good.") > 0.5
    assert valence("It was not good.") < 0.5 < valence("It was not bad.")
    assert valence("It was good, but the end was bad.") < 0.5 < valence("It was bad, but the end was good.")


def test_valence_is_a_function_of_the_text(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    analyser = SentimentIntensityAnalyzer()
    everything = [sentence for found in made.values() for sentence in found]
    scores = [analyser.polarity_scores(sentence.text)["compound"] for sentence in everything]
    order = np.argsort(scores)
    assert np.all(np.diff([everything[row].valence for row in order]) >= 0)


def test_valence_is_balanced_and_spread(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    for corpus in CORPORA:
        found = np.array([sentence.valence for split in SPLITS for sentence in made[corpus, split]])
        assert np.all((found > 0) & (found < 1))
        assert 0.45 < found.mean() < 0.55
        assert 0.2 < found.std() < 0.25
        assert 0.2 < np.mean(np.abs(found - 0.5) < 0.15) < 0.4


def test_splits_of_a_corpus_are_distributed_alike(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    for corpus in CORPORA:
        means = [np.mean([sentence.valence for sentence in made[corpus, split]]) for split in SPLITS]
        assert max(means) - min(means) < 0.1


def test_sentences_are_short_and_plain(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    everything = [sentence.text for found in made.values() for sentence in found]
    assert all(re.fullmatch(r"[A-Z][a-z'-]*(,? [A-Za-z'-]+)+\.", text) for text in everything)
    lengths = [len(words(text)) for text in everything]
    assert min(lengths) >= 6
    assert max(lengths) <= 16
    assert len({word for text in everything for word in words(text)} & LEXICON) > 250


def test_only_the_lexicon_carries_sentiment(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    used = {word for found in made.values() for sentence in found for word in words(sentence.text)}
    used |= {word for text in unlabelled("en", 500, seed=1) for word in words(text)}
    assert used & set(ratings()) <= LEXICON
    assert set(ratings()) >= LEXICON


def test_each_corpus_has_words_of_its_own(made: dict[tuple[str, str], tuple[Sentence, ...]]) -> None:
    used = {
        corpus: {word for split in SPLITS for s in made[corpus, split] for word in words(s.text)} & LEXICON
        for corpus in CORPORA
    }
    for corpus in CORPORA:
        others = set().union(*(used[other] for other in CORPORA if other != corpus))
        own = {word for word in LEXICON if not any(allowed(word, other) for other in CORPORA if other != corpus)}
        assert 0.05 < len(own) / len(LEXICON) < 0.16
        assert own & used[corpus]
        assert not own & others


def test_unlabelled_english_has_the_whole_lexicon_and_no_sentence_of_a_corpus() -> None:
    texts = unlabelled("en", 4000, seed=0)
    used = {word for text in texts for word in words(text)}
    assert len(used & LEXICON) > 0.9 * len(LEXICON)
    corpora = {s.text for corpus in CORPORA for s in sentences(corpus, "train", 300, seed=0)}
    assert not corpora & set(texts)


@pytest.mark.parametrize("language", sorted(data("languages.json")))
def test_other_languages_have_a_number_and_no_english_sentiment(language: str) -> None:
    texts = unlabelled(language, 100, seed=0)
    assert len(set(texts)) > 90
    assert all(re.search(r"\d", text) for text in texts)
    assert not {word for text in texts for word in words(text)} & (LEXICON - {"brave", "grand"})


def test_unknown_corpora_splits_and_languages_are_refused() -> None:
    with pytest.raises(UserError, match="esc-50/train"):
        sentences("esc-50", "train", 1, seed=0)
    with pytest.raises(UserError, match="cmu-mosi/test-1"):
        sentences("cmu-mosi", "test-1", 1, seed=0)
    with pytest.raises(UserError, match=r"tlh(.|\n)*valid: de, en, es"):
        unlabelled("tlh", 1, seed=0)
