"""Check that a corpus can be used, and report all problems at once."""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from valence_gap.corpora.audio_files import NO_AUDIO, OUTSIDE, SHARED
from valence_gap.corpora.labels import REMEDY, Scale, out_of_scale_labels
from valence_gap.corpora.report import Occurrences, Report
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS
from valence_gap.runtime.errors import UserError

HALF_COPIED = 0.05  # from this share of rows without audio on, the corpus must have been copied incompletely
LABEL_MISSING, NO_NUMBER = "label missing", "label that is no number"
DUPLICATE = "duplicate"
# By the beginning of a reason: what to do where it leaves a split without an utterance.
REMEDIES: Mapping[str, str] = {
    NO_AUDIO: "Compare the names in the label file with those of the audio files, extension included, and check the "
    "audio folders.",
    OUTSIDE: "Name audio files by their paths below an audio folder.",
    SHARED: "Give each audio file a name of its own.",
    LABEL_MISSING: "Leave out a split whose labels are hidden, as those of MSP-Podcast's test-3 are; otherwise fill "
    "its labels in.",
    NO_NUMBER: "Write labels as numbers with a decimal point.",
    DUPLICATE: "Give each utterance and each audio file one row.",
}
NO_ROW = "Correct the definition's splits, or give a label file with rows of each."


def missing_audio(report: Report, read: int) -> tuple[dict[str, Occurrences], int, bool]:
    """Return the rows of the used splits without an audio file.

    Args:
        report: counts them by reason.
        read: rows that were read.

    Returns:
        The findings by reason, the number of rows, and whether that many mean an incomplete copy of the corpus.
    """
    missing = {reason: report.skipped[reason] for reason in (NO_AUDIO, OUTSIDE, SHARED) if reason in report.skipped}
    count = sum(found.count for found in missing.values())
    return missing, count, count > 0 and count >= HALF_COPIED * (count + read)


def shared_ids(entries: pd.DataFrame) -> list[str]:
    """Return one line for each id that names several audio files, with the rows."""
    files = entries.drop_duplicates(["id", "audio_root", "file"])
    clashing = files[files.duplicated("id", keep=False)]
    rows = (clashing["provenance"] + " " + clashing["file"]).groupby(clashing["id"], sort=False)
    return [f"id {name} names {len(part)} audio files: {', '.join(part)}" for name, part in rows]


def raise_if_invalid(
    corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report, shared: Sequence[str]
) -> None:
    """Raise an error if the remaining rows are not a valid corpus.

    Args:
        corpus: its definition.
        entries: the rows that can be used.
        scales: scale of each annotated dimension.
        report: contains why the other rows cannot be used.
        shared: the lines of `shared_ids`.

    Raises:
        UserError: with every problem.
    """
    offenders = list(shared)
    remedies = ["Make each id unique, or leave the column of the ids out: then the file is the id."] if shared else []
    for message, what_to_do in _empty_splits(corpus, entries, report):
        offenders.append(message)
        remedies += what_to_do
    missing, count, is_half = missing_audio(report, len(entries))
    if is_half and len(entries) and corpus.on_missing_audio == "fail":
        reasons = "; ".join(found.summary(reason) for reason, found in missing.items())
        offenders.append(f"{count:,} of {count + len(entries):,} rows have no audio file ({reasons})")
        remedies.append(
            "Copy the missing files, or give their folder too: audio is a list. If the files are meant to be missing, "
            "set on_missing_audio: skip."
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
    """Yield each split without an utterance, and what to do for each reason."""
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
    """Return the labels under an index that names their file and row."""
    return entries.set_index(entries["provenance"] + " " + entries["id"])
