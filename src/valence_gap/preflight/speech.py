"""How much speech the splits of a corpus contain, and whether that is what the paper says."""

from dataclasses import dataclass

import pandas as pd

from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.miniature import Miniature
from valence_gap.definitions.values import SPLITS, Split
from valence_gap.preflight.expected import EXPECTED, Expected
from valence_gap.preflight.findings import Finding

DEV_SHARE = 0.2
MINIATURE_MEAN_S, MINIATURE_LONGEST_S = 2.9, 5.3  # utterances of the miniature as it is made today


@dataclass(frozen=True)
class Speech:
    """How much speech a split contains.

    Args:
        seconds: all of it.
        longest_s: its longest utterance.
        utterances: their number.
        transcribed: share of them with a transcript.
        genders: known genders of its speakers; None: not checked.
        most_of_a_speaker: number of utterances of the speaker with the most; None: not checked.
        assumed: the corpus could not be read, and the paper's numbers are used instead; of a miniature that is not
            made yet, the configured ones.
    """

    seconds: float
    longest_s: float
    utterances: int
    transcribed: float
    genders: tuple[str, ...] | None = None
    most_of_a_speaker: int | None = None
    assumed: bool = False

    @property
    def mean_s(self) -> float:
        """Mean length of an utterance in seconds."""
        return self.seconds / max(self.utterances, 1)


def assumed_speech(corpus: Corpus) -> dict[Split, Speech]:
    """Numbers of the paper for a corpus that cannot be read; the paper gives none for dev: a fifth of train is used."""
    found: dict[Split, Speech] = {}
    known = EXPECTED.get(corpus.adapter, {})
    for split in corpus.splits:
        expected = known.get(split)
        if expected is None and split == "dev" and "train" in known:
            expected = Expected(hours=DEV_SHARE * known["train"].hours)
        hours = expected.hours if expected else 0.0
        count = expected.utterances if expected and expected.utterances else round(hours * 3600 / 6)
        transcribed = (expected.transcribed if expected else None) or 0.0
        found[split] = Speech(hours * 3600, 11.0 if hours else 0.0, count, transcribed, assumed=True)
    return found


def planned_speech(corpus: Corpus, miniature: Miniature | None) -> dict[Split, Speech]:
    """The speech of a corpus of the miniature that is not made yet, by its configured numbers of utterances."""
    if miniature is None:
        return {}
    test = {"iemocap": miniature.iemocap, "cmu-mosi": miniature.cmu_mosi}.get(corpus.adapter)
    counts = miniature.msp_podcast if test is None else {"test": test}
    transcribed = miniature.transcribed if test is None else 1.0
    return {
        split: Speech(
            MINIATURE_MEAN_S * counts[split].utterances,
            MINIATURE_LONGEST_S,
            counts[split].utterances,
            transcribed,
            assumed=True,
        )
        for split in SPLITS
        if split in corpus.splits and split in counts
    }


def speech_of(part: pd.DataFrame) -> Speech:
    """The speech of the rows of a split."""
    seconds = part["duration_s"].fillna(0.0)
    return Speech(
        seconds=float(seconds.sum()),
        longest_s=float(seconds.max()) if len(part) else 0.0,
        utterances=len(part),
        transcribed=float(part["transcript"].notna().mean()) if len(part) else 0.0,
        genders=tuple(sorted(part["gender"].dropna().unique())),
        most_of_a_speaker=int(part["speaker"].value_counts().max()) if part["speaker"].notna().any() else 0,
    )


def compare_counts(name: str, split: Split, part: pd.DataFrame, expected: Expected | None) -> Finding:
    """Count the rows of a split, and compare the counts with those of the paper, if it describes this split."""
    speech = speech_of(part)
    known = part["gender"].dropna()
    female = float((known == "female").mean()) if len(known) else None
    per_speaker = part["speaker"].value_counts()
    unknown = int(part["duration_s"].isna().sum())
    found = (
        f"{speech.utterances:,} utterances, {speech.seconds / 3600:.1f} h by headers"
        + (f" ({unknown:,} without a length), " if unknown else ", ")
        + f"{len(per_speaker):,} speakers, "
        + (f"{female:.0%} female, " if female is not None else "gender unknown, ")
        + f"{speech.transcribed:.0%} transcribed"
    )
    if expected is None:
        return Finding(name, split, "ok", found)
    details = []

    def differs(what: str, paper: str) -> None:
        details.append(f"{what}; the paper: {paper}")

    if expected.utterances is not None and speech.utterances != expected.utterances:
        differs(f"{speech.utterances:,} utterances", f"{expected.utterances:,}")
    if abs(speech.seconds / 3600 - expected.hours) > 0.5:
        differs(f"{speech.seconds / 3600:.1f} h", f"{expected.hours:g} h")
    if expected.speakers is not None and len(per_speaker) != expected.speakers:
        differs(f"{len(per_speaker)} speakers", str(expected.speakers))
    if expected.female is not None and (female is None or abs(female - expected.female) > 0.005):
        differs("gender unknown" if female is None else f"{female:.1%} female", f"{expected.female:.0%}")
    if expected.per_speaker and len(per_speaker):
        lowest, highest = int(per_speaker.min()), int(per_speaker.max())
        if (lowest, highest) != expected.per_speaker:
            differs(f"{lowest} to {highest} utterances of a speaker", "{} to {}".format(*expected.per_speaker))
    if expected.transcribed is not None and abs(speech.transcribed - expected.transcribed) > 0.005:
        differs(
            f"{speech.transcribed:.1%} transcribed (figure 4 synthesises these)",
            f"{expected.transcribed:.0%} (footnote 2)",
        )
    return Finding(name, split, "differs" if details else "ok", found, tuple(details))
