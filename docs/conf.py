"""The site: Sphinx with MyST, mathematics turned into MathML when it is built, no script and no font from anywhere."""

import sys
from pathlib import Path

here = Path(__file__).parent
sys.path[:0] = [str(here / "_ext"), str(here.parent)]

from symsched.version import __version__  # noqa: E402

project, author, copyright = "symsched", "The symsched maintainers", "The symsched maintainers"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "offline_math",
    "plain_docstrings",
    "command_help",
    "notebooks",
]
exclude_patterns = ["_build", "_extra", "_ext"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
html_math_renderer = "offline_mathml"
suppress_warnings: list[str] = []

autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_mock_imports = ["torch", "safetensors", "diffusers", "flow_matching"]  # the site builds without them
add_module_names = False
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_attr_annotations = False
default_role = "code"
smartquotes = False  # --option and quoted text stay as they are typed

html_theme = "furo"
html_title = f"symsched {__version__}"
html_static_path = ["_static", "../symsched/report/maths.woff"]
html_css_files = ["site.css"]
html_extra_path = ["_extra"] if (here / "_extra").is_dir() else []
html_show_copyright = html_copy_source = html_show_sourcelink = False
