"""The files with scores, and the test set of a corpus with its labels and all predictions for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.audio.skipped import drop_skipped, skipped_ids
from valence_gap.audio.subsets import covered
from valence_gap.claims.evidence import AUGMENTED, MissingEvidenceError, condition_set_of
from valence_gap.definitions.evaluation import SYNTHESISED
from valence_gap.definitions.figures import Run
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import progress
from valence_gap.scores.metrics import Floats
from valence_gap.scores.speaker_bootstrap import speaker_codes

MAX_LISTED = 20
Key = tuple[str, str]  # model and condition
Runs = Mapping[Key, Mapping[int, npt.NDArray[np.float32]]]  # by seed


@dataclass(frozen=True)
class EvidenceFiles:
    """The files that claims are judged by.

    Attributes:
        predictions: Parquet files by run; a run may have several (sets of conditions).
        labels: label tables by corpus.
        utterances: utterance tables by corpus.
        training_logs: training.csv by run.
        separation: table of how far embeddings separate attributes.
        convergence: which models fail the stopping rule (JSON).
        pack_indexes: by corpus whose bad audio is skipped, the index of the clean pack.
        augmented_utterances: by corpus how many utterances of the test set are augmented, where that is not all.
    """

    predictions: tuple[tuple[Run, Path], ...] = ()
    labels: Mapping[str, Path] = field(default_factory=dict)
    utterances: Mapping[str, Path] = field(default_factory=dict)
    training_logs: tuple[tuple[Run, Path], ...] = ()
    separation: Path | None = None
    convergence: Path | None = None
    pack_indexes: Mapping[str, Path] = field(default_factory=dict)
    augmented_utterances: Mapping[str, int] = field(default_factory=dict)

    def named(self) -> dict[str, Path]:
        """Return the files by a name that does not depend on their location."""
        found = {f"predictions/{run.model}:{run.seed}:{run.corpus}/{path.name}": path for run, path in self.predictions}
        found |= {f"labels/{corpus}": path for corpus, path in self.labels.items()}
        found |= {f"utterances/{corpus}": path for corpus, path in self.utterances.items()}
        found |= {f"pack index/{corpus}": path for corpus, path in self.pack_indexes.items()}
        found |= {f"training logs/{run.model}:{run.seed}": path for run, path in self.training_logs}
        tables = {"separation": self.separation, "convergence": self.convergence}
        return found | {name: path for name, path in tables.items() if path}


@dataclass(frozen=True)
class LabelledTestSet:
    """The test set of a corpus with all predictions for it.

    Attributes:
        truth: labels by dimension, (utterances,) each; NaN where not annotated.
        gender: 'female', 'male' or None, (utterances,).
        speaker: name or None, (utterances,).
        predictions: by model and condition, for each seed: (utterances, dimensions); NaN where there is none.
    """

    truth: Mapping[str, Floats]
    gender: npt.NDArray[Any]
    speaker: npt.NDArray[Any]
    predictions: Runs

    @cached_property
    def synthesised(self) -> npt.NDArray[np.bool_]:
        """Mask of the utterances that every model predicted from synthesised speech, (utterances,)."""
        return self._predicted(SYNTHESISED)

    @cached_property
    def augmented(self) -> npt.NDArray[np.bool_]:
        """Mask of the utterances that every model predicted under every augmentation, (utterances,)."""
        return self._predicted(AUGMENTED)

    @cached_property
    def augments_a_subset(self) -> bool:
        """Whether there are augmentations, and they do not cover the whole test set."""
        return bool(self.augmented.any() and not self.augmented.all())

    def _predicted(self, conditions: str) -> npt.NDArray[np.bool_]:
        """Mask of the utterances that every model predicted under all conditions of a set; none without predictions."""
        own = [
            one
            for (_, name), runs in self.predictions.items()
            if condition_set_of(name) == conditions
            for one in runs.values()
        ]
        if not own:
            return np.zeros(len(self.gender), bool)
        found: npt.NDArray[np.bool_] = np.all([np.isfinite(one).all(axis=1) for one in own], axis=0)
        return found

    def rows(self, dimension: str, group: str, *, part: str = "") -> npt.NDArray[np.bool_]:
        """Mask of the labelled utterances of a group (all, female or male).

        Args:
            dimension: whose labels count.
            group: of the speakers.
            part: ``synthesised`` or ``augmented``: only the utterances that are; '': the whole test set.
        """
        rows = np.isfinite(self.truth[dimension])
        if group != "all":
            rows = rows & (self.gender == group)
        return rows & {SYNTHESISED: self.synthesised, AUGMENTED: self.augmented}[part] if part else rows

    @cached_property
    def clusters(self) -> npt.NDArray[np.int64]:
        """The number of each utterance's speaker, (utterances,); an utterance without one is a speaker of its own."""
        return speaker_codes(self.speaker)

    @property
    def speakers(self) -> int:
        """Number of known speakers."""
        return _count(self.speaker)

    @property
    def speakers_of_augmented(self) -> int:
        """Number of known speakers of the augmented utterances."""
        return _count(self.speaker[self.augmented])


