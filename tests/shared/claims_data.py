"""A study that has every role, and artificial evidence for the tests of statements."""

from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd

from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.definitions.claims import Claims, Side, Statement
from valence_gap.definitions.claims_file import read_statements
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores import statistics

CLAIMS_FILE = Path(__file__).parents[2] / "workflow" / "claims.yaml"
STATEMENTS = read_statements(CLAIMS_FILE)
BY_ID = {statement.id: statement for statement in STATEMENTS}
TRANSFORMERS = ("w2v2-b", "hubert-b", "w2v2-L", "hubert-L", "w2v2-L-robust", "w2v2-L-vox", "w2v2-L-xls-r")
NOISES = tuple(f"{kind}-{level}db" for kind in ("natural", "human", "interior") for level in (0, 10, 20))
ROLES = {
    "transformers": TRANSFORMERS,
    "best": "w2v2-L-robust",
    "strong": "hubert-L",
    "clean-speech": "w2v2-L",
    "multilingual": ("w2v2-L-vox", "w2v2-L-xls-r"),
    "most-data": "w2v2-L-xls-r",
    "small": ("w2v2-b", "hubert-b"),
    "other-large": ("w2v2-L", "w2v2-L-vox", "w2v2-L-xls-r"),
    "least-robust": "hubert-b",
    "baseline": "cnn14",
    "random": "w2v2-L-random",
    "repeated": "w2v2-b",
    "repeated-baseline": "cnn14",
    "full-depth": "w2v2-L-robust",
    "half-depth": "w2v2-L-robust-12",
    "third-depth": "w2v2-L-robust-8",
    "below-half-depth": "w2v2-L-robust-10",
    "shallow": ("w2v2-L-robust-8", "w2v2-L-robust-4"),
    "full-data": "w2v2-L-robust-12",
    "three-quarters-data": "sparse-75",
    "quarter-data": "sparse-25",
    "eighth-data": "sparse-12.5",
    "least-data": "sparse-7.5",
}


def paper_claims(**changes) -> Claims:
    """Return claims with every role filled by the paper's models; changes replace whole keys."""
    section = {
        "roles": ROLES,
        "frozen": {name: f"{name}-frozen" for name in TRANSFORMERS},
        "fusion": {name: f"{name}-fusion" for name in TRANSFORMERS},
        "corpora": {"in-domain": "msp-podcast", "cross-corpus": "iemocap", "sentiment": "cmu-mosi"},
        "conditions": {
            "augmented": (*NOISES, "speed", "fade"),
            "mild": ("natural-20db", "human-20db", "interior-20db", "fade"),
            **{
                kind: tuple(name for name in NOISES if name.startswith(kind))
                for kind in ("natural", "human", "interior")
            },
        },
        "references": {
            "state-of-the-art": {"arousal": 0.745, "dominance": 0.655, "valence": 0.377},
            "text-distilled": {"arousal": 0.757, "dominance": 0.671, "valence": 0.627},
        },
    }
    return Claims(**(section | changes))


def statement(**changes):
    """Return the statement that the best model beats the baseline in valence, with changes."""
    row = {
        "id": "one",
        "section": "IV-A",
        "words": "The best model is better than the baseline.",
        "quantity": "ccc",
        "first": Side(models="best", dimensions=("valence",)),
        "second": Side(models="baseline"),
        "comparison": "greater",
    }
    return Statement(**(row | changes))


def around(value, width=0.01, resamples=200):
    """Return an estimate with resamples that are spread evenly around it."""
    return np.concatenate([[value], value + np.linspace(-width, width, resamples)])


def of_whole_test_set(condition):
    """Made-up evidence augments whole test sets, so that the recordings of what is augmented are the clean ones."""
    return "clean" if condition == "clean of augmented" else condition


class WithoutSeedsAndSpeakers:
    """The part of made-up evidence that knows neither single seeds nor speakers."""

    def seeds(self, model, *, embedded=False):
        return ()

    def only(self, model, seed):
        raise MissingEvidenceError("single seeds are not made up")

    def over_speakers(self):
        return self

    def speaker_count(self, corpus, condition="clean"):
        return 0


