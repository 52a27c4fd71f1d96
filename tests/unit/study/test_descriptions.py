from dataclasses import replace
from pathlib import Path

import yaml

from valence_gap.definitions.figures import Description
from valence_gap.definitions.values import from_json
from valence_gap.runtime.files import canonical_json
from valence_gap.study.descriptions import figure_description
from valence_gap.study.study import Study, load

ROOT = Path(__file__).parents[3]
MINIATURE = load(yaml.safe_load((ROOT / "config.yaml").read_text()))


def described(figure: str, study: Study = MINIATURE) -> Description:
    return from_json(Description, canonical_json(figure_description(study, figure)))


def test_a_figure_knows_the_kinds_of_its_models() -> None:
    kinds = described("figure_09").kinds()
    assert kinds == {"cnn14": "CNN14", "w2v2-L-random": "random initialisation", "w2v2-L-robust": "fine-tuned"}
    assert described("figure_03").kinds()["w2v2-b-fusion"] == "fusion"
    assert described("figure_05").kinds()["w2v2-b-frozen"] == "frozen"


def test_corpora_of_the_miniature_are_marked() -> None:
    assert all(corpus.miniature for corpus in described("figure_02").corpora)
    configuration = MINIATURE.configuration
    paths = {name: replace(one, labels="/data/labels") for name, one in configuration.paths.items()}
    real = Study(replace(configuration, paths=paths), MINIATURE.claims_file)
    assert not any(corpus.miniature for corpus in described("figure_02", real).corpora)
