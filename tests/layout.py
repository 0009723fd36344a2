"""What is wrong with how a page looks, in words: by the boxes and colours that the browser has made.

Texts that a canvas draws have no boxes of their own; `NOTED`, run before a page's scripts, notes where they are.
"""

from __future__ import annotations

from typing import Any

#: Notes each text on a canvas: its box in the canvas's pixels, its ink, and what share of its width it was given.
NOTED = """
const plain = CanvasRenderingContext2D.prototype.fillText;
const sized = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, "width");
window.texts = [];
Object.defineProperty(HTMLCanvasElement.prototype, "width", {
  ...sized, set(value) { this.texts = window.texts = []; sized.set.call(this, value); },
});
CanvasRenderingContext2D.prototype.fillText = function (text, x, y, most) {
  const measured = this.measureText(text);
  const width = most === undefined ? measured.width : Math.min(measured.width, most);
  const left = { left: 0, start: 0, center: width / 2, right: width, end: width }[this.textAlign];
  const [up, down] = [measured.actualBoundingBoxAscent, measured.actualBoundingBoxDescent];
  const matrix = this.getTransform();
  const ends = [[x - left, y - up], [x - left + width, y - up], [x - left, y + down], [x - left + width, y + down]];
  const corners = ends.map(([a, b]) => matrix.transformPoint(new DOMPoint(a, b)))
    .map((p) => [p.x / devicePixelRatio, p.y / devicePixelRatio]);
  const xs = corners.map(([a]) => a), ys = corners.map(([, b]) => b);
  (this.canvas.texts ??= []).push({
    text, left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys),
    ink: this.fillStyle, size: parseFloat(this.font.match(/([\\d.]+)px/)[1]),
    share: width / measured.width,
  });
  return most === undefined ? plain.call(this, text, x, y) : plain.call(this, text, x, y, most);
};
"""

