"""Settings of the documentation site; ``make docs`` builds it into ``docs/_build/html``, without a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import pages

project = "valence-gap"
author = "The valence-gap authors"
html_title = "valence-gap"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "generate.mathml",
    "generate.pages",
]
exclude_patterns = [*pages.NO_PAGES]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
highlight_language = "bash"  # of blocks that name none
smartquotes = False  # quotation marks may belong to a command

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
# With `-n` every reference must lead somewhere. Types of signatures need not: not every class has an entry.
nitpick_ignore_regex = [(r"py:.*", r".*")]

html_theme = "furo"
html_show_sourcelink = False
html_show_copyright = False
html_static_path: list[str] = []
html_theme_options = {"navigation_with_keys": True}
copybutton_prompt_text = "$ "
