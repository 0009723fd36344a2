"""The pictures of README: an explorer as a browser shows it, and a drawn figure.

Fonts and drawing libraries differ between machines, so pictures are compared by their content: each file holds the
scene that was drawn, and a hash of the pixels, so that neither changes without the other.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import qae_sim.explorers


@dataclass(frozen=True)
class TrackedPicture:
    """A picture of an explorer.

    Attributes:
        path: The file, from the root of the checkout.
        alt: Its text alternative.
        explorer: Name of the explorer's class.
        state: The explorer's state, as text.
        shoot: Turns the explorer into a PNG.
    """

    path: str
    alt: str
    explorer: str
    state: str
    shoot: Callable[[Any], bytes]

    def draw(self) -> bytes:
        """Draw the picture, and store the scene in the file."""
        from PIL import Image, PngImagePlugin

        explorer = self._opened()
        image = Image.open(io.BytesIO(self.shoot(explorer))).convert("RGB")
        # 128 colours are enough for lines and text, and save two thirds of the bytes.
        image = image.quantize(128, dither=Image.Dither.NONE)
        told = PngImagePlugin.PngInfo()
        told.add_text("scene", base64.b64encode(zlib.compress(_scene(explorer).encode(), 9)).decode())
        told.add_text("pixels", _pixels(image))
        file = io.BytesIO()
        image.save(file, "PNG", pnginfo=told, optimize=True)
        return file.getvalue()

    def problem(self, stored: bytes | None) -> str:
        """Say what is wrong with a stored picture; empty if nothing is."""
        from PIL import Image, UnidentifiedImageError

        if stored is None:
            return "the picture is missing"
        try:
            image = Image.open(io.BytesIO(stored))
            image.load()
        except (UnidentifiedImageError, OSError):
            return "the file is no picture"
        if "scene" not in image.info or image.info.get("pixels") != _pixels(image):
            return "the pixels are not those that were drawn"
        before = json.loads(zlib.decompress(base64.b64decode(image.info["scene"])))
        if not _same(before, json.loads(_scene(self._opened()))):
            return "the explorer shows something else now"
        return ""

    def _opened(self) -> Any:
        """Open the explorer in its state."""
        return getattr(qae_sim.explorers, self.explorer).from_state(self.state, hide=("link", "claims"), style="laptop")


def _scene(explorer: Any) -> str:
    """Write everything that is drawn as text."""
    from qae_sim.pictures.scene import pack

    packed = pack(explorer.picture())
    return json.dumps({"explorer": type(explorer).__name__, "spec": packed.spec, "data": packed.text})


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two scenes are equal up to rounding."""
    numbers = [np.frombuffer(base64.b64decode(scene["data"]), np.float32) for scene in (one, other)]
    rest = [{name: value for name, value in scene.items() if name != "data"} for scene in (one, other)]
    if rest[0] != rest[1] or numbers[0].shape != numbers[1].shape:
        return False
    return bool(np.allclose(numbers[0], numbers[1], rtol=1e-4, atol=1e-6, equal_nan=True))


def _pixels(image: Any) -> str:
    """Hash the pixels."""
    return hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()


def figure(explorer: Any) -> bytes:
    """Draw the explorer's picture with Matplotlib."""
    from qae_sim.pictures.render import png

    return png(explorer.picture(), width=11, height=4.6)


_HTML = """<!doctype html><meta charset="utf-8"><style>body {{ margin: 0; padding: 12px; background: #fff; }}
{css}</style><div id="root"></div><script type="module">import widget from "data:text/javascript;base64,{js}";
const bytes = Uint8Array.from(atob("{data}"), (c) => c.charCodeAt(0));
const shown = {{ spec: {spec}, data: new DataView(bytes.buffer), moved: {{}}, answered: 0 }};
const model = {{ get: (name) => shown[name], set() {{}}, save_changes() {{}}, on() {{}}, off() {{}} }};
widget.render({{ model, el: document.getElementById("root") }});
</script>"""


def screenshot(explorer: Any) -> bytes:
    """Take a screenshot of the explorer with its controls in a browser."""
    from playwright.sync_api import sync_playwright

    from qae_sim.explorers.assets import script, style

    js = base64.b64encode(script("view").read_bytes()).decode()
    data = base64.b64encode(explorer.data).decode()
    spec = json.dumps(explorer.spec).replace("</", "<\\/")
    page_text = _HTML.format(css=style("view"), js=js, data=data, spec=spec)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1100, "height": 800}, device_scale_factor=1)
        page.set_content(page_text)
        page.locator("canvas").wait_for()
        page.wait_for_timeout(300)
        found = page.locator("body").screenshot()
        browser.close()
    return bytes(found)


PICTURES = (
    TrackedPicture(
        ".github/pictures/explorer.png",
        "The explorer of lesson 2: sliders for K, group size and number of correct responses, a sentence that says "
        "what they do, the sorted rewards of a group with the K-quantile, and each response's advantage under QAE and "
        "GRPO",
        "QuantileGate",
        "view=group&k=0.4&g=16&c=3",
        screenshot,
    ),
    TrackedPicture(
        ".github/pictures/training.png",
        "Toy language models in training: entropy and accuracy over batches, mean baseline beside QAE, bands over all "
        "seeds. QAE holds entropy down; it does not raise accuracy",
        "RecordedRuns",
        "what=baselines&task=learned&left=fixed_entropy&right=pass_1&batch=30",
        figure,
    ),
)
