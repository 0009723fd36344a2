"""Explorers in written pages: a picture for all, and behind it what a script needs to bring it to life."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from typing import Any


def script_data(kind: str, content: Any) -> str:
    r"""Write data for the script of written pages.

    Args:
        kind: What they are for.
        content: Anything that JSON can hold.

    Returns:
        An element; ``</`` is escaped in it, since it could end the element.

    Example:
        >>> script_data("quiz", "</a>")
        '<script type="application/json" data-qae="quiz">"<\\/a>"</script>'
    """
    text = json.dumps(content, allow_nan=False).replace("</", "<\\/")
    return f'<script type="application/json" data-qae="{kind}">{text}</script>'


def embedded_explorer(content: Mapping[str, Any], picture: bytes, words: str, *, own: bool = False) -> str:
    """Write an explorer.

    Args:
        content: What :meth:`qae_sim.explorers.Explorer.content` gives.
        picture: What is seen where the script does not run, as PNG.
        words: The same in words.
        own: Whether the page is the explorer's own, so that its address holds the state.

    Returns:
        HTML.
    """
    source = f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    still = f'<img alt="{html.escape(words)}" src="{source}" style="max-width: 100%">'
    return f"<div{' data-own' * own}>{still}</div>{script_data('explorer', content)}{_note(content, own)}"


#: Ends a page: it speaks where the browser could not read the script before it.
TOO_OLD = """\
<script>
if (!window.qaeRuns) document.querySelector("main").insertAdjacentHTML("afterbegin",
  '<p class="note" role="alert">This browser is too old to move the pictures of this page; a newer one can.</p>');
</script>"""


def _note(content: Mapping[str, Any], own: bool) -> str:
    """Say which controls are not there, and where the state has a page of its own."""
    said = []
    if content["spec"]["page"] and not all(control["local"] for control in content["spec"]["controls"].values()):
        # The script puts something else in its place where Python runs in the page.
        said.append('<span class="qae-without">Here the sliders that are shown move without Python. The others need '
                    "the live lesson: <code>qae-sim lab</code>.</span>")  # fmt: skip
    if content["spec"]["name"] == "TrainingLog":
        said.append('<a href="../log.html">Look into a log of your own</a>, here in the browser.')
    if content["address"] and not own:
        said.append(f'<a href="../{html.escape(content["address"])}">This state on a page of its own</a>.')
    return f'<p class="note">{" ".join(said)}</p>' if said else ""
