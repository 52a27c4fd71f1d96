"""The miniature CMU-MOSI: videos of the standard test fold, each of one speaker."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from valence_gap.corpora.adapters.cmu_mosi import TEST_VIDEOS
from valence_gap.definitions.miniature import Miniature
from valence_gap.miniature.text import sentences
from valence_gap.miniature.voices import population
from valence_gap.miniature.writers.utterances import Utterance, plan_utterance
from valence_gap.runtime.errors import UserError

FOLDER = "CMU-MOSI"
CORPUS = "cmu-mosi"

VIDEOS = tuple(sorted(TEST_VIDEOS))

_PAUSE_S = 0.4


def plan(miniature: Miniature) -> tuple[Utterance, ...]:
    """Plan the segments, which are assigned to the videos in turn.

    Raises:
        UserError: there are more speakers than the test fold has videos.
    """
    size, seed = miniature.cmu_mosi, miniature.seed
    if size.speakers > len(VIDEOS):
        raise UserError(
            "the miniature CMU-MOSI has one speaker for each video of the standard test fold",
            [f"miniature.cmu_mosi.speakers: {size.speakers}"],
            f"At most {len(VIDEOS)} speakers.",
        )
    voices = population(size.speakers, corpus=CORPUS, split="test", seed=seed)
    planned = []
    for row, sentence in enumerate(sentences(CORPUS, "test", size.utterances, seed=seed)):
        video = VIDEOS[row % len(voices)]
        name = f"{video}_{row // len(voices) + 1}"
        file, voice = f"Raw/Audio/WAV_16000/Segmented/{name}.wav", voices[row % len(voices)]
        planned.append(plan_utterance(CORPUS, name, sentence, miniature, file=file, speaker=video, voice=voice))
    return tuple(planned)


def tables(planned: Sequence[Utterance], durations_s: Mapping[str, float]) -> dict[str, str]:
    """Return the text files of the corpus: opinions, transcripts and genders, by path."""
    videos: dict[str, list[Utterance]] = defaultdict(list)
    for one in planned:
        videos[one.speaker].append(one)
    texts = {
        "Labels/OpinionLevelSentiment.csv": "".join(_opinions(videos[video], durations_s) for video in sorted(videos)),
        "gender.csv": "file,gender\n"
        + "".join(f"Audio/{video}.wav,{videos[video][0].voice.gender}\n" for video in sorted(videos)),
    }
    for video, segments in videos.items():
        texts[f"Raw/Transcript/Segmented/{video}.annotprocessed"] = "".join(
            f"{number}_DELIM_{_spoken(one.text)}\n" for number, one in enumerate(segments, start=1)
        )
    return texts


def _opinions(segments: Sequence[Utterance], durations_s: Mapping[str, float]) -> str:
    lines, start_s = [], _PAUSE_S
    for number, one in enumerate(segments, start=1):
        end_s = start_s + durations_s[one.id]
        lines.append(f"{start_s:.3f},{end_s:.3f},{one.speaker},{number},{one.mean('valence')!r}\n")
        start_s = end_s + _PAUSE_S
    return "".join(lines)


def _spoken(text: str) -> str:
    """Return a text as MOSI transcribes it: in upper case without punctuation."""
    return " ".join("".join(letter for letter in text.upper() if letter.isalnum() or letter in " '").split())
