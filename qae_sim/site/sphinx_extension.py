"""An extension of Sphinx: formulas as MathML, formulas in docstrings, links to public names."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.inspect import signature as sphinx_signature
from sphinx.util.inspect import stringify_signature


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx.

    Args:
        app: Sphinx, at its start.

    Returns:
        That pages may be read and written in parallel.
    """
    app.add_html_math_renderer("mathml", (_inline_formula, None), (_block_formula, None))
    app.connect("autodoc-process-docstring", _keep_bars)
    app.connect("autodoc-process-signature", _signature_of_init)
    app.connect("missing-reference", _link_to_public_name)
    app.connect("html-page-context", _edit_written_pages_only)
    app.connect("html-page-context", _share_navigation, priority=400)  # before the theme asks for it
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline_formula(writer: Any, node: nodes.math) -> None:
    """Write a formula inside a sentence."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _block_formula(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    writer.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode


def _keep_bars(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Keep |A| as it is: in reStructuredText it would be a substitution, but docstrings use it in formulas."""
    for i, line in enumerate(lines):
        parts = re.split(r"(``.*?``)", line)
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = "".join(parts)


def _signature_of_init(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Show the ``__init__`` of a class whose base is a mock: autodoc would show the mock's signature."""
    if what != "class" or "__init__" not in vars(obj) or not getattr(obj, "__sphinx_mock__", False):
        return None
    made = sphinx_signature(vars(obj)["__init__"], bound_method=True)
    return stringify_signature(made, show_return_annotation=False, unqualified_typehints=True), returns


def _link_to_public_name(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Element
) -> nodes.reference | None:
    """Link to a public name if a docstring refers to it by the module that defines it."""
    if node.get("refdomain") != "py":
        return None
    parts = str(node["reftarget"]).split(".")
    domain = env.domains.python_domain
    for kept in range(len(parts) - 2, 1, -1):
        target = ".".join([*parts[:kept], parts[-1]])
        if target in domain.objects:
            return domain.resolve_xref(env, node["refdoc"], app.builder, node["reftype"], target, node, content)
    return None


def _edit_written_pages_only(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Offer links for editing on the guides only: other pages are made from the package."""
    if not page.startswith("guides/"):
        context["theme_source_repository"] = ""


_NAVIGATION: dict[tuple[str, str], str] = {}


def _share_navigation(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Write the navigation once for all pages of a folder that are not in it: it takes longer than the page itself."""
    if "orphan" not in (context.get("meta") or {}):
        return
    write = context["toctree"]

    def toctree(**options: Any) -> str:
        key = page.rpartition("/")[0], repr(sorted(options.items()))
        if key not in _NAVIGATION:
            _NAVIGATION[key] = str(write(**options))
        return _NAVIGATION[key]

    context["toctree"] = toctree
