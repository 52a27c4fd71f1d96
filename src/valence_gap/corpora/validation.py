"""What makes a corpus unfit for use, told with everything named at once."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from valence_gap.corpora.audio_files import NO_AUDIO, OUTSIDE, SHARED
from valence_gap.corpora.labels import REMEDY, Scale, out_of_scale_labels
from valence_gap.corpora.report import Occurrences, Report
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS
from valence_gap.runtime.errors import UserError

HALF_COPIED = 0.05  # share of the rows without audio from which on copying must have stopped half-way
LABEL_MISSING, NO_NUMBER = "label missing", "label that is no number"
DUPLICATE = "duplicate"
# By how a reason begins: what to do where it leaves a split without an utterance.
REMEDIES: Mapping[str, str] = {
    NO_AUDIO: "Compare the names in the label file with those of the audio files, extension included, and the audio "
    "folders with where these lie.",
    OUTSIDE: "Name audio files by their paths below an audio folder.",
    SHARED: "Give each audio file a name of its own.",
    LABEL_MISSING: "Leave out a split whose labels are hidden, as those of MSP-Podcast's test-3 are; otherwise fill "
    "its labels in.",
    NO_NUMBER: "Write labels as numbers with a decimal point.",
    DUPLICATE: "Give each utterance and each audio file one row.",
}
NO_ROW = "Correct the definition's splits, or give a label file with rows of each."


def missing_audio(report: Report, read: int) -> tuple[dict[str, Occurrences], int, bool]:
    """The rows of the used splits without an audio file.

    Args:
        report: counts them by reason.
        read: rows that were read.

    Returns:
        The findings by reason, the number of rows, and whether it is that of a half-copied corpus.
    """
    missing = {reason: report.skipped[reason] for reason in (NO_AUDIO, OUTSIDE, SHARED) if reason in report.skipped}
    count = sum(found.count for found in missing.values())
    return missing, count, count > 0 and count >= HALF_COPIED * (count + read)


def shared_ids(entries: pd.DataFrame) -> list[str]:
    """Ids that name several audio files, one line each with the rows."""
    files = entries.drop_duplicates(["id", "audio_root", "file"])
    clashing = files[files.duplicated("id", keep=False)]
    rows = (clashing["provenance"] + " " + clashing["file"]).groupby(clashing["id"], sort=False)
    return [f"id {name} names {len(part)} audio files: {', '.join(part)}" for name, part in rows]


def raise_if_invalid(
    corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report, shared: Sequence[str]
) -> None:
    """Stop where what is left is no sound corpus.

    Args:
        corpus: its definition.
        entries: the rows that can be used.
        scales: of each annotated dimension.
        report: says why the other rows cannot.
        shared: what `shared_ids` found.

    Raises:
        UserError: with every offender.
    """
    offenders = list(shared)
    remedies = (
        ["Make each id unique, or leave the column of the ids out: then the file stands for it."] if shared else []
    )
    for message, what_to_do in _empty_splits(corpus, entries, report):
        offenders.append(message)
        remedies += what_to_do
    missing, count, is_half = missing_audio(report, len(entries))
    if is_half and len(entries) and corpus.on_missing_audio == "fail":
        reasons = "; ".join(found.summary(reason) for reason, found in missing.items())
        offenders.append(f"{count:,} of {count + len(entries):,} rows have no audio file ({reasons})")
        remedies.append(
            "Copy the missing files, or give their folder too: audio is a list. Where the corpus is meant to be so: "
            "on_missing_audio: skip."
        )
    if corpus.out_of_scale == "fail" and (wrong := out_of_scale_labels(_by_place(entries), scales)):
        offenders += wrong
        remedies.append(REMEDY)
    if corpus.speakers_disjoint and (speakers := list(_shared_speakers(entries))):
        offenders += speakers
        remedies.append("Keep a speaker in one split, or set speakers_disjoint: false.")
    if offenders:
        raise UserError(f"{corpus.label} cannot be used as it is.", offenders, "\n".join(dict.fromkeys(remedies)))


def _empty_splits(corpus: Corpus, entries: pd.DataFrame, report: Report) -> Iterator[tuple[str, list[str]]]:
    """Each split without an utterance, and what to do for each reason."""
    for split in SPLITS:
        if split in corpus.splits and not (entries["our_split"] == split).any():
            lost = report.lost(split)
            message = "; ".join(lost.values()) or "no row at all"
            remedies = [remedy for start, remedy in REMEDIES.items() if any(each.startswith(start) for each in lost)]
            yield f"{split}: no usable utterance ({message})", remedies or [NO_ROW]


def _shared_speakers(entries: pd.DataFrame) -> Iterator[str]:
    speakers = entries.dropna(subset=["speaker"]).groupby("speaker")["our_split"]
    for speaker in speakers.nunique().loc[lambda count: count > 1].index:
        counts = speakers.get_group(speaker).value_counts()
        where = ", ".join(f"{split} ({counts[split]} utterances)" for split in SPLITS if split in counts)
        yield f"speaker {speaker} is in more than one split: {where}"


def _by_place(entries: pd.DataFrame) -> pd.DataFrame:
    """The labels under an index that names their file and row."""
    return entries.set_index(entries["provenance"] + " " + entries["id"])
