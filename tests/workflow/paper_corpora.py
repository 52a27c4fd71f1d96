"""The paper's four corpora in their real on-disk formats, with a few seconds of noise instead of speech."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from corpus_trees import write
from small_models import make_backbone
from spectrogram_models import make_w2v_bert

MSP_HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
MSP_SPLITS = {"Train": 40, "Validation": 12, "Test1": 24}
TRANSCRIBED = 8  # of Test1
MOSI_VIDEOS = {"v0zCBqDeKcE": 12, "W8NXH0Djyww": 2}  # of the test fold, and of the train fold
# The small model that replaces each model of the hub: architecture, kind of normalisation and number of layers.
HUB = {
    "w2v2-b": ("wav2vec2", "group", 12),
    "hubert-b": ("hubert", "group", 12),
    "w2v2-L": ("wav2vec2", "group", 24),
    "hubert-L": ("hubert", "layer", 24),
    "w2v2-L-robust": ("wav2vec2", "layer", 24),
    "w2v2-L-vox": ("wav2vec2", "layer", 24),
    "w2v2-L-xls-r": ("wav2vec2", "layer", 24),
}
STEM = {
    "conv_dim": (8,) * 7,
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "num_feat_extract_layers": 7,
}
CONFIGURATION = """
paths:
  msp-podcast:
    audio: [{root}/MSP-PODCAST-Publish-1.7/Audios]
    labels: {root}/MSP-PODCAST-Publish-1.7
    transcripts: {root}/MSP-PODCAST-Publish-1.7/Transcripts
  iemocap:
    audio: [{root}/IEMOCAP_full_release]
    labels: {root}/IEMOCAP_full_release
    transcripts: {root}/IEMOCAP_full_release
  cmu-mosi:
    audio: [{root}/CMU-MOSI/Raw/Audio/WAV_16000/Segmented]
    labels: {root}/CMU-MOSI/Labels/OpinionLevelSentiment.csv
    transcripts: {root}/CMU-MOSI/Raw/Transcript/Segmented
    speakers: {root}/CMU-MOSI/gender.csv
noise: {{root: {root}/ESC-50}}
backbones:
  w2v2-b-960h: {{source: ./resources/miniature/mini-asr}}
  bert: {{source: ./resources/miniature/mini-bert}}
"""


@dataclass(frozen=True)
class Truth:
    """Labels of the test utterances as the files of the corpora contain them, on the scales of the corpora."""

    msp_valence: dict[str, float]
    iemocap_arousal: dict[str, float]
    mosi_sentiment: dict[str, float]


def write_corpora(root: Path) -> Truth:
    """Write the corpora, randomly initialised backbones and the user's configuration, my-corpora.yaml, to a folder."""
    random = np.random.default_rng(7)
    truth = Truth(_msp_podcast(root, random), _iemocap(root, random), _cmu_mosi(root, random))
    _esc_50(root, random)
    sources = []
    for name, (kind, norm, layers) in HUB.items():
        make_backbone(root / "hub" / name, kind, norm, stable=norm == "layer", num_hidden_layers=layers, **STEM)
        sources.append(f"  {name}: {{source: {root}/hub/{name}}}\n")
    make_w2v_bert(root / "hub/w2v-bert")
    sources.append(f"  w2v-bert: {{source: {root}/hub/w2v-bert, streamed: true}}\n")
    (root / "my-corpora.yaml").write_text(CONFIGURATION.format(root=root) + "".join(sources))
    return truth


def _speech(path: Path, random: np.random.Generator, *, rate: int = 16_000, seconds: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    length = round(rate * (seconds or random.uniform(0.6, 1.2)))
    soundfile.write(path, random.normal(0, 0.1, length), rate, subtype="PCM_16")


def _msp_podcast(root: Path, random: np.random.Generator) -> dict[str, float]:
    release = root / "MSP-PODCAST-Publish-1.7"
    rows, valence = [], {}
    for number, (split, count) in enumerate(MSP_SPLITS.items()):
        for turn in range(count):
            name = f"MSP-PODCAST_{number:04d}_{turn:04d}"
            act, val, dom = (round(float(label), 2) for label in random.uniform(1, 7, 3))
            speaker, gender = 10 * number + turn % 4, ("Male", "Female")[turn % 2]
            rows.append(f"{name}.wav,N,{act},{val},{dom},{speaker},{gender},{split}")
            _speech(release / f"Audios/{name}.wav", random)
            if split == "Test1":
                valence[name] = val
    write(release / "Labels/labels_concensus.csv", "\n".join([MSP_HEADER, *rows]) + "\n")
    for turn in range(TRANSCRIBED):
        write(release / f"Transcripts/MSP-PODCAST_0002_{turn:04d}.txt", f"this was fine {'indeed ' * turn}\n")
    return valence


def _iemocap(root: Path, random: np.random.Generator) -> dict[str, float]:
    arousal = {}
    for session in (1, 2):
        dialogue = f"Ses{session:02d}F_impro01"
        folder = root / f"IEMOCAP_full_release/Session{session}"
        lines, words = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
        for turn in range(12):
            name = f"{dialogue}_{'FM'[turn % 2]}{turn:03d}"
            val, act, dom = (round(float(label), 4) for label in random.uniform(1, 5, 3))
            lines += [f"[{turn}.0 - {turn}.9]\t{name}\tneu\t[{val}, {act}, {dom}]", "C-E2:\tNeutral;\t()", ""]
            words.append(f"{name} [00{turn}.0-00{turn}.9]: Excuse me.")
            _speech(folder / f"sentences/wav/{dialogue}/{name}.wav", random)
            arousal[name] = act
        write(folder / f"dialog/EmoEvaluation/{dialogue}.txt", "\n".join(lines))
        write(folder / f"dialog/transcriptions/{dialogue}.txt", "\n".join(words))
    return arousal


def _cmu_mosi(root: Path, random: np.random.Generator) -> dict[str, float]:
    corpus = root / "CMU-MOSI"
    rows, sentiment = [], {}
    for video, count in MOSI_VIDEOS.items():
        for segment in range(1, count + 1):
            label = round(float(random.uniform(-3, 3)), 1)
            rows.append(f"{segment}.0,{segment}.9,{video},{segment},{label}")
            _speech(corpus / f"Raw/Audio/WAV_16000/Segmented/{video}_{segment}.wav", random)
            if video == "v0zCBqDeKcE":
                sentiment[f"{video}_{segment}"] = label
    write(corpus / "Labels/OpinionLevelSentiment.csv", "\n".join(rows) + "\n")
    write(corpus / "Raw/Transcript/Segmented/v0zCBqDeKcE.annotprocessed", "1_DELIM_IT WAS FINE\n")
    write(corpus / "gender.csv", "file,gender\nAudio/v0zCBqDeKcE.wav,female\nAudio/W8NXH0Djyww.wav,male\n")
    return sentiment


def _esc_50(root: Path, random: np.random.Generator) -> None:
    rows = []
    for target in (10, 20, 30):  # one category each of natural, human and interior sounds
        for take in range(2):
            name = f"1-{take}-A-{target}.wav"
            rows.append(f"{name},1,{target},thing,False,1,A")
            _speech(root / f"ESC-50/audio/{name}", random, rate=44_100, seconds=1.0)
    write(
        root / "ESC-50/meta/esc50.csv", "filename,fold,target,category,esc10,src_file,take\n" + "\n".join(rows) + "\n"
    )
