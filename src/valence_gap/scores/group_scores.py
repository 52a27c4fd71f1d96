"""The scores of groups of utterances: all, women and men and their difference, and single speakers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats
from valence_gap.scores.speaker_bootstrap import Codes, group_resamples, speaker_cccs, speaker_codes
from valence_gap.scores.statistics import Estimate, speaker_error

GENDERS = ("female", "male")


@dataclass(frozen=True)
class LabelledPredictions:
    """The labelled utterances of one dimension, and their predictions.

    Attributes:
        truth: labels, (samples,).
        predictions: (samples, conditions).
        gender: 'female', 'male' or None, (samples,).
        speaker: name or None, (samples,).
    """

    truth: Floats
    predictions: Floats
    gender: npt.NDArray[Any]
    speaker: npt.NDArray[Any]

    def select(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Labels and predictions of some of the utterances."""
        return self.truth[rows], self.predictions[rows]

    def speakers(self, rows: npt.NDArray[np.bool_]) -> int:
        """Number of the known speakers of some of the utterances."""
        return len({name for name in self.speaker[rows] if isinstance(name, str)})

    def with_speakers(self, rows: npt.NDArray[np.bool_]) -> tuple[Floats, Floats, Codes]:
        """Labels, predictions and numbered speakers of some of the utterances."""
        return *self.select(rows), speaker_codes(self.speaker[rows])


@dataclass(frozen=True)
class GroupScore:
    """The score of a group of utterances.

    Attributes:
        group_by: all, gender, fairness or speaker.
        group: name of the group.
        samples: number of its utterances.
        estimate: the CCC of each condition, with its error over utterances.
        se_speakers: standard error of a bootstrap over speakers, (conditions,); NaN where it is unknown.
        speakers: number of its known speakers.
    """

    group_by: str
    group: str
    samples: int
    estimate: Estimate
    se_speakers: Floats
    speakers: int


def group_scores(series: LabelledPredictions, corpus: str, evaluation: Evaluation) -> Iterator[GroupScore]:
    """Yield the scores of all groups: all, genders, female minus male (section III-D), and speakers (section IV-J).

    Args:
        series: the utterances.
        corpus: its name, on which the random numbers depend.
        evaluation: how scores are computed.
    """
    everyone = np.ones(len(series.truth), dtype=bool)
    groups = {"all": everyone, **{gender: series.gender == gender for gender in GENDERS}}
    for group, rows in groups.items():
        if rows.any():
            estimate = statistics.ccc_estimate(*series.select(rows), **statistics.bootstrap(evaluation, corpus, group))
            speakers, kind = series.speakers(rows), "gender" if group in GENDERS else "all"
            se = speaker_error(_over_speakers(series, rows, corpus, group, evaluation), speakers)
            yield GroupScore(kind, group, int(rows.sum()), estimate, se, speakers)
    female, male = (groups[gender] for gender in GENDERS)
    if female.any() and male.any():
        options = statistics.bootstrap(evaluation, corpus, "female-male")
        difference = statistics.group_difference(series.select(female), series.select(male), **options)
        resampled = group_resamples(
            series.with_speakers(female),
            series.with_speakers(male),
            resamples=evaluation.bootstrap,
            rng=speaker_generator(evaluation, corpus, "female-male"),
        )
        samples = int((female | male).sum())
        speakers = series.speakers(female | male)
        yield GroupScore("fairness", "female-male", samples, difference, speaker_error(resampled, speakers), speakers)
    for speaker in sorted({name for name in series.speaker if isinstance(name, str)}):
        rows = series.speaker == speaker
        if rows.sum() >= evaluation.min_samples:
            options = statistics.bootstrap(evaluation, corpus, "speaker", speaker)
            mean = statistics.resampled_mean(*series.select(rows), sample_size=evaluation.speaker_draws, **options)
            yield GroupScore("speaker", speaker, int(rows.sum()), mean, np.full(len(mean.value), np.nan), 1)


def speaker_generator(evaluation: Evaluation, corpus: str, group: str) -> np.random.Generator:
    """Random numbers for the resamples of the speakers of a group; they depend on names of data alone."""
    return statistics.generator(evaluation.seed, corpus, group, "speakers")


def _over_speakers(
    series: LabelledPredictions, rows: npt.NDArray[np.bool_], corpus: str, group: str, evaluation: Evaluation
) -> Floats:
    """CCCs of resampled speakers, (resamples, conditions)."""
    rng = speaker_generator(evaluation, corpus, group)
    return speaker_cccs(*series.with_speakers(rows), resamples=evaluation.bootstrap, rng=rng)


def mean_score(series: LabelledPredictions, chosen: list[bool], corpus: str, evaluation: Evaluation) -> GroupScore:
    """Mean CCC over some conditions of all utterances, on the same resamples as the single conditions.

    Args:
        series: the utterances.
        chosen: for each condition, whether it counts.
        corpus: its name, on which the random numbers depend.
        evaluation: how scores are computed.
    """
    options = statistics.bootstrap(evaluation, corpus, "all")
    estimate = statistics.mean_ccc_estimate(series.truth, series.predictions[:, chosen], **options)
    everyone = np.ones(len(series.truth), dtype=bool)
    resampled = _over_speakers(series, everyone, corpus, "all", evaluation)[:, chosen].mean(axis=1, keepdims=True)
    speakers = series.speakers(everyone)
    return GroupScore("all", "all", len(series.truth), estimate, speaker_error(resampled, speakers), speakers)
