"""Which of the paper's models have the roles of the statements: what a study lacks whose role is empty.

They are those of ``workflow/presets/paper.yaml``, the paper's own study, in words.
"""

from collections.abc import Mapping

from valence_gap.definitions.claims import Role

BEST = "w2v2-L-robust"
"""The paper's best model: the transformer that "the best transformer" of a statement means."""
TRANSFORMERS = ("w2v2-b", "hubert-b", "w2v2-L", "hubert-L", BEST, "w2v2-L-vox", "w2v2-L-xls-r")
"""The fine-tuned transformers of Figure 2."""
IN_PAPER: Mapping[Role, str] = {
    "transformers": ", ".join(TRANSFORMERS),
    "best": BEST,
    "strong": "hubert-L",
    "clean-speech": "w2v2-L",
    "multilingual": "w2v2-L-vox, w2v2-L-xls-r",
    "most-data": "w2v2-L-xls-r",
    "small": "w2v2-b, hubert-b",
    "other-large": "w2v2-L, w2v2-L-vox, w2v2-L-xls-r",
    "least-robust": "hubert-b",
    "baseline": "CNN14",
    "random": f"{BEST} without pre-training",
    "repeated": "w2v2-b with several seeds",
    "repeated-baseline": "CNN14 with several seeds",
    "full-depth": f"{BEST} with all of its 24 layers",
    "half-depth": f"{BEST} with 12 of 24 layers",
    "below-half-depth": f"{BEST} with 10 of 24 layers",
    "third-depth": f"{BEST} with 8 of 24 layers",
    "shallow": f"{BEST} with 8, 6, 4 and 2 of 24 layers",
    "full-data": f"{BEST} with 12 of 24 layers, trained on all data",
    "three-quarters-data": f"{BEST} with 12 of 24 layers, trained on 75 % of the data",
    "quarter-data": f"{BEST} with 12 of 24 layers, trained on 25 % of the data",
    "eighth-data": f"{BEST} with 12 of 24 layers, trained on 12.5 % of the data",
    "least-data": f"{BEST} with 12 of 24 layers, trained on 7.5 % of the data",
}
"""The models of a role in the paper."""


def named(role: str) -> str:
    """A role with its models in the paper: 'strong (in the paper hubert-L)'."""
    models = {str(name): text for name, text in IN_PAPER.items()}.get(role)
    return f"{role} (in the paper {models})" if models else role
