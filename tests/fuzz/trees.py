"""Small valid corpora in their real formats, as bytes by path, and an independent count of their rows."""

import codecs
import csv
import io
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import soundfile

from valence_gap.definitions.corpora import Corpus, CorpusPaths

MSP_LABELS = """FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0008.wav,N,2.2,4.0,2.6,30,Male,Test1
MSP-PODCAST_0002_0001.wav,N,1.0,7.0,4.0,Unknown,Unknown,Train
MSP-PODCAST_0003_0001.wav,H,5.5,1.0,2.5,12,Female,Validation
MSP-PODCAST_0004_0001.wav,H,3.5,2.0,2.5,13,Female,
MSP-PODCAST_0005_0001.wav,H,3.5,2.0,2.5,,,Test2
"""
MSP_SPEAKERS = "Speaker_30; Male\nSpeaker_77; Female\n\nMSP-PODCAST_0002_0001.wav; 77\n"
MSP_NAMES = [f"MSP-PODCAST_{name}.wav" for name in ("0001_0008", "0002_0001", "0003_0001", "0004_0001", "0005_0001")]

IEMOCAP_EVALUATION = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.0000, 3.0000, 4.0000]
C-E2:\tNeutral;\t()
A-E3:\tval 3; act 2; dom  2;\t()

[10.0100 - 11.3925]\tSes01F_impro01_M000\txxx\t[1.0000, 5.0000, 5.5000]
C-E2:\tNeutral;\t()

[12.0 - 13.0]\tSes01F_impro01_M001\tneu\t[2.5, 2.5, 2.5]
[16.0 - 17.0]\tSes01F_impro01_M003\tneu\t[2.5, 2.5, 2.5]
"""
IEMOCAP_TRANSCRIPTION = """Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
Ses01F_impro01_M000 [010.0100-011.3925]:
M: Mm-hmm.
"""
IEMOCAP_TURNS = [f"Ses01F_impro01_{turn}" for turn in ("F000", "M000", "M001", "M003")]

MOSI_LABELS = """0.1,1.2,tmZoasNr4rU,1,2.4
1.2,3.0,tmZoasNr4rU,2,-3.0
0.0,2.0,f_pcplsH_V0,1,0.0
0.0,2.0,-THoVjtIkeU,1,1.6
0.0,2.0,c5xsKMxpXnc,10,0.2
"""
MOSI_GENDERS = "file,gender\nAudio/tmZoasNr4rU.wav,female\nAudio/f_pcplsH_V0.wav,male\n"
MOSI_TRANSCRIPT = "1_DELIM_I LOVED IT\n2_DELIM_\nnonsense\n"
MOSI_NAMES = ["tmZoasNr4rU_1", "tmZoasNr4rU_2", "f_pcplsH_V0_1", "-THoVjtIkeU_1", "c5xsKMxpXnc_10"]

TABLE = """file,id,split,speaker,gender,transcript,valence,dominance,arousal
a.wav,one,train,ann,f,"hello, you",0.5,1,2
b.wav,two,test,bob,M,,-1,10,0
./c.wav,,dev,,,Unknown,1,0,10
sub/d.wav,four,train,ann,f,"so ""he"" said",0.1,2,3
é.wav,five,test,bob,M,"two
lines",0.2,3,4
"""
TABLE_NAMES = ["a.wav", "b.wav", "c.wav", "sub/d.wav", "é.wav"]

AUDFORMAT = """name: tiny
source: ''
usage: unrestricted
languages: []
schemes:
  arousal: {dtype: float, minimum: 1.0, maximum: 7.0}
  dominance: {dtype: float, minimum: 1.0, maximum: 7.0}
  valence: {dtype: float, minimum: 1.0, maximum: 7.0}
  part: {dtype: str}
  speaker:
    dtype: int
    labels:
      1: {gender: female}
      2: {gender: male}
  words: {dtype: str}
tables:
  emotion:
    type: filewise
    columns:
      arousal: {scheme_id: arousal}
      dominance: {scheme_id: dominance}
      part: {scheme_id: part}
      valence: {scheme_id: valence}
  files:
    type: filewise
    columns:
      speaker: {scheme_id: speaker}
      words: {scheme_id: words}