_FAULTS = """(scope) => {
  const wrong = [];
  const said = (text) => text.replace(/\\s+/g, " ").trim().slice(0, 40);

  // Colours, over what is behind them.
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      pen.clearRect(0, 0, 1, 1);
      pen.fillStyle = colour;
      pen.fillRect(0, 0, 1, 1);
      known.set(colour, [...pen.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(colour);
  };
  const over = (ink, back, part = 1) => {
    const share = (ink[3] / 255) * part;
    return [0, 1, 2].map((i) => share * ink[i] + (1 - share) * back[i]).concat(255);
  };
  const behind = (e) => {
    if (!e) return [255, 255, 255, 255];
    if (e.matches("svg text.on")) return rgba(getComputedStyle(e.parentNode.querySelector("rect")).fill);
    const own = rgba(getComputedStyle(e).backgroundColor);
    return own[3] === 255 ? own : over(own, behind(e.parentElement));
  };
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const through = (e) => (e ? Number(getComputedStyle(e).opacity) * through(e.parentElement) : 1);
  const faint = (ink, e, text) => {
    const back = behind(e);
    const found = contrast(over(ink, back, through(e)), back);
    if (found < 4.5) wrong.push(`contrast ${found.toFixed(2)}: ${said(text)}`);
  };

  // Lines of text in the page: their boxes, less what elements around them do not show.
  const clip = (e, { left, right, top, bottom }) => {
    let [hides, kept] = [false, { left, right, top, bottom }];
    for (let at = e; at && at !== document.documentElement; at = at.parentElement) {
      const { overflowX, overflowY, position } = getComputedStyle(at);
      if (position === "fixed") break;
      if (at.localName === "svg" || (overflowX === "visible" && overflowY === "visible")) continue;
      if (at === document.body) continue;
      const frame = at.getBoundingClientRect();
      const next = {
        left: Math.max(kept.left, frame.left), right: Math.min(kept.right, frame.right),
        top: Math.max(kept.top, frame.top), bottom: Math.min(kept.bottom, frame.bottom),
      };
      const lost = kept.right - next.right > 1.5 || next.left - kept.left > 1.5;
      if (lost && frame.width > 2 && ["hidden", "clip"].includes(overflowX)) hides = true;
      kept = next;
    }
    return { ...kept, hides };
  };
  // A drawer that is shut lies beside the page.
  const shut = (e) => {
    for (let at = e; at; at = at.parentElement) {
      if (getComputedStyle(at).position !== "fixed") continue;
      const { left, right } = at.getBoundingClientRect();
      return right <= 0 || left >= innerWidth;
    }
    return false;
  };
  const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && !shut(e) &&
    !e.closest("title, .far, option, script, style, annotation");
  const root = document.querySelector(scope);
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const lines = [];
  const seen = new Set();
  while (nodes.nextNode()) {
    const [node, e] = [nodes.currentNode, nodes.currentNode.parentElement];
    if (!node.data.trim() || !shown(e)) continue;
    const drawn = e instanceof SVGElement;
    const range = document.createRange();
    range.selectNodeContents(node);
    let visible = false;
    for (const box of range.getClientRects()) {
      if (box.width < 1) continue;
      const { left, right, top, bottom, hides } = clip(e, box);
      if (right - left < 1 || bottom - top < 1) continue;
      visible = true;
      if (hides) wrong.push(`cut off: ${said(node.data)}`);
      if (left < -0.5 || right > innerWidth + 0.5) wrong.push(`beyond the page: ${said(node.data)}`);
      // Parts of a formula, and spoken parts of words, lie over each other as they should.
      if (!e.closest("math")) lines.push({ text: said(node.data), left, right, top, bottom, node, e });
    }
    if (!visible || seen.has(e)) continue;
    seen.add(e);
    const style = getComputedStyle(e);
    faint(rgba(drawn ? style.fill : style.color), e, node.data);
    const turned = drawn && e.getScreenCTM();
    const size = parseFloat(style.fontSize) * (drawn ? Math.hypot(turned.a, turned.b) : 1);
    if (size < 10.5 && !e.closest("math, sup, sub")) wrong.push(`small, ${size.toFixed(1)} px: ${said(node.data)}`);
    const scrolls = e.closest("pre, table, math") || style.display === "inline" || drawn;
    if (!scrolls && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 2) wrong.push(`cut off: ${said(node.data)}`);
    const picture = drawn && e.closest("svg").getBoundingClientRect();
    if (picture) {
      const box = e.getBoundingClientRect();
      const beyond = [picture.left - box.left, box.right - picture.right, picture.top - box.top,
        box.bottom - picture.bottom];
      if (Math.max(...beyond) > 4) wrong.push(`outside its picture: ${said(node.data)}`);
    }
  }

  // Texts on canvases.
  for (const canvas of root.querySelectorAll("canvas")) {
    if (!canvas.checkVisibility()) continue;
    const at = canvas.getBoundingClientRect();
    for (const { text, left, right, top, bottom, ink, share } of canvas.texts ?? []) {
      if (left < -1 || top < -1 || right > at.width + 1 || bottom > at.height + 1)
        wrong.push(`outside its picture: ${text}`);
      // Condensed type is three quarters as wide.
      if (share < 0.75) wrong.push(`squeezed to ${share.toFixed(2)}: ${text}`);
      faint(rgba(ink), canvas, text);
      lines.push({ text, left: at.left + left, right: at.left + right, top: at.top + top, bottom: at.top + bottom,
        node: {}, e: canvas });
    }
  }

  lines.sort((a, b) => a.top - b.top);
  lines.forEach((a, i) => {
    for (let j = i + 1; j < lines.length && lines[j].top < a.bottom; j++) {
      const b = lines[j];
      if (a.node === b.node) continue;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - b.top;
      // Boxes of letters in the page are higher than the letters; those of a canvas are not.
      const most = a.e.localName === "canvas" && b.e.localName === "canvas" ? 1 :
        0.3 * Math.min(a.bottom - a.top, b.bottom - b.top);
      if (across > 1 && down > most) wrong.push(`overlap: ${a.text} | ${b.text}`);
    }
  });

  // Pictures and their controls.
  for (const explorer of document.querySelectorAll(".qae:has(canvas)")) {
    if (!root.contains(explorer)) continue;
    const parts = [...explorer.querySelectorAll("canvas, .qae-words, .qae-side")].filter((e) => e.checkVisibility());
    const boxes = parts.map((e) => e.getBoundingClientRect());
    const name = explorer.querySelector("canvas").getAttribute("aria-label") ?? "";
    if (explorer.matches(".qae-narrow")) {
      const figure = explorer.querySelector(".qae-figure");
      if (getComputedStyle(figure).position !== "sticky" || figure.getBoundingClientRect().height > 0.7 * innerHeight)
        wrong.push(`picture and controls are not seen together: ${said(name)}`);
    } else if (!explorer.querySelector("details[open]")) {
      const high = Math.max(...boxes.map((box) => box.bottom)) - Math.min(...boxes.map((box) => box.top));
      if (high > innerHeight) wrong.push(`picture and controls are not seen together, ${high} px: ${said(name)}`);
    }
  }
  const wide = document.documentElement.scrollWidth - innerWidth;
  if (wide > 0) wrong.push(`the page is ${wide} px too wide`);
  return wrong;
}"""


def faults(page: Any, scope: str = "body") -> list[str]:
    """What is wrong with the layout and the colours of a page.

    Args:
        page: A page of Playwright's; for texts on canvases its context runs `NOTED` first.
        scope: A selector of the part that is looked at.

    Returns:
        One sentence for each fault.
    """
    found: list[str] = page.evaluate(_FAULTS, scope)
    return found
