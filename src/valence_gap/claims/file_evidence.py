"""Evidence from files: predictions with labels, training logs, and the separation of embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.claims.evidence import AUGMENTED, Cell, MissingEvidenceError, condition_set_of
from valence_gap.claims.labelled_test_sets import EvidenceFiles, Key, LabelledTestSet, Runs, read_test_set
from valence_gap.definitions.claims import ORIGINAL
from valence_gap.definitions.evaluation import CLEAN, CLEAN_OF_AUGMENTED, SYNTHESISED, Evaluation
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats, cccs
from valence_gap.scores.training_logs import read_epochs

Unit = Literal["utterances", "speakers"]


@dataclass(frozen=True)
class SeedRows:
    """The scores of a model under a condition.

    Attributes:
        seeds: its training seeds.
        rows: (1 + resamples, seeds), the estimates first.
    """

    seeds: tuple[int, ...]
    rows: Floats


@dataclass
class Computed:
    """What is computed once and shared by all views of the evidence; `unit` is what is resampled."""

    tested: dict[str, LabelledTestSet] = field(default_factory=dict)
    rows: dict[tuple[str, ...], dict[Key, SeedRows]] = field(default_factory=dict)
    by_speaker: dict[tuple[str, str], dict[str, dict[Key, SeedRows]]] = field(default_factory=dict)
    separation: dict[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class FileEvidence:
    """Evidence from files. All models are judged on the same resamples of a corpus' utterances.

    Attributes:
        files: predictions, labels, logs.
        evaluation: how scores and intervals are computed.
        unit: what is resampled: utterances, or speakers with all their utterances.
        selected: by model, the one of its seeds that counts; all seeds of a model that is not named.
    """

    files: EvidenceFiles
    evaluation: Evaluation
    unit: Unit = "utterances"
    selected: Mapping[str, int] = field(default_factory=dict)
    computed: Computed = field(default_factory=Computed, repr=False, compare=False)

    @property
    def resamples(self) -> int:
        """Number of resamples; rows have one more."""
        return self.evaluation.bootstrap

    @property
    def speaker_draws(self) -> int:
        """Number of utterances in one draw of a speaker (section IV-J)."""
        return self.evaluation.speaker_draws

    def seeds(self, model: str, *, embedded: bool = False) -> tuple[int, ...]:
        """Training seeds of a model whose predictions (or separation, if ``embedded``) are known."""
        if embedded:
            table = self._separation_table()
            return tuple(int(seed) for seed in dict.fromkeys(table.loc[table["model"] == model, "seed"]))
        return tuple(dict.fromkeys(run.seed for run, _ in self.files.predictions if run.model == model))

    def only(self, model: str, seed: int) -> "FileEvidence":
        """The same evidence, in which one model has the scores of one of its seeds."""
        return replace(self, selected={**self.selected, model: seed})

    def over_speakers(self) -> "FileEvidence":
        """The same estimates, with resamples over speakers; over utterances for a corpus without speakers.

        Scores of single speakers, and separations, have the same resamples as before: they are about these speakers.
        """
        return replace(self, unit="speakers")

    def speaker_count(self, corpus: str, condition: str = CLEAN) -> int:
        """Number of known speakers of a corpus' test set, or of its augmented utterances if a subset is augmented."""
        test_set = self._corpus(corpus)
        return test_set.speakers_of_augmented if self._part(corpus, condition) == AUGMENTED else test_set.speakers

    def subsets(self) -> dict[str, tuple[int, int]]:
        """For each corpus of which a subset is augmented, the number of its utterances and of all."""
        tested = {corpus: self._corpus(corpus) for corpus in self.files.augmented_utterances}
        return {
            corpus: (int(one.augmented.sum()), len(one.augmented))
            for corpus, one in tested.items()
            if one.augments_a_subset
        }

    def generator(self, *names: str) -> np.random.Generator:
        """Random numbers that depend on the study's seed and the names alone."""
        return statistics.generator(self.evaluation.seed, *names)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions that a corpus has labels for."""
        truth = self._corpus(corpus).truth
        return tuple(name for name in DIMENSIONS if np.isfinite(truth[name]).any())

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """CCC, the mean over the model's seeds: (1 + resamples,).

        Raises:
            MissingEvidenceError: if predictions are missing, or the group has no utterances.
        """
        test_set = self._corpus(corpus)
        part = self._part(corpus, condition)
        if not test_set.rows(dimension, group, part=part).any():
            raise MissingEvidenceError(f"{corpus} has no {part or group} utterances with labels for {dimension}")
        found = self._all(corpus, dimension, group, part)
        key = (model, CLEAN if condition in (ORIGINAL, CLEAN_OF_AUGMENTED) else condition)
        if key not in found:
            raise MissingEvidenceError(f"no predictions of {model} on {corpus} ({condition})")
        return self._mean(model, found[key])

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """CCC by speaker as in figure 8, the mean over draws of a fixed size (section IV-J), with resamples.

        A single draw varies more than the mean over draws. The mean varies as the CCC of all utterances of the speaker,
        so all utterances are resampled. The level of a CCC depends on the size of a draw, so the resamples are shifted
        to the level of the mean.

        Raises:
            MissingEvidenceError: if predictions are missing, or no speaker has enough utterances.
        """
        if (corpus, dimension) not in self.computed.by_speaker:
            self.computed.by_speaker[corpus, dimension] = self._measure_speakers(corpus, dimension)
        by_speaker = self.computed.by_speaker[corpus, dimension]
        if not by_speaker:
            raise MissingEvidenceError(f"no speaker of {corpus} has {self.evaluation.min_samples} labelled utterances")
        if (model, CLEAN) not in next(iter(by_speaker.values())):
            raise MissingEvidenceError(f"no predictions of {model} on {corpus}")
        return {speaker: self._mean(model, rows[model, CLEAN]) for speaker, rows in by_speaker.items()}

    def _mean(self, model: str, found: SeedRows) -> Floats:
        """The mean over the seeds of a model that count, (1 + resamples,)."""
        if model not in self.selected:
            mean: Floats = found.rows.mean(axis=1)
            return mean
        if self.selected[model] not in found.seeds:
            raise MissingEvidenceError(f"no predictions of {model} with seed {self.selected[model]}")
        chosen: Floats = found.rows[:, found.seeds.index(self.selected[model])]
        return chosen

    def dev_curves(self, model: str) -> list[Floats]:
        """Mean dev CCC by epoch, (epochs,) for each seed; evaluations within epochs are left out.

        Raises:
            MissingEvidenceError: if there is no log, or a run finished no epoch.
        """
        logs = [read_epochs(path) for run, path in self.files.training_logs if run.model == model]
        if not logs:
            raise MissingEvidenceError(f"no training log of {model}")
        if any(log.empty for log in logs):
            raise MissingEvidenceError(f"a training of {model} stopped in its first epoch")
        return [log["dev_mean"].to_numpy(dtype=np.float64) for log in logs]

    def separation(self, model: str, attribute: str) -> Floats:
        """How far a model's embeddings separate an attribute: (1 + resamples,).

        The table has an interval for each run. So the resamples are normal draws with the width of this interval,
        independent of those of other models. Intervals of differences are therefore wider than with paired resamples. A
        speaker is in one corpus only, so speakers are distinguished within each corpus, and the results are averaged.
        Runs of one model are measured on the same utterances: the error of their mean is taken as the mean of theirs.

        Raises:
            MissingEvidenceError: if it was not measured.
        """
        rows = self._separation_rows(model, attribute)
        width = 2 * NormalDist().inv_cdf(0.5 + self.evaluation.confidence / 2)
        errors = ((rows["high"] - rows["low"]) / width).groupby(rows["within"]).mean().to_numpy(dtype=np.float64)
        draws = self.generator("separation", model, attribute).standard_normal((self.resamples, len(errors)))
        value = float(rows["value"].mean())
        return np.concatenate([[value], value + draws @ errors / len(errors)])

    def _separation_table(self) -> pd.DataFrame:
        if self.files.separation is None:
            raise MissingEvidenceError("no separation of the embeddings was measured")
        if "" not in self.computed.separation:
            self.computed.separation[""] = pd.read_csv(self.files.separation)
        return self.computed.separation[""]

    def _separation_rows(self, model: str, attribute: str) -> pd.DataFrame:
        table = self._separation_table()
        rows = table[(table["model"] == model) & (table["property"] == attribute)]
        rows = rows[(rows["within"] != "all") if attribute == "speaker" else (rows["within"] == "all")]
        if model in self.selected:
            rows = rows[rows["seed"] == self.selected[model]]
        if rows.empty:
            raise MissingEvidenceError(f"the separation of {attribute} by {model} was not measured")
        return rows

    def average(self, quantity: str, cells: Sequence[Cell]) -> Floats | None:
        """None: everything is computed from the cells."""
        return None

    def utterances(self, corpus: str, condition: str) -> int:
        """Number of utterances with a label that are scored under a condition."""
        test_set, part = self._corpus(corpus), self._part(corpus, condition)
        return max(int(test_set.rows(name, "all", part=part).sum()) for name in DIMENSIONS)

    def embedded_utterances(self, model: str, attribute: str) -> int:
        """Number of utterances that the separation of an attribute is measured on."""
        rows = self._separation_rows(model, attribute)
        return int(rows.loc[rows["seed"] == rows["seed"].iloc[0], "samples"].sum())

    def _corpus(self, corpus: str) -> LabelledTestSet:
        if corpus not in self.computed.tested:
            self.computed.tested[corpus] = read_test_set(self.files, corpus)
        return self.computed.tested[corpus]

    def _part(self, corpus: str, condition: str) -> str:
        """The part of the test set that a condition is scored on: synthesised, augmented if a subset is; else ''."""
        if condition in (ORIGINAL, SYNTHESISED):
            return SYNTHESISED
        of_subset = condition == CLEAN_OF_AUGMENTED or condition_set_of(condition) == AUGMENTED
        return AUGMENTED if of_subset and self._corpus(corpus).augments_a_subset else ""

    def _all(self, corpus: str, dimension: str, group: str, part: str) -> dict[Key, SeedRows]:
        """CCCs of all models and conditions, computed in one pass over the resamples."""
        place = (corpus, dimension, group, part, self.unit)
        if place not in self.computed.rows:
            test_set = self._corpus(corpus)
            rows, whole = test_set.rows(dimension, group, part=part), not test_set.augments_a_subset
            selected = {
                key: runs
                for key, runs in test_set.predictions.items()
                if _applies_to(key[1], group, part, augmented_as_whole=whole)
            }
            self.computed.rows[place] = self._bootstrap(test_set, selected, dimension, rows, (corpus, part or group))
        return self.computed.rows[place]

    def _measure_speakers(self, corpus: str, dimension: str) -> dict[str, dict[Key, SeedRows]]:
        test_set = self._corpus(corpus)
        clean = {key: runs for key, runs in test_set.predictions.items() if key[1] == CLEAN}
        labelled = np.isfinite(test_set.truth[dimension])
        found: dict[str, dict[Key, SeedRows]] = {}
        for speaker in sorted({name for name in test_set.speaker if isinstance(name, str)}):
            rows = labelled & (test_set.speaker == speaker)
            if rows.sum() >= self.evaluation.min_samples:
                place = (corpus, dimension, speaker)
                found[speaker] = self._bootstrap_speaker(test_set.truth[dimension][rows], clean, rows, place)
        return found

    def _bootstrap_speaker(
        self, truth: Floats, predictions: Runs, rows: npt.NDArray[np.bool_], place: tuple[str, str, str]
    ) -> dict[Key, SeedRows]:
        """Mean over draws of a fixed size, and resamples of all utterances shifted to its level: (1 + resamples,)."""
        if not predictions:
            return {}
        corpus, dimension, speaker = place
        series = _series(predictions, dimension, rows)
        drawn, resampled = (
            statistics.bootstrap_cccs(
                truth, series, resamples=self.resamples, rng=self.generator(corpus, kind, speaker), sample_size=draws
            )
            for kind, draws in (("speaker", self.speaker_draws), ("utterances of a speaker", None))
        )
        mean = np.nanmean(drawn, axis=0)
        return _by_key(np.concatenate([mean[None], resampled + mean - np.nanmean(resampled, axis=0)]), predictions)

    def _bootstrap(
        self,
        test_set: LabelledTestSet,
        predictions: Runs,
        dimension: str,
        rows: npt.NDArray[np.bool_],
        place: tuple[str, str],
    ) -> dict[Key, SeedRows]:
        """CCC with its resamples, (1 + resamples, seeds), by model and condition."""
        if not predictions:
            return {}
        truth, series = test_set.truth[dimension][rows], _series(predictions, dimension, rows)
        if self.unit == "speakers" and test_set.speakers:
            resampled = statistics.bootstrap_cccs_by_cluster(
                truth,
                series,
                test_set.clusters[rows],
                resamples=self.resamples,
                rng=self.generator("speakers", *place),
            )
        else:
            rng = self.generator(*place)
            resampled = statistics.bootstrap_cccs(truth, series, resamples=self.resamples, rng=rng)
        first = cccs(np.broadcast_to(truth, series.T.shape), series.T)
        return _by_key(np.concatenate([first[None], resampled]), predictions)


def _series(predictions: Runs, dimension: str, rows: npt.NDArray[np.bool_]) -> Floats:
    """Predictions of one dimension for some utterances, (utterances, runs), in the order of models and conditions."""
    column = DIMENSIONS.index(dimension)
    runs = [run[rows, column] for by_seed in predictions.values() for run in by_seed.values()]
    return np.stack(runs, axis=1).astype(np.float64)


def _by_key(table: Floats, predictions: Runs) -> dict[Key, SeedRows]:
    """Split the table, (1 + resamples, runs), into the seeds of each model and condition."""
    ends = np.cumsum([len(runs) for runs in predictions.values()])[:-1]
    parts = zip(predictions.items(), np.split(table, ends, axis=1), strict=True)
    return {key: SeedRows(tuple(runs), rows) for (key, runs), rows in parts}


def _applies_to(condition: str, group: str, part: str, *, augmented_as_whole: bool) -> bool:
    """Whether a condition is scored on these utterances; for a gender, only the clean condition is scored."""
    if part:
        return condition == CLEAN or condition_set_of(condition) == part
    return condition == CLEAN or (group == "all" and condition != SYNTHESISED and augmented_as_whole)
