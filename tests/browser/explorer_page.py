"""An explorer in a page of its own, with a kernel that is played: what the browser sends, a function of Python answers.

Much faster than JupyterLab, and everything that the view does is its own.
"""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

from qae_sim.explorers import Explorer
from qae_sim.explorers.assets import script, style

_MODEL = """
import widget from "./view.js";
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const listeners = {};
const values = { moved: {}, answered: 0 };
const take = (message) => {
  const changed = Object.keys(message);
  Object.assign(values, { ...message, ...(message.data ? { data: bytes(message.data) } : {}) });
  for (const name of changed) (listeners[`change:${name}`] ?? []).forEach((callback) => callback());
};
const model = {
  get: (name) => values[name],
  set: (name, value) => { values[name] = value; },
  save_changes: () => { window.kernel(values.moved).then((message) => window.take(message)); },
  on: (event, callback) => { (listeners[event] ??= []).push(callback); },
  off: () => {},
};
window.take = take;
take(window.first);
widget.render({ model, el: document.querySelector("#explorer") });
"""


class PlayedKernel:
    """Answers what the page sends, after a while; keeps what it was sent."""

    def __init__(self, explorer: Explorer[Any], seconds: float = 0.0) -> None:
        self.explorer, self.seconds = explorer, seconds
        self.sent: list[dict[str, Any]] = []

    def message(self) -> dict[str, Any]:
        """All that the page knows."""
        explorer = self.explorer
        data = base64.b64encode(explorer.data).decode()
        return {"answered": explorer.answered, "data": data, "spec": explorer.spec, "stamp": explorer.stamp}

    def answer(self, moved: dict[str, Any]) -> dict[str, Any]:
        """What the kernel sends back."""
        time.sleep(self.seconds)
        self.sent.append(moved["state"])
        before = self.explorer.stamp
        self.explorer.take(moved)
        if self.explorer.stamp == before:
            return {"answered": self.explorer.answered}
        return self.message()


def open_explorer(
    context: Any, folder: Path, explorer: Explorer[Any], *, theme: str = "", seconds: float = 0.0
) -> tuple[Any, PlayedKernel]:
    """Show an explorer in a new page.

    Args:
        context: A browser's context.
        folder: Where the page is written.
        explorer: The explorer.
        theme: ``"light"`` or ``"dark"``: that of a JupyterLab around it; empty: none, so that the system's counts.
        seconds: How long the kernel takes for an answer.

    Returns:
        The page, and the kernel.
    """
    kernel = PlayedKernel(explorer, seconds)
    around = f' data-jp-theme-light="{"true" if theme == "light" else "false"}"' if theme else ""
    first = json.dumps(kernel.message()).replace("</", "<\\/")
    # Browsers load no modules from a disk.
    view = "data:text/javascript;base64," + base64.b64encode(script("view").read_bytes()).decode()
    page_text = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>explorer</title><style>:root {{ color-scheme: light dark }} body {{ margin: 0 }} "
        f"{style('view', 'quiz')}</style>"
        f'<body{around}><div id="explorer"></div><script>window.first = {first};</script>'
        f'<script type="module">{_MODEL.replace("./view.js", view)}</script></body></html>'
    )
    path = folder / f"{type(explorer).__name__}.html"
    path.write_text(page_text, encoding="utf-8")
    page = context.new_page()
    page.expose_function("kernel", kernel.answer)
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelector('.qae canvas')?.dataset.drawn > 0")
    return page, kernel
