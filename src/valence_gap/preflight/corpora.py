"""Check the corpora on disk: whether their paths exist, they can be read, and they are as the paper describes."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from valence_gap.corpora.audio_files import TRUNCATED, UNREADABLE
from valence_gap.corpora.esc50 import clips
from valence_gap.corpora.inventory import check_exist
from valence_gap.corpora.prepare import adapter_of
from valence_gap.corpora.report import Occurrences as Reported
from valence_gap.corpora.report import Report
from valence_gap.corpora.utterances import MIXED_RATES, NO_SPLIT, build_corpus_table
from valence_gap.corpora.validation import conflicts, lost_rows, missing_audio
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.registry import ADAPTERS
from valence_gap.definitions.split_names import normalise_split_name
from valence_gap.definitions.values import SPLITS, Split
from valence_gap.preflight.expected import ESC_50_CLIPS, EXPECTED, NOT_COMPARABLE, PAPER_RELEASE
from valence_gap.preflight.findings import Finding, Status
from valence_gap.preflight.speech import Speech, assumed_speech, compare_counts, speech_of
from valence_gap.runtime.errors import UserError, first_lines, valid_names

# Audio that `pack-audio` refuses, or leaves out with on_bad_audio: skip.
BAD_AUDIO = (UNREADABLE, TRUNCATED, "audio without a sample")
SHOWN_SPEAKERS = 5
SHOWN_OFFENDERS = 10


def examine_corpus(
    name: str, corpus: Corpus, paths: CorpusPaths, *, paper: bool
) -> tuple[list[Finding], dict[Split, Speech]]:
    """Read a corpus as the workflow will, write nothing, and decode no audio (headers are read).

    Args:
        name: its name in the study.
        corpus: its definition.
        paths: its folders and files.
        paper: compare it with its description in the paper.

    Returns:
        What was found, and the speech in each split.
    """
    if corpus.adapter not in ADAPTERS:
        found = Finding(name, "adapter", "wrong", f"no adapter {corpus.adapter}", (valid_names(ADAPTERS),))
        return [found], assumed_speech(corpus)
    try:
        check_exist(paths)
    except UserError as error:
        return [_refused(name, "place", error)], assumed_speech(corpus)
    findings = [Finding(name, "place", "ok", f"labels at {paths.labels}")]
    report = Report()
    # Missing audio, lost rows, shared speakers and labels outside their scale are findings here. They must not stop the
    # reading.
    lenient = replace(
        corpus, on_missing_audio="skip", on_lost_rows="skip", speakers_disjoint=False, out_of_scale="keep"
    )
    try:
        rows = build_corpus_table(lenient, paths, adapter_of(corpus.adapter), report)
    except UserError as error:
        return [*findings, _refused(name, "labels", error)], assumed_speech(corpus)
    except OSError as error:
        return [*findings, Finding(name, "labels", "wrong", str(error))], assumed_speech(corpus)
    findings += [
        _labels(name, corpus, report),
        *_files(name, corpus, report, len(rows)),
        *_rows(name, corpus, report, len(rows)),
        *_speakers(name, corpus, rows),
        *_doubts(name, report),
    ]
    speech = {split: speech_of(rows[rows["our_split"] == split]) for split in SPLITS if split in corpus.splits}
    if paper:
        findings += _release(name, corpus, rows, report)
    for split in speech:
        part = rows[rows["our_split"] == split]
        expected = EXPECTED.get(corpus.adapter, {}).get(split) if paper and _is_the_papers(corpus, split) else None
        findings.append(compare_counts(name, split, part, expected))
    return findings, speech


def examine_noise(root: Path, *, paper: bool) -> Finding:
    """Whether the noise corpus is complete."""
    try:
        found = clips(root)
    except (UserError, OSError) as error:
        return _refused("noise", "clips", error if isinstance(error, UserError) else UserError(str(error)))
    counts = ", ".join(f"{len(files):,} {major}" for major, files in found.items())
    if paper and any(len(files) != ESC_50_CLIPS for files in found.values()):
        return Finding("noise", "clips", "differs", counts, (f"ESC-50 has {ESC_50_CLIPS} clips of each major class.",))
    return Finding("noise", "clips", "ok", counts)


def _refused(name: str, check: str, error: UserError) -> Finding:
    offenders = first_lines(error.offenders, SHOWN_OFFENDERS)
    return Finding(name, check, "wrong", error.what, (*offenders, *filter(None, [error.remedy])))


def _is_the_papers(corpus: Corpus, split: Split) -> bool:
    """Whether a split is the one that the paper describes."""
    if corpus.adapter == "msp-podcast":
        return corpus.release == PAPER_RELEASE and normalise_split_name(
            str(corpus.splits[split])
        ) == normalise_split_name({"train": "train", "dev": "validation", "test": "test-1"}[split])
    return normalise_split_name(str(corpus.splits[split])) == {"iemocap": "all", "cmu-mosi": "test"}.get(corpus.adapter)


def _release(name: str, corpus: Corpus, rows: pd.DataFrame, report: Report) -> list[Finding]:
    if corpus.adapter != "msp-podcast":
        return []
    if corpus.release == PAPER_RELEASE:
        if later := _later(rows, report):
            found = f"configured as {PAPER_RELEASE}, but it looks like a later one. Then not comparable with the paper:"
            return [Finding(name, "release", "differs", found, (*later, *NOT_COMPARABLE))]
        return [Finding(name, "release", "ok", "1.7, the paper's")]
    found = f"{corpus.release or 'unknown'}; the paper uses {PAPER_RELEASE}. Not comparable with it:"
    return [Finding(name, "release", "differs", found, NOT_COMPARABLE)]


def _later(rows: pd.DataFrame, report: Report) -> list[str]:
    """Signs of a release after that of the paper."""
    signs = []
    if rows["provenance"].str.lower().str.startswith("labels_consensus").any():
        signs.append("the label file is named labels_consensus.csv, as from 1.10 on (before: labels_concensus.csv)")
    if any(normalise_split_name(reason).startswith("splittest3") for reason in report.noted):
        signs.append("there is a split Test3")
    return signs


def _labels(name: str, corpus: Corpus, report: Report) -> Finding:
    outside = {reason: found for reason, found in report.noted.items() if "outside its scale" in reason}
    bad = {reason: found for reason, found in report.skipped.items() if "label" in reason or "malformed" in reason}
    count = sum(found.count for found in outside.values())
    details = (
        *_summaries({reason.removesuffix(", kept"): found for reason, found in outside.items()}),
        *_summaries(bad),
    )
    if count and corpus.out_of_scale == "fail":
        remedy = f"Set corpora.{name}.out_of_scale: keep or clip, or correct the labels."
        return Finding(name, "labels", "wrong", f"{count:,} labels outside their scale", (*details, remedy))
    if count or bad:
        lost = sum(found.count for found in bad.values())
        handled = {"keep": "kept", "clip": "clipped", "fail": ""}[corpus.out_of_scale]
        found = f"{count:,} outside their scale, {handled}" if count else "all within their scale"
        return Finding(name, "labels", "differs" if bad else "ok", f"{found}; {lost:,} rows unusable", details)
    return Finding(name, "labels", "ok", "all readable and within their scale")


def _files(name: str, corpus: Corpus, report: Report, read: int) -> list[Finding]:
    missing, count, is_half = missing_audio(report, read)
    findings = [Finding(name, "audio files", "ok", "every row of the used splits has its file")]
    if missing:
        is_half = is_half and corpus.on_missing_audio == "fail"
        remedy = f"Copy the missing files, or add their folder: paths.{name}.audio is a list."
        if is_half:
            remedy += f" If the corpus is meant to be incomplete, set corpora.{name}.on_missing_audio: skip."
        found = f"{count:,} of {count + read:,} rows without a file, left out"
        findings = [
            Finding(name, "audio files", "wrong" if is_half else "differs", found, (*_summaries(missing), remedy)),
        ]
    unreadable = {reason: found for reason, found in report.noted.items() if reason in BAD_AUDIO}
    if unreadable:
        count = sum(found.count for found in unreadable.values())
        copy = "Copy the truncated ones again. " if TRUNCATED in unreadable else ""
        remedy = f"{copy}Repair the files, or set corpora.{name}.on_bad_audio: skip."
        status: Status = "wrong" if corpus.on_bad_audio == "fail" else "differs"
        findings.append(
            Finding(name, "audio headers", status, f"{count:,} bad files", (*_summaries(unreadable), remedy))
        )
    rates = {reason: found for reason, found in report.noted.items() if reason.endswith(MIXED_RATES)}
    if rates:
        harmless = "Harmless: all are resampled to 16 kHz; recordings at a lower rate lack the highest frequencies."
        findings.append(
            Finding(name, "sampling rates", "ok", f"{len(rates)} different rates", (*_summaries(rates), harmless))
        )
    return findings


def _rows(name: str, corpus: Corpus, report: Report, read: int) -> list[Finding]:
    """Whether many rows cannot be used, or rows contradict each other."""
    lost, count, is_much = lost_rows(report, read, audio=corpus.on_missing_audio == "fail")
    if not lost:
        return []
    contradicting = conflicts(report)
    stops = (is_much or bool(contradicting)) and corpus.on_lost_rows == "fail"
    remedies = [f"If they are meant to be left out, set corpora.{name}.on_lost_rows: skip."] if stops else []
    found = f"{count:,} of {count + read:,} rows cannot be used" + (" or contradict others" if contradicting else "")
    return [Finding(name, "rows", "wrong" if stops else "differs", found, (*_summaries(lost), *remedies))]


def _doubts(name: str, report: Report) -> list[Finding]:
    """What was interpreted, and what makes numbers of this corpus doubtful."""
    noted = {reason: report.noted[reason] for reason in sorted(report.shown)}
    noted |= {reason: found for reason, found in report.skipped.items() if reason == NO_SPLIT}
    findings = [Finding(name, "interpreted", "differs", f"{len(noted)} kinds", _summaries(noted))] if noted else []
    if report.warnings:
        first, *others = report.warnings
        findings.append(Finding(name, "doubtful", "differs", first, tuple(others)))
    return findings


def _speakers(name: str, corpus: Corpus, rows: pd.DataFrame) -> list[Finding]:
    splits = rows.dropna(subset=["speaker"]).groupby("speaker")["our_split"].nunique()
    shared = [str(speaker) for speaker in splits[splits > 1].index]
    if shared:
        status: Status = "wrong" if corpus.speakers_disjoint else "differs"
        remedy = f"Keep a speaker in one split, or set corpora.{name}.speakers_disjoint: false."
        return [
            Finding(
                name,
                "speakers",
                status,
                f"{len(shared):,} are in more than one split",
                (*first_lines(shared, SHOWN_SPEAKERS), remedy),
            )
        ]
    if len(corpus.splits) < 2:
        return []
    unknown = int(rows["speaker"].isna().sum())
    if not unknown:
        return [Finding(name, "speakers", "ok", "none is in two splits")]
    known = rows["speaker"].nunique()
    found = f"{known:,} known, none of them in two splits; not known for {unknown:,} of {len(rows):,} utterances"
    if rows.loc[rows["speaker"].notna(), "our_split"].nunique() < 2:
        counts = f"{unknown:,} of {len(rows):,} utterances have none"
        found = f"{known:,} known: whether one is in two splits cannot be checked ({counts})"
    remedy = f"If they are known, give them: a column speaker, or paths.{name}.speakers."
    return [Finding(name, "speakers", "unknown", found, (remedy,))]


def _summaries(findings: dict[str, Reported]) -> tuple[str, ...]:
    """One line for each reason, with examples."""
    return tuple(found.summary(reason) for reason, found in findings.items())
