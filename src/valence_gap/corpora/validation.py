"""Check that a corpus can be used, and report all problems at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from valence_gap.corpora.audio_files import AUDIO_PROBLEMS, NO_AUDIO, NOT_DECODED, NOT_UTF_8, OUTSIDE, SHARED
from valence_gap.corpora.labels import REMEDY, Scale, out_of_scale_labels
from valence_gap.corpora.report import Occurrences, Report
from valence_gap.corpora.text_files import MALFORMED_ROW, MALFORMED_TURN
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import SPLITS
from valence_gap.runtime.errors import UserError

HALF_COPIED = 0.05  # from this share of rows without audio on, the corpus must have been copied incompletely
LOST = 0.05  # from this share of rows that cannot be used on, the table is not what the user means
LABEL_MISSING, NO_NUMBER = "label missing", "label that is no number"
UNCLEAR_COMMA = "label whose comma may be a decimal comma or separate thousands"
MALFORMED = (MALFORMED_ROW, MALFORMED_TURN)
DUPLICATE = "duplicate"
CONFLICT = "with other values"
# By the beginning of a reason: what to do where it leaves a split without an utterance.
REMEDIES: Mapping[str, str] = {
    NO_AUDIO: "Compare the names in the label file with those of the audio files, extension included, and check the "
    "audio folders.",
    OUTSIDE: "Name audio files by their paths below an audio folder.",
    SHARED: "Give each audio file a name of its own.",
    LABEL_MISSING: "Leave out a split whose labels are hidden, as those of MSP-Podcast's test-3 are; otherwise fill "
    "its labels in.",
    NOT_DECODED: "Convert these recordings, for example with ffmpeg -i a.m4a a.wav; the label file may keep the names.",
    NOT_UTF_8: "Rename these files, for example with convmv -f latin1 -t utf8 --notest.",
    NO_NUMBER: "Write labels as numbers with a decimal point.",
    UNCLEAR_COMMA: "Write labels with a decimal point, and without separators of thousands.",
    MALFORMED_ROW: "Give each row as many cells as the first row has. Put cells that contain the separator, such as "
    "decimal commas, in quotation marks.",
    DUPLICATE: "Give each utterance and each audio file one row.",
}
SEGMENT_REMEDY = (
    "Write start and end in seconds from the start of the file. If the files have been cut already, do not read these "
    'columns: columns: {start: "", end: ""}.'
)
NO_ROW = "Correct the definition's splits, or give a label file with rows of each."


def missing_audio(report: Report, read: int) -> tuple[dict[str, Occurrences], int, bool]:
    """Return the rows of the used splits without an audio file.

    Args:
        report: counts them by reason.
        read: rows that were read.

    Returns:
        The findings by reason, the number of rows, and whether that many mean an incomplete copy of the corpus.
    """
    missing = {reason: report.skipped[reason] for reason in AUDIO_PROBLEMS if reason in report.skipped}
    count = sum(found.count for found in missing.values())
    return missing, count, count > 0 and count >= HALF_COPIED * (count + read)


def lost_rows(report: Report, read: int, *, audio: bool) -> tuple[dict[str, Occurrences], int, bool]:
    """Return the rows of the used splits that cannot be used, for whatever reason, and malformed rows of any split.

    A row that repeats another one in every part is no loss.

    Args:
        report: counts them by reason.
        read: rows that were read.
        audio: whether rows without audio count.

    Returns:
        The findings by reason, the number of rows, and whether that many mean that the table is read wrongly.
    """
    lost = {
        reason: found
        for reason, found in report.skipped.items()
        if (found.splits or reason in MALFORMED)
        and (audio or reason not in AUDIO_PROBLEMS)
        and (not reason.startswith(DUPLICATE) or reason.endswith(CONFLICT))
    }
    count = sum(found.count for found in lost.values())
    return lost, count, count > 0 and count >= LOST * (count + read)


def conflicts(report: Report) -> dict[str, Occurrences]:
    """Return the rows that repeat an id or an audio file with other values."""
    return {reason: found for reason, found in report.skipped.items() if reason.endswith(CONFLICT)}


def shared_ids(entries: pd.DataFrame) -> list[str]:
    """Return one line for each id that names several audio files, with the rows."""
    files = entries.drop_duplicates(["id", "audio_root", "file", "start_s", "end_s"])
    clashing = files[files.duplicated("id", keep=False)]
    rows = (clashing["provenance"] + " " + clashing["file"]).groupby(clashing["id"], sort=False)
    return [f"id {name} names {len(part)} audio files: {', '.join(part)}" for name, part in rows]


def raise_if_invalid(
    corpus: Corpus, entries: pd.DataFrame, scales: Mapping[str, Scale], report: Report, problems: Sequence[str]
) -> None:
    """Raise an error if the remaining rows are not a valid corpus.

    Args:
        corpus: its definition.
        entries: the rows that can be used.
        scales: scale of each annotated dimension.
        report: contains why the other rows cannot be used.
        problems: the lines of `shared_ids`, and segments that cannot be cut.

    Raises:
        UserError: with every problem.
    """
    offenders = list(problems)
    ids = [line for line in problems if line.startswith("id ")]
    remedies = ["Make each id unique, or leave the column of the ids out: then the file is the id."] if ids else []
    if len(ids) < len(problems):
        remedies.append(SEGMENT_REMEDY)
    for message, what_to_do in _empty_splits(corpus, entries, report):
        offenders.append(message)
        remedies += what_to_do
    for message, what_to_do in _lost(corpus, len(entries), report):
        offenders.append(message)
        remedies += what_to_do
    if corpus.out_of_scale == "fail" and (wrong := out_of_scale_labels(_by_place(entries), scales)):
        offenders += wrong
        remedies.append(REMEDY)
    if corpus.speakers_disjoint and (speakers := list(_shared_speakers(entries))):
        offenders += speakers
        remedies.append("Keep a speaker in one split, or set speakers_disjoint: false.")
    if offenders:
        raise UserError(f"{corpus.label} cannot be used as it is.", offenders, "\n".join(dict.fromkeys(remedies)))


def _lost(corpus: Corpus, read: int, report: Report) -> Iterator[tuple[str, list[str]]]:
    """Yield why that many rows cannot be used, and what to do."""
    missing, count, is_half = missing_audio(report, read)
    stops_audio = is_half and read > 0 and corpus.on_missing_audio == "fail"
    if stops_audio:
        yield (
            f"{count:,} of {count + read:,} rows have no audio file ({_reasons(missing)})",
            [
                "Copy the missing files, or give their folder too: audio is a list. If the files are meant to be "
                "missing, set on_missing_audio: skip.",
                *_remedies(missing.keys() - {NO_AUDIO}),
            ],
        )
    if corpus.on_lost_rows == "skip":
        return
    audio = not stops_audio and corpus.on_missing_audio == "fail"
    lost, count, is_much = lost_rows(report, read, audio=audio)
    contradicting = conflicts(report)
    if is_much and read > 0:
        yield (
            f"{count:,} of {count + read:,} rows cannot be used ({_reasons(lost)})",
            [*_remedies(lost), "If these rows are meant to be left out, set on_lost_rows: skip."],
        )
    elif contradicting:
        yield (
            f"rows contradict each other ({_reasons(contradicting)})",
            [*_remedies(contradicting), "To use the first row of each, set on_lost_rows: skip."],
        )


def _reasons(found: Mapping[str, Occurrences]) -> str:
    return "; ".join(each.summary(reason) for reason, each in found.items())


def _remedies(reasons: Iterable[str]) -> list[str]:
    """Return what to do for each reason."""
    found = sorted(reasons)
    return [remedy for start, remedy in REMEDIES.items() if any(each.startswith(start) for each in found)]


def _empty_splits(corpus: Corpus, entries: pd.DataFrame, report: Report) -> Iterator[tuple[str, list[str]]]:
    """Yield each split without an utterance, and what to do for each reason."""
    for split in SPLITS:
        if split in corpus.splits and not (entries["our_split"] == split).any():
            lost = report.lost(split)
            message = "; ".join(lost.values()) or "no row at all"
            yield f"{split}: no usable utterance ({message})", _remedies(lost) or [NO_ROW]


def _shared_speakers(entries: pd.DataFrame) -> Iterator[str]:
    speakers = entries.dropna(subset=["speaker"]).groupby("speaker")["our_split"]
    for speaker in speakers.nunique().loc[lambda count: count > 1].index:
        counts = speakers.get_group(speaker).value_counts()
        where = ", ".join(f"{split} ({counts[split]} utterances)" for split in SPLITS if split in counts)
        yield f"speaker {speaker} is in more than one split: {where}"


def _by_place(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the labels under an index that names their file and row."""
    return entries.set_index(entries["provenance"] + " " + entries["id"])
