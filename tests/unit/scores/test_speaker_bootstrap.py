import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.scores.speaker_bootstrap import group_resamples, paired_resamples, speaker_cccs, speaker_codes
from valence_gap.scores.statistics import bootstrap_cccs, generator, standard_error


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=12))
def test_codes_tell_speakers_apart_and_unknown_ones_are_alone(speakers):
    codes = speaker_codes(speakers)
    known = {name for name in speakers if name is not None}
    assert len(set(codes.tolist())) == len(known) + speakers.count(None)
    for one, first in zip(speakers, codes, strict=True):
        for other, second in zip(speakers, codes, strict=True):
            if one is not None and other is not None:
                assert (one == other) == (first == second)


def clustered(people=8, each=20):
    """Speakers whom the model offsets: utterances of one speaker err alike."""
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(people), each)
    truth = rng.random(people * each)
    offsets = 0.3 * rng.standard_normal(people)
    return truth, (truth + offsets[speakers] + 0.05 * rng.standard_normal(len(truth)))[:, None], speakers


def test_errors_are_larger_where_utterances_of_a_speaker_are_alike():
    truth, predictions, speakers = clustered()
    over_speakers = speaker_cccs(truth, predictions, speakers, resamples=300, rng=generator(0))
    over_utterances = bootstrap_cccs(truth, predictions, resamples=300, rng=generator(0))
    assert standard_error(over_speakers)[0] > 1.5 * standard_error(over_utterances)[0]


def test_one_speaker_says_nothing_about_others():
    truth, predictions, speakers = clustered()
    alone = speaker_cccs(truth, predictions, np.zeros_like(speakers), resamples=9, rng=generator(0))
    assert np.isnan(alone).all()
    assert alone.shape == (9, 1)
    assert np.isnan(standard_error(alone)).all()


def test_groups_are_resampled_within_themselves():
    truth, predictions, speakers = clustered()
    women = speakers < 4
    groups = [(truth[rows], predictions[rows], speaker_codes(speakers[rows])) for rows in (women, ~women)]
    found = group_resamples(*groups, resamples=200, rng=generator(1))
    rng = generator(1)
    one, two = (speaker_cccs(*group, resamples=200, rng=rng) for group in groups)
    np.testing.assert_allclose(found, one - two)


def test_the_standard_error_leaves_out_undefined_resamples():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 2.0]])
    assert standard_error(values)[0] == pytest.approx(np.sqrt(2))
    assert np.isnan(standard_error(values)[1])


def test_paired_resamples_are_the_differences_on_the_same_speakers():
    rng = np.random.default_rng(3)
    truth, speakers = rng.random(60), np.repeat(np.arange(6), 10)
    first, second = truth[:, None] + rng.normal(0, 0.2, (60, 2)), truth[:, None] + rng.normal(0, 0.4, (60, 1))
    found = paired_resamples(truth, first, second, speakers, resamples=50, rng=generator(1))
    one = speaker_cccs(truth, first, speakers, resamples=50, rng=generator(1))
    other = speaker_cccs(truth, second, speakers, resamples=50, rng=generator(1))
    np.testing.assert_allclose(found, one - other)
