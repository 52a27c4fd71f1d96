"""The default configuration, as plain data."""

import json
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


MINIATURE = json.loads(json.dumps(yaml.safe_load((ROOT / "config.yaml").read_text())))  # its anchors resolved