class RandomEvidence(WithoutSeedsAndSpeakers):
    """Artificial evidence: a number for every possible query, the same for the same query.

    The influence of models, dimensions, corpora, variants and chance depends on the seed.
    """

    resamples = 2
    speaker_draws = 200

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng = np.random.default_rng(seed)
        self.base = rng.uniform(0, 0.8)
        self.weights = 10 ** rng.uniform(-3, 0, 6)

    def generator(self, *names):
        return np.random.default_rng([self.seed, *"\0".join(names).encode()])

    def number(self, *names):
        """Return a number in -1..1; a checksum is quicker than a generator and random enough."""
        digest = blake2b("\0".join((str(self.seed), *names)).encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") / 2**31 - 1

    def rows(self, model, *place):
        variant, kind = model.rpartition("-")[2], next((name for name in place if name in DIMENSIONS), "")
        parts = [(model,), (model, kind), place, (variant,), (variant, kind), (model, *place)]
        offset = sum(weight * self.number(*part) for weight, part in zip(self.weights, parts, strict=True))
        return np.full(1 + self.resamples, self.base + offset)

    def dimensions(self, corpus):
        return ("valence",) if corpus == "cmu-mosi" else DIMENSIONS

    def ccc(self, model, corpus, dimension, condition, group="all"):
        return self.rows(model, corpus, dimension, of_whole_test_set(condition), group)

    def speakers(self, model, corpus, dimension):
        return {name: self.rows(model, corpus, dimension, name) for name in "abcdef"}

    def dev_curves(self, model):
        best, jitter = 1 + round(3 + 3 * self.number(model)), 0.005 * (1 + self.number(model, "jitter"))
        epochs = np.arange(1, 13 if self.number(model, "epochs") > 0 else 6)
        return [np.minimum(epochs / (best + late), 1) + late * jitter for late in (0, 1, 2)]

    def separation(self, model, attribute):
        return self.rows(model, attribute)

    def average(self, quantity, cells):
        return None

    def utterances(self, corpus, condition):
        return 1000

    def embedded_utterances(self, model, attribute):
        return 100


class MappedEvidence(WithoutSeedsAndSpeakers):
    """Evidence from mappings: rows of CCCs by (model, corpus, dimension, condition, group), and the other kinds."""

    def __init__(self, cccs=None, *, speakers=None, curves=None, separations=None, resamples=200, speaker_draws=200):
        self.cccs, self.by_speaker = cccs or {}, speakers or {}
        self.curves, self.separations = curves or {}, separations or {}
        self.resamples, self.speaker_draws = resamples, speaker_draws

    def generator(self, *names):
        return statistics.generator(0, *names)

    def dimensions(self, corpus):
        known = {key[2] for key in self.cccs if key[1] == corpus} | {"valence"}
        return tuple(name for name in DIMENSIONS if name in known)

    def ccc(self, model, corpus, dimension, condition, group="all"):
        condition = of_whole_test_set(condition)
        if (model, corpus, dimension, condition, group) not in self.cccs:
            raise MissingEvidenceError(f"no predictions of {model}")
        return self.cccs[model, corpus, dimension, condition, group]

    def speakers(self, model, corpus, dimension):
        return self.by_speaker[model]

    def dev_curves(self, model):
        return self.curves[model]

    def separation(self, model, attribute):
        return self.separations[model, attribute]

    def average(self, quantity, cells):
        return None

    def utterances(self, corpus, condition):
        return {"synthesised": 500}.get(condition, 1000)

    def embedded_utterances(self, model, attribute):
        return 100


def write_study(root: Path, models, *, utterances=80, speakers=4, conditions=("clean",), seeds=(1,)):
    """Write labels, utterances and predictions of three corpora; models maps names to the noise of their predictions.

    Returns:
        The command line's --labels, --utterances and --predictions, as texts by option.
    """
    found = {"--labels": [], "--utterances": [], "--predictions": []}
    for corpus in ("msp-podcast", "iemocap", "cmu-mosi"):
        rng = np.random.default_rng(len(corpus))
        ids = [f"{corpus}-{row:03}" for row in range(utterances)]
        truth = pd.DataFrame(rng.random((utterances, 3)), columns=list(DIMENSIONS), index=pd.Index(ids, name="id"))
        labels = truth.assign(arousal=np.nan, dominance=np.nan) if corpus == "cmu-mosi" else truth
        gender = np.where(np.arange(utterances) % 2, "female", "male")
        people = pd.DataFrame(
            {"id": ids, "gender": gender, "speaker": [f"s{row % speakers}" for row in range(utterances)]}
        )
        for option, table in (("--labels", labels.reset_index()), ("--utterances", people)):
            path = root / f"{corpus}{option}.parquet"
            table.to_parquet(path, index=False)
            found[option].append(f"{corpus}={path}")
        for model, noise in models.items():
            for seed in seeds:
                for condition in conditions:
                    own = np.random.default_rng([seed, *f"{model}{corpus}{condition}".encode()])
                    predicted = truth + noise * own.standard_normal(truth.shape)
                    predicted = predicted.iloc[: utterances // 2] if condition == "synthesised" else predicted
                    path = root / f"{model}-{seed}-{corpus}-{condition}.parquet"
                    table = predicted.astype("float32").reset_index().assign(condition=condition)
                    table.sample(frac=1, random_state=seed).to_parquet(path, index=False)
                    found["--predictions"].append(f"{model}:{seed}:{corpus}={path}")
    return found
