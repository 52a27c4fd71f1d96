"""The corpora as the paper describes them (section III-C; footnote 2 for the transcripts; III-D for ESC-50)."""

from collections.abc import Mapping
from dataclasses import dataclass

from valence_gap.definitions.values import Split

PAPER_RELEASE = "1.7"
ESC_50_CLIPS = 400  # of each major class: 10 categories of 40 clips
NOT_COMPARABLE = (
    "every CCC in the paper: all its models were trained on the train split of 1.7",
    "in-domain CCCs (published marks of figures 2, 6 to 9, table 3, state of the art): another test set",
    "figures 8 (speakers) and 4 (transcribed part of the test set): other speakers and utterances",
    "Comparisons within this study stay valid. Set published: false of figures 2 and 6 to 9 and of table 3, and "
    "claims.references: null, or use the labels and partitions of 1.7, which later releases include.",
)


@dataclass(frozen=True)
class Expected:
    """One split as the paper describes it; None if it does not say."""

    hours: float
    utterances: int | None = None
    speakers: int | None = None
    female: float | None = None
    per_speaker: tuple[int, int] | None = None
    transcribed: float | None = None


EXPECTED: Mapping[str, Mapping[Split, Expected]] = {
    "msp-podcast": {
        "train": Expected(hours=62),
        "test": Expected(
            hours=21, utterances=12_902, speakers=60, female=0.54, per_speaker=(42, 912), transcribed=0.55
        ),
    },
    "iemocap": {"test": Expected(hours=12, utterances=10_039, speakers=10, female=0.49)},
    "cmu-mosi": {"test": Expected(hours=1, utterances=685, female=0.51)},
}
