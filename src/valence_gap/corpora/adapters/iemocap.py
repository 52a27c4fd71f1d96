"""IEMOCAP: five sessions of two actors, labels in the order valence, arousal, dominance."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import FORK, MALFORMED_TURN, read_lines, read_many
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.errors import UserError, printable

SCALE = (1.0, 5.0)
NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+|nan)"
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
TURN = re.compile(
    rf"\[\s*{NUMBER}\s*-\s*{NUMBER}\s*\]\s+(?P<turn>\S+)\s+\S+\s+"
    rf"\[\s*(?P<valence>{NUMBER})\s*,\s*(?P<arousal>{NUMBER})\s*,\s*(?P<dominance>{NUMBER})\s*\]\s*",
    re.IGNORECASE,
)
# The letter after the session is that of the actor with the sensors. The speaker is the letter of the turn's suffix.
NAME = re.compile(r"(?P<session>Ses\d+)[FM]_.+_(?P<letter>[FM])[A-Z]*\d+")
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
SPOKEN = re.compile(rf"(?P<turn>Ses\S+)\s+\[\s*{NUMBER}\s*-\s*{NUMBER}\s*\]:(?P<text>.*)")
GENDER = {"F": "female", "M": "male"}


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the turns of all sessions; their splits are the sessions, ``session-1`` to ``session-5``, or ``all``.

    Args:
        corpus: the definition.
        paths: ``labels`` is the root with ``Session1`` to ``Session5``; transcripts are read there too unless
            ``transcripts`` is another such root.
        report: counts malformed lines and resource forks.

    Raises:
        UserError: if there are no evaluations below the root.
    """
    root = Path(paths.labels)
    rows = list(_turns(_dialogues(root, "EmoEvaluation", report), root, report))
    if not rows:
        raise UserError(
            "There are no turns of IEMOCAP.",
            [f"{root}: no turn in Session*/dialog/EmoEvaluation/*.txt"],
            "Give the folder that holds Session1 to Session5.",
        )
    entries = pd.DataFrame(rows)
    spoken_root = Path(paths.transcripts) if paths.transcripts else root
    spoken = _transcripts(_dialogues(spoken_root, "transcriptions", report), report)
    report.note("transcript without a turn", sorted(set(spoken) - set(entries["id"])))
    entries["transcript"] = entries["id"].map(spoken).astype("str")
    return entries[[*ENTRY_COLUMNS]]


def _dialogues(root: Path, kind: str, report: Report) -> list[Path]:
    """Return the files of all dialogues, without the sub-folders (which contain the votes of each annotator)."""
    files = sorted(file for file in root.glob(f"Session*/dialog/{kind}/*.txt") if file.is_file())
    report.note(FORK, [str(file.relative_to(root)) for file in files if file.name.startswith(".")])
    return [file for file in files if not file.name.startswith(".")]


def _turns(files: list[Path], root: Path, report: Report) -> Iterator[dict[str, str]]:
    for file in files:
        session = file.relative_to(root).parts[0]
        for number, line in enumerate(read_lines(file, report), start=1):
            if not line.startswith("["):  # the heading, or the vote of one annotator
                continue
            place = f"{printable(file.name)}:{number}"
            found = TURN.fullmatch(line)
            name = found and NAME.fullmatch(found["turn"])
            if not found or not name:
                report.skip(MALFORMED_TURN, [place])
                continue
            turn = found["turn"]
            yield {
                "id": turn,
                "name": f"{turn}.wav",
                "split": printable(session),
                "speaker": f"{name['session']}_{name['letter']}",
                "gender": GENDER[name["letter"]],
                "provenance": place,
                **{dimension: found[dimension] for dimension in ("arousal", "dominance", "valence")},
            }


def _transcripts(files: list[Path], report: Report) -> dict[str, str]:
    """Return the transcripts by turn."""
    spoken: dict[str, str] = {}
    for file, text in zip(files, read_many(files, report, "transcripts"), strict=True):
        for number, line in enumerate(text.split("\n"), start=1):
            found = SPOKEN.fullmatch(line.strip())
            words = " ".join(found["text"].split()) if found else ""
            if found and words and found["turn"] not in spoken:
                spoken[found["turn"]] = words
            elif line.strip():
                report.skip("malformed, empty or repeated transcript line", [f"{file.name}:{number}"])
    return spoken


ADAPTER = Adapter(
    read=read,
    scales=dict.fromkeys(("arousal", "dominance", "valence"), SCALE),
    ignored_dirs=("dialog",),  # whole dialogues
)
