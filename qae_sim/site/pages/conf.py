"""Sphinx's configuration for ``qae-sim site``; ``qae_sim.site.docs`` copies this next to the pages it generates."""

import qae_sim

project = "qae_sim"
version = release = qae_sim.__version__
language = "en"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "qae_sim.site.sphinx_extension"]

# The reference includes modules whose libraries are optional, wherever it is built.
autodoc_mock_imports = [
    "accelerate",
    "datasets",
    "math_verify",
    "omegaconf",
    "peft",
    "ray",
    "safetensors",
    "tokenizers",
    "torch",
    "transfer_queue",
    "transformers",
    "trl",
    "verl",
]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_use_type_comments = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_enable_extensions = ["dollarmath"]
suppress_warnings = ["config.cache"]

html_theme = "furo"
html_title = "qae_sim"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False
html_use_index = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
maximum_signature_line_length = 88
