"""The miniature MSP-Podcast, in the layout of release 1.7 with the transcripts of 1.9."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from valence_gap.definitions.miniature import Miniature
from valence_gap.definitions.values import SPLITS, Split
from valence_gap.miniature.labels import draws, emotion
from valence_gap.miniature.text import sentences
from valence_gap.miniature.voices import population
from valence_gap.miniature.writers.utterances import Utterance, plan_utterance

FOLDER = "MSP-PODCAST-Publish-1.7"
CORPUS = "msp-podcast"

SPLIT_NAMES: Mapping[Split, str] = {"train": "Train", "dev": "Validation", "test": "Test1"}
UNKNOWN = "Unknown"

_FIRST_PODCAST: Mapping[Split, int] = {"train": 1, "dev": 4001, "test": 7001}
_STEREO_ROW = 5
_UNKNOWN_ROW, _UNKNOWN_EVERY = 3, 40
_CLASSES = {"neutral": ("N", "Neutral"), "happy": ("H", "Happy"), "angry": ("A", "Angry"), "sad": ("S", "Sad")}


def plan(miniature: Miniature) -> dict[Split, tuple[Utterance, ...]]:
    """Plan the utterances of each split; a podcast has one speaker, and no speaker is in two splits."""
    return {split: _plan_split(miniature, split) for split in SPLITS if split in miniature.msp_podcast}


def _plan_split(miniature: Miniature, split: Split) -> tuple[Utterance, ...]:
    size, seed = miniature.msp_podcast[split], miniature.seed
    voices = population(size.speakers, corpus=CORPUS, split=split, seed=seed)
    planned = []
    for row, sentence in enumerate(sentences(CORPUS, split, size.utterances, seed=seed)):
        speaker = row % len(voices)
        podcast = _FIRST_PODCAST[split] + speaker
        name = f"MSP-PODCAST_{podcast:04d}_{row // len(voices) + 1:04d}.wav"
        utterance = plan_utterance(
            CORPUS,
            name,
            sentence,
            miniature,
            file=f"Audios/{name}",
            speaker=str(podcast),
            voice=voices[speaker],
        )
        planned.append(replace(utterance, stereo=split == "train" and row == _STEREO_ROW))
    return tuple(planned)


def tables(plans: Mapping[Split, Sequence[Utterance]], miniature: Miniature) -> dict[str, str]:
    """Return the text files of the corpus: labels, partitions, speakers and transcripts, by path."""
    rows = [(split, row, utterance) for split in plans for row, utterance in enumerate(plans[split])]
    rows.sort(key=lambda entry: entry[2].id)
    header = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    texts = {
        "Labels/labels_concensus.csv": header + "".join(_consensus(*entry) for entry in rows),
        "Labels/labels_detailed.csv": "FileName,EmoDetail\n"
        + "".join(f'{one.id},"{line}"\n' for _, _, one in rows for line in _detail(one, miniature.seed)),
        "Labels/labels.txt": "".join(_block(one, miniature.seed) for _, _, one in rows),
        "Partitions.txt": "".join(f"{SPLIT_NAMES[split]}; {one.id}\n" for split, _, one in rows),
        "Speaker_ids.txt": _speakers(rows),
    }
    for one in _transcribed(plans.get("test", ()), miniature):
        texts[f"Transcripts/{one.id.removesuffix('.wav')}.txt"] = one.text + "\n"
    return texts


def _transcribed(utterances: Sequence[Utterance], miniature: Miniature) -> list[Utterance]:
    """Return the share of utterances that has a transcript."""
    drawn = sorted(utterances, key=lambda one: draws(miniature.seed, CORPUS, one.id, "transcript").random())
    return drawn[: round(miniature.transcribed * len(drawn))]


def _speaker(split: Split, row: int, utterance: Utterance) -> tuple[str, str]:
    """Return speaker and gender as the release gives them: some speakers of the training set are unknown."""
    if split == "train" and row % _UNKNOWN_EVERY == _UNKNOWN_ROW:
        return UNKNOWN, UNKNOWN
    return utterance.speaker, utterance.voice.gender.capitalize()


def _consensus(split: Split, row: int, utterance: Utterance) -> str:
    speaker, gender = _speaker(split, row, utterance)
    act, val, dom = (utterance.mean(dimension) for dimension in ("arousal", "valence", "dominance"))
    code = _CLASSES[emotion(utterance.affect)][0]
    return f"{utterance.id},{code},{act!r},{val!r},{dom!r},{speaker},{gender},{SPLIT_NAMES[split]}\n"


def _detail(utterance: Utterance, seed: int) -> list[str]:
    """Return one line for each worker."""
    count = len(utterance.ratings["arousal"])
    workers = draws(seed, CORPUS, utterance.id, "workers").choice(1000, size=count, replace=False)
    name = _CLASSES[emotion(utterance.affect)][1]
    return [
        f"WORKER{worker:08d}; {name}; {name}; A:{act:.6f}; V:{val:.6f}; D:{dom:.6f};"
        for worker, act, val, dom in zip(
            workers,
            utterance.ratings["arousal"],
            utterance.ratings["valence"],
            utterance.ratings["dominance"],
            strict=True,
        )
    ]


def _block(utterance: Utterance, seed: int) -> str:
    act, val, dom = (utterance.mean(dimension) for dimension in ("arousal", "valence", "dominance"))
    code = _CLASSES[emotion(utterance.affect)][0]
    head = f"{utterance.id}; {code}; A:{act:.6f}; V:{val:.6f}; D:{dom:.6f};"
    return "\n".join([head, *_detail(utterance, seed)]) + "\n\n"


def _speakers(rows: Sequence[tuple[Split, int, Utterance]]) -> str:
    genders = dict(_speaker(*entry) for entry in rows)
    genders.pop(UNKNOWN, None)
    heads = [f"Speaker_{speaker}; {gender}\n" for speaker, gender in sorted(genders.items(), key=lambda g: int(g[0]))]
    return "".join(heads) + "\n" + "".join(f"{entry[2].id}; {_speaker(*entry)[0]}\n" for entry in rows)