def _count(speakers: npt.NDArray[Any]) -> int:
    return len({name for name in speakers if isinstance(name, str)})


def read_test_set(files: EvidenceFiles, corpus: str) -> LabelledTestSet:
    """Read labels, utterances and predictions of a corpus, in the order of its utterances, without skipped ones.

    Raises:
        MissingEvidenceError: if its labels or utterances are not among the files.
        UserError: if predictions do not fit the utterances.
    """
    if corpus not in files.labels or corpus not in files.utterances:
        raise MissingEvidenceError(f"no labels of {corpus}")
    utterances = pd.read_parquet(files.utterances[corpus], columns=["id", "gender", "speaker"])
    skipped = skipped_ids(utterances["id"], files.pack_indexes.get(corpus), corpus)
    utterances = drop_skipped(skipped, utterances)
    labels = pd.read_parquet(files.labels[corpus]).set_index("id").reindex(utterances["id"])
    ids = pd.Index(utterances["id"])
    predictions: dict[Key, dict[int, npt.NDArray[np.float32]]] = {}
    own = [(run, path) for run, path in files.predictions if run.corpus == corpus]
    for run, path in progress(own, f"predictions on {corpus}", unit="files"):
        table = drop_skipped(skipped, pd.read_parquet(path))
        for condition, rows in table.groupby("condition", sort=False):
            where = f"{run.model}, seed {run.seed}, on {corpus} ({condition})"
            _check(rows["id"], ids, where, str(condition), files.augmented_utterances.get(corpus))
            aligned = rows.set_index("id").reindex(ids)[list(DIMENSIONS)].to_numpy(dtype=np.float32)
            predictions.setdefault((run.model, str(condition)), {})[run.seed] = aligned
    return LabelledTestSet(
        truth={name: labels[name].to_numpy(dtype=np.float64) for name in DIMENSIONS},
        gender=utterances["gender"].to_numpy(dtype=object),
        speaker=utterances["speaker"].to_numpy(dtype=object),
        predictions=predictions,
    )


def _check(found: "pd.Series[str]", ids: "pd.Index[str]", where: str, condition: str, augmented: int | None) -> None:
    """Check that every utterance is predicted once.

    Synthesised speech may cover only some utterances, and augmentations as many as the study augments.
    """
    wrong = [f"unknown: {one}" for one in found[~found.isin(ids)]]
    wrong += [f"twice: {one}" for one in found[found.duplicated()]]
    if condition_set_of(condition) == AUGMENTED and augmented is not None:
        expected = covered(augmented, len(ids))
        wrong += [f"{len(found)} utterances instead of {expected}"] if len(found) != expected else []
    elif condition_set_of(condition) != SYNTHESISED:
        wrong += [f"missing: {one}" for one in ids[~ids.isin(found)]]
    if wrong:
        more = [f"... and {len(wrong) - MAX_LISTED} more"] if len(wrong) > MAX_LISTED else []
        raise UserError(
            f"predictions of {where} do not fit the utterances",
            [*wrong[:MAX_LISTED], *more],
            "run the prediction again",
        )
