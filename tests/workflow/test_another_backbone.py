"""A backbone that the project does not name: a WavLM in a local folder, in six lines of configuration."""

import json

from small_models import make_backbone
from working_copy import Workflow

SIX_LINES = """\
backbones:
  wavlm: {source: ./wavlm}
models:
  wavlm: {backbone: wavlm, recipe: finetune}
figures:
  figure_02: {models: [w2v2-b, wavlm]}
"""


def test_a_wavlm_is_planned_and_fetched(workflow: Workflow) -> None:
    make_backbone(workflow.root / "wavlm", "wavlm")
    (workflow.root / "wavlm.yaml").write_text(SIX_LINES)
    configfiles = ("tiny.yaml", "wavlm.yaml")
    planned = workflow.planned("figure_02", configfiles=configfiles)
    assert (planned["finetune"], planned["fetch_pretrained"]) == (2, 2)
    folder = "results/tiny/pretrained/wavlm"
    workflow.snakemake(f"{folder}/model.safetensors", configfiles=configfiles)
    assert json.loads((workflow.root / folder / "config.json").read_text())["model_type"] == "wavlm"
