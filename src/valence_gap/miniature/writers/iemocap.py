"""The miniature IEMOCAP: five sessions, each of one actress and one actor who talk with each other."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from valence_gap.definitions.miniature import Miniature
from valence_gap.miniature.labels import emotion
from valence_gap.miniature.text import sentences
from valence_gap.miniature.voices import population
from valence_gap.miniature.writers.utterances import Utterance, plan_utterance
from valence_gap.runtime.errors import UserError

FOLDER = "IEMOCAP_full_release"
CORPUS = "iemocap"

MOST_SPEAKERS = 10

_TURNS = 16
_PAUSE_S = 0.35
_BEYOND_ROW, _BEYOND_EVERY = 7, 150
_BEYOND = (5, 6)
"""Answers of two raters, one of them beyond the scale: their mean is 5.5, which also occurs in the real corpus."""

_CLASSES = {
    "neutral": ("neu", "Neutral"),
    "happy": ("hap", "Happiness"),
    "angry": ("ang", "Anger"),
    "sad": ("sad", "Sadness"),
}
_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"


def plan(miniature: Miniature) -> tuple[Utterance, ...]:
    """Plan the turns, which are assigned to the sessions in turn.

    Raises:
        UserError: the speakers do not form pairs in at most five sessions.
    """
    size, seed = miniature.iemocap, miniature.seed
    if size.speakers % 2 or size.speakers > MOST_SPEAKERS:
        raise UserError(
            "the miniature IEMOCAP has one female and one male speaker in each of at most five sessions",
            [f"miniature.iemocap.speakers: {size.speakers}"],
            "valid: 2, 4, 6, 8, 10",
        )
    voices = population(size.speakers, corpus=CORPUS, split="test", seed=seed)
    female, male = ([voice for voice in voices if voice.gender == gender] for gender in ("female", "male"))
    pairs = tuple(zip(female, male, strict=True))
    planned = []
    for row, sentence in enumerate(sentences(CORPUS, "test", size.utterances, seed=seed)):
        session, place = row % len(pairs) + 1, row // len(pairs)
        dialogue, turn = _dialogue(session, place // _TURNS), place % _TURNS
        letter = "FM"[turn % 2]
        name = f"{dialogue}_{letter}{turn // 2:03d}"
        utterance = plan_utterance(
            CORPUS,
            name,
            sentence,
            miniature,
            file=f"Session{session}/sentences/wav/{dialogue}/{name}.wav",
            speaker=f"Ses{session:02d}_{letter}",
            voice=pairs[session - 1]["FM".index(letter)],
        )
        planned.append(_beyond(utterance) if row % _BEYOND_EVERY == _BEYOND_ROW else utterance)
    return tuple(planned)


def _dialogue(session: int, number: int) -> str:
    """Return the name of a session's dialogue; its letter is that of the actor with the sensors, not of the speaker."""
    wearer = "FM"[number % 2]
    scene = f"script{number // 4 + 1:02d}_1" if number // 2 % 2 else f"impro{number // 4 + 1:02d}"
    return f"Ses{session:02d}{wearer}_{scene}"


def _beyond(utterance: Utterance) -> Utterance:
    """Return the utterance with the highest dominance and with ratings beyond the scale."""
    ratings = {dimension: answers[:2] for dimension, answers in utterance.ratings.items()}
    return replace(
        utterance,
        affect=replace(utterance.affect, dominance=1.0),
        ratings={**ratings, "dominance": np.array(_BEYOND)},
    )


def tables(planned: Sequence[Utterance], durations_s: Mapping[str, float]) -> dict[str, str]:
    """Return the text files of the corpus: evaluations and transcriptions of each dialogue, by path.

    They have some of the real corpus' pitfalls: evaluations of another kind in sub-folders, a resource fork of the
    evaluations, and a transcribed turn of overlapping speech that has neither audio nor an evaluation.
    """
    dialogues: dict[str, list[Utterance]] = defaultdict(list)
    for one in planned:
        dialogues[one.id.rpartition("_")[0]].append(one)
    texts: dict[str, str] = {}
    for dialogue, turns in dialogues.items():
        folder = f"Session{int(dialogue[3:5])}/dialog"
        spans_s = _spans(turns, durations_s)
        texts[f"{folder}/EmoEvaluation/{dialogue}.txt"] = _HEADER + "".join(
            _evaluation(one, span_s) for one, span_s in zip(turns, spans_s, strict=True)
        )
        texts[f"{folder}/EmoEvaluation/._{dialogue}.txt"] = "Mac OS X        \n"
        texts[f"{folder}/EmoEvaluation/Categorical/{dialogue}_e2_cat.txt"] = "".join(
            f"{one.id} :{_CLASSES[emotion(one.affect)][1]}; ()\n" for one in turns
        )
        texts[f"{folder}/transcriptions/{dialogue}.txt"] = _transcription(dialogue, turns, spans_s)
    return texts


def _spans(turns: Sequence[Utterance], durations_s: Mapping[str, float]) -> list[tuple[float, float]]:
    spans_s, start_s = [], 6.2901
    for one in turns:
        spans_s.append((start_s, start_s + durations_s[one.id]))
        start_s = spans_s[-1][1] + _PAUSE_S
    return spans_s


def _evaluation(one: Utterance, span_s: tuple[float, float]) -> str:
    code, name = _CLASSES[emotion(one.affect)]
    averages = ", ".join(f"{one.mean(dimension):.4f}" for dimension in ("valence", "arousal", "dominance"))
    raters = range(2, 2 + len(one.ratings["valence"]))
    answers = zip(raters, one.ratings["valence"], one.ratings["arousal"], one.ratings["dominance"], strict=True)
    return "\n".join(
        [
            f"[{span_s[0]:.4f} - {span_s[1]:.4f}]\t{one.id}\t{code}\t[{averages}]",
            *(f"C-E{rater}:\t{name};\t()" for rater in raters),
            *(f"A-E{rater}:\tval {val}; act {act}; dom  {dom};\t()" for rater, val, act, dom in answers),
            "\n",
        ]
    )


def _transcription(dialogue: str, turns: Sequence[Utterance], spans_s: Sequence[tuple[float, float]]) -> str:
    lines = [
        f"{one.id} [{start_s:08.4f}-{end_s:08.4f}]: {one.text}"
        for one, (start_s, end_s) in zip(turns, spans_s, strict=True)
    ]
    end_s = spans_s[-1][1]
    lines += [f"{dialogue}_MXX0 [{end_s:08.4f}-{end_s + 1:08.4f}]: [LAUGHTER]", "M: Mm-hmm."]
    return "\n".join(lines) + "\n"