"""
AUDFORMAT_EMOTION = """file,arousal,dominance,part,valence
a.wav,1.0,2.0,train,7.0
b.wav,2.5,2.0,test,1.0
sub/c.wav,3.0,5.0,dev,4.0
é.wav,4.5,6.0,train,2.0
"""
AUDFORMAT_FILES = """file,speaker,words
sub/c.wav,2,"well, that is it"
a.wav,1,
b.wav,1,so
"""
AUDFORMAT_NAMES = ["a.wav", "b.wav", "sub/c.wav", "é.wav"]

ESC50 = "filename,fold,target,category,esc10,src_file,take\n" + "".join(
    f"1-10003{target}-A-{target}.wav,1,{target},kind,False,10003{target},A\n" for target in (0, 10, 15, 20, 30, 45)
)
ESC50_NAMES = [line.split(",")[0] for line in ESC50.splitlines()[1:]]


@dataclass(frozen=True)
class CorpusTree:
    """A corpus.

    Attributes:
        adapter: its reader.
        texts: the files that are corrupted, by path; `.csv` are tables.
        audio: the paths of its audio, below the audio folder.
        paths: the paths of its parts below the tree.
        definition: the rest of its definition.
        label_file: the file whose rows are utterances.
        header: whether its first row names the columns.
    """

    adapter: str
    texts: dict[str, str]
    audio: list[str]
    paths: dict[str, str]
    definition: dict[str, object] = field(default_factory=dict)
    label_file: str = ""
    header: bool = True

    def write(self, root, contents=None):
        """Write the label tree without its audio; a file whose content is None is left out."""
        for name, text in {**self.texts, **(contents or {})}.items():
            if text is not None:
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def given(self, root, audio):
        """Return the paths of its definition."""
        return CorpusPaths(audio=(str(audio),), **{role: str(root / path) for role, path in self.paths.items()})

    def corpus(self, **settings):
        """Return its definition. In a corpus of a few rows, one lost row would exceed the limit."""
        return Corpus(
            adapter=self.adapter, label=self.adapter, **{"on_lost_rows": "skip", **self.definition, **settings}
        )


SPLITS = {"train": "train", "dev": "validation", "test": "test-1"}
TREES = {
    "msp-podcast": CorpusTree(
        "msp-podcast",
        {
            "Labels/labels_consensus.csv": MSP_LABELS,
            "Partitions.txt": "Train; MSP-PODCAST_0004_0001.wav\nTest1; MSP-PODCAST_0001_0008.wav\n",
            "Speaker_ids.txt": MSP_SPEAKERS,
            "Transcripts/MSP-PODCAST_0001_0008.txt": "well, that is it\n",
        },
        MSP_NAMES,
        {"labels": ".", "transcripts": "Transcripts"},
        {"splits": SPLITS, "speakers_disjoint": False},
        "Labels/labels_consensus.csv",
    ),
    "iemocap": CorpusTree(
        "iemocap",
        {
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": IEMOCAP_EVALUATION,
            "Session1/dialog/transcriptions/Ses01F_impro01.txt": IEMOCAP_TRANSCRIPTION,
        },
        [f"Session1/sentences/wav/Ses01F_impro01/{turn}.wav" for turn in IEMOCAP_TURNS],
        {"labels": "."},
        {"splits": {"test": "all"}},
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
    ),
    "cmu-mosi": CorpusTree(
        "cmu-mosi",
        {
            "Labels/OpinionLevelSentiment.csv": MOSI_LABELS,
            "gender.csv": MOSI_GENDERS,
            "Transcript/tmZoasNr4rU.annotprocessed": MOSI_TRANSCRIPT,
        },
        [f"{name}.wav" for name in MOSI_NAMES],
        {"labels": ".", "transcripts": "Transcript", "speakers": "gender.csv"},
        {"splits": {"train": "train", "dev": "development", "test": "test"}, "dimensions": ("valence",)},
        "Labels/OpinionLevelSentiment.csv",
        header=False,
    ),
    "table": CorpusTree(
        "table",
        {"table.csv": TABLE},
        TABLE_NAMES,
        {"labels": "table.csv"},
        {
            "splits": {"train": "train", "dev": "dev", "test": "test"},
            "scale": {"arousal": (0.0, 10.0), "dominance": (0.0, 10.0), "valence": (-1.0, 1.0)},
            "speakers_disjoint": False,
        },
        "table.csv",
    ),
    "audformat": CorpusTree(
        "audformat",
        {"db.yaml": AUDFORMAT, "db.emotion.csv": AUDFORMAT_EMOTION, "db.files.csv": AUDFORMAT_FILES},
        AUDFORMAT_NAMES,
        {"labels": "."},
        {
            "splits": {"train": "train", "dev": "dev", "test": "test"},
            "columns": {
                "table": "emotion",
                "split": "part",
                "speaker": "files:speaker",
                "transcript": "files:words",
            },
            "scale": dict.fromkeys(("arousal", "dominance", "valence"), (1.0, 7.0)),
            "speakers_disjoint": False,
        },
        "db.emotion.csv",
    ),
}
# Reasons of skips that do not concern a row of the labels.
NO_ROWS = ("audio without a row", "malformed line of ", "transcript line")


def wav(seconds=0.05, rate_hz=16_000, channels=1, subtype="PCM_16", container="WAV"):
    """Return the bytes of an audio file with a tone."""
    stream = io.BytesIO()
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate_hz)) / rate_hz)
    soundfile.write(stream, np.repeat(tone[:, None], channels, axis=1), rate_hz, subtype=subtype, format=container)
    return stream.getvalue()


def write_audio(root, names):
    """Write a short file for each name."""
    content = wav()
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def text_of(content):
    """Return the text of bytes, decoded as the documentation says."""
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        text = content.decode("utf-32", "replace")
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def label_rows(tree, content, separator=","):
    """Count the utterance rows of the label file by Python's csv module or by the turn lines.

    The separator only decides which quotation marks begin a cell.
    """
    text = text_of(content)
    if tree.adapter == "iemocap":
        return sum(line.startswith("[") for line in text.split("\n"))
    csv.field_size_limit(1 << 30)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    return sum(any(cell.strip() for cell in row) for row in rows[int(tree.header) :])


def counted_rows(report, utterances, label_file):
    """Count the rows of the label file in the report: read, skipped, or of a split that is not used."""
    skipped = {
        reason: found for reason, found in report["skipped"].items() if not any(part in reason for part in NO_ROWS)
    }
    malformed = skipped.pop("malformed row", {"count": 0, "examples": []})  # those of other tables, too
    assert malformed["count"] == len(malformed["examples"])
    name = PurePosixPath(label_file).name
    skipped = sum(found["count"] for found in skipped.values())
    skipped += sum(example.startswith(f"{name}:") for example in malformed["examples"])
    unused = sum(found["count"] for reason, found in report["noted"].items() if reason.endswith(" is not used"))
    return utterances + skipped + unused
