// Numbers that are set before one looks: a slider, bars that are dragged, a curve that is drawn. The truth is laid over
// them once they are locked. Each number has a range input of its own, unseen over its handle, for keys and for screen
// readers; a pointer drags in the picture.

import { line } from "d3-shape";
import { onGrid } from "../numbers.ts";
import { axes, lines, ticks, type Axes } from "./axes.ts";
import { button } from "./controls.ts";
import { element } from "./dom.ts";
import { answered, judge, number, type Locked, type SetQuestion } from "./judge.ts";

type Point = [number, number];

const HEIGHT = { slider: 104, bars: 270, curve: 280 };
const HOW = {
  slider: "Drag the knob, or move it with the arrow keys.",
  bars: "Drag each bar, or go from one to the next with the tab key and move it with the arrow keys. Enter sets a bar where it is.",
  curve: "Draw from left to right, or go from point to point with the tab key and move it with the arrow keys. Enter sets a point where it is.",
};

function svg(tag: string, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Values between two handles that a stroke passed, so that a fast one leaves no gap. */
export function stroke(from: Point, to: Point, places: readonly number[]): Map<number, number> {
  const found = new Map<number, number>();
  const [left, right] = from[0] <= to[0] ? [from, to] : [to, from];
  places.forEach((x, i) => {
    if (x < left[0] || x > right[0]) return;
    const share = right[0] === left[0] ? 1 : (x - left[0]) / (right[0] - left[0]);
    found.set(i, left[1] + share * (right[1] - left[1]));
  });
  return found;
}

/** The place that is nearest. */
export const nearest = (places: readonly number[], x: number): number =>
  places.reduce((best, place, i) => (Math.abs(place - x) < Math.abs(places[best]! - x) ? i : best), 0);

class Setting {
  private readonly values: number[];
  private readonly isSet: boolean[];
  private locked = false;
  private dragged: { index: number; at: Point } | null = null;
  private axes!: Axes;
  private readonly picture = svg("svg", { role: "img" });
  private readonly stage = element("div", { class: "qae-stage" });
  private readonly inputs: HTMLInputElement[];
  private readonly count = element("span", {});
  private readonly reveal = element("div", { role: "status", "aria-live": "polite" });
  private readonly lock: HTMLButtonElement;

  constructor(root: HTMLElement, private readonly spec: SetQuestion, private readonly heard: (answer: Locked) => void) {
    const start = spec.kind === "bars" ? 0 : (spec.low + spec.high) / 2;
    this.values = spec.labels.map(() => onGrid(start, spec.low, spec.high, spec.step));
    this.isSet = spec.labels.map(() => false);
    this.inputs = spec.labels.map((label, i) => this.input(label, i));
    this.lock = button("Lock my answer", () => { this.close(); });
    this.stage.append(this.picture, ...this.inputs);
    root.replaceChildren(element("fieldset", {}, element("legend", {}, spec.question),
      element("div", { class: "qae-how" }, HOW[spec.kind], " ", this.count), this.stage, this.lock, this.reveal));
    this.listen();
    new ResizeObserver(() => { this.draw(); }).observe(this.stage);
    this.draw();
  }

  private input(label: string, i: number): HTMLInputElement {
    const input = element("input", {
      type: "range", min: this.spec.low, max: this.spec.high, step: this.spec.step, "aria-label": label, "data-lm-suppress-shortcuts": "true",
      oninput: () => { this.put(i, Number(input.value)); },
      onfocus: () => { this.draw(); },
      onblur: () => { this.draw(); },
    });
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      this.put(i, this.values[i]!);
    });
    return input;
  }

  private put(i: number, value: number): void {
    if (this.locked) return;
    this.values[i] = onGrid(value, this.spec.low, this.spec.high, this.spec.step);
    this.isSet[i] = true;
    this.draw();
  }

  /** Where the handles stand along the axis that they do not move on. */
  private places(): number[] {
    return this.spec.places ?? this.spec.labels.map((_, i) => i);
  }

  private listen(): void {
    this.picture.style.touchAction = this.spec.kind === "slider" ? "pan-y" : "none";
    const at = (event: PointerEvent): Point => {
      const box = this.picture.getBoundingClientRect();
      return [this.axes.x.invert(event.clientX - box.left), this.axes.y.invert(event.clientY - box.top)];
    };
    this.picture.addEventListener("pointerdown", (event) => {
      if (this.locked) return;
      const place = at(event);
      this.dragged = { index: this.spec.kind === "slider" ? 0 : nearest(this.places(), place[0]), at: place };
      this.picture.setPointerCapture(event.pointerId);
      this.drag(place);
    });
    this.picture.addEventListener("pointermove", (event) => { if (this.dragged) this.drag(at(event)); });
    for (const end of ["pointerup", "pointercancel"]) this.picture.addEventListener(end, () => { this.dragged = null; });
  }

  private drag(place: Point): void {
    const dragged = this.dragged!;
    if (this.spec.kind === "slider") this.put(0, place[0]);
    else if (this.spec.kind === "bars") this.put(dragged.index, place[1]);
    else {
      const passed = stroke(dragged.at, place, this.places());
      if (passed.size) passed.forEach((value, i) => { this.put(i, value); });
      else this.put(nearest(this.places(), place[0]), place[1]);
    }
    dragged.at = place;
  }

  private close(): void {
    this.locked = true;
    const { right, said } = judge(this.spec, this.values);
    this.heard({ words: answered(this.spec, this.values), right });
    this.lock.disabled = true;
    const head = ["", "your prediction", "the truth"].map((name) => element("th", { scope: "col" }, name));
    const rows = this.spec.labels.map((label, i) => element("tr", {}, element("th", { scope: "row" }, label),
      element("td", {}, number(this.spec, this.values[i]!)), element("td", {}, number(this.spec, this.spec.truth[i]!))));
    this.reveal.replaceChildren(...said.map((text) => element("p", { class: right ? "qae-right" : "qae-not" }, text)));
    this.reveal.after(element("details", {}, element("summary", {}, "Both as numbers"), element("table", {}, element("tr", {}, ...head), ...rows)));
    this.draw();
  }

  private draw(): void {
    const { spec } = this;
    const width = Math.max(240, this.stage.clientWidth), height = HEIGHT[spec.kind];
    const bars = spec.kind === "bars", curve = spec.kind === "curve", slider = spec.kind === "slider";
    const places = this.places();
    const box = slider ? { left: 24, right: width - 24, top: 34, bottom: height - 36 }
      : { left: curve ? 66 : 48, right: width - 14, top: 16, bottom: height - (curve ? 44 : 40) };
    const xlim: Point = slider ? [spec.low, spec.high] : bars ? [-0.5, places.length - 0.5] : [places[0]!, places[places.length - 1]!];
    this.axes = axes(box, xlim, slider ? [0, 1] : [spec.low, spec.high]);
    const drawn = [...this.frame(width, height), ...(slider ? this.knob() : bars ? this.bars() : this.drawing())];
    this.picture.replaceChildren(...drawn);
    this.picture.setAttribute("width", String(width));
    this.picture.setAttribute("height", String(height));
    this.picture.setAttribute("aria-label", this.locked ? "Your prediction, with the truth laid over it" : "Your prediction");
    this.inputs.forEach((input, i) => {
      const [x, y] = this.handle(i);
      input.style.left = `${x}px`;
      input.style.top = `${y}px`;
      input.value = String(this.values[i]);
      input.disabled = this.locked;
      input.setAttribute("aria-valuetext", this.isSet[i] ? number(spec, this.values[i]!) : "not set");
    });
    this.lock.disabled = this.locked || !this.isSet.every(Boolean);
    this.count.textContent = spec.labels.length > 1 ? `${this.isSet.filter(Boolean).length} of ${spec.labels.length} set.` : "";
  }

  private handle(i: number): Point {
    const { x, y } = this.axes;
    return this.spec.kind === "slider" ? [x(this.values[i]!), y(0.5)] : [x(this.places()[i]!), y(this.values[i]!)];
  }

  /** Ticks, names of the axes or bars, and the legend. */
  private frame(width: number, height: number): SVGElement[] {
    const { spec } = this, { left, right, top, bottom, x, y } = this.axes;
    const found: SVGElement[] = [];
    const text = (at: Point, words: string, more: Record<string, string | number> = {}): SVGElement =>
      svg("text", { x: at[0], y: at[1], "text-anchor": "middle", ...more }, words);
    if (spec.kind === "slider") {
      found.push(svg("line", { class: "qae-track", x1: left, x2: right, y1: y(0.5), y2: y(0.5) }));
      for (const [at, name] of ticks(spec.low, spec.high, width < 480 ? 5 : 9)) {
        found.push(svg("line", { class: "qae-axis", x1: x(at), x2: x(at), y1: y(0.5) + 12, y2: y(0.5) + 17 }), text([x(at), bottom + 18], name));
      }
      return found;
    }
    for (const [at, name] of ticks(spec.low, spec.high, 6)) {
      found.push(svg("line", { class: at === 0 ? "qae-axis" : "qae-grid", x1: left, x2: right, y1: y(at), y2: y(at) }),
        text([left - 6, y(at) + 4], name, { "text-anchor": "end" }));
    }
    if (spec.kind === "bars") {
      const room = (right - left) / spec.labels.length - 6;
      spec.labels.forEach((label, i) => {
        lines(label, (part) => part.length * 7.4 <= room).slice(0, 2).forEach((part, row) => { found.push(text([x(i), bottom + 16 + 15 * row], part)); });
      });
      return found;
    }
    for (const [at, name] of ticks(this.places()[0]!, this.places().at(-1)!, width < 480 ? 5 : 9)) {
      found.push(svg("line", { class: "qae-axis", x1: x(at), x2: x(at), y1: bottom, y2: bottom + 4 }), text([x(at), bottom + 18], name));
    }
    found.push(text([(left + right) / 2, height - 6], spec.x!),
      text([0, 0], spec.y!, { transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)` }));
    return found;
  }

  private focused(i: number): boolean {
    const input = this.inputs[i]!;
    return document.activeElement === input && input.matches(":focus-visible");
  }

  /** The handle of a number: hollow with a question mark until it is set. */
  private grip(i: number, named: boolean): SVGElement[] {
    const [x, y] = this.handle(i);
    const found = [svg("circle", { class: this.isSet[i] ? "qae-grip" : "qae-grip qae-unset", cx: x, cy: y, r: named ? 10 : 7 })];
    if (this.focused(i)) found.unshift(svg("circle", { class: "qae-ring", cx: x, cy: y, r: named ? 15 : 12 }));
    if (!this.isSet[i] && named) found.push(svg("text", { x, y: y + 5, "text-anchor": "middle" }, "?"));
    return found;
  }

  private knob(): SVGElement[] {
    const { x, y } = this.axes, middle = y(0.5);
    const [at] = this.handle(0);
    const side = (place: number): Record<string, string | number> => ({ "text-anchor": place < 60 ? "start" : place > this.axes.right - 40 ? "end" : "middle" });
    const found = this.grip(0, true);
    if (this.isSet[0]) found.push(svg("text", { class: "qae-mine", x: at, y: middle - 18, ...side(at) }, `${this.locked ? "you: " : ""}${number(this.spec, this.values[0]!)}`));
    if (this.locked) {
      const true_ = x(this.spec.truth[0]!);
      // Two texts at nearly one place would lie on each other: the truth's goes below.
      found.push(svg("path", { class: "qae-true", d: `M${true_} ${middle - 13}V${middle + 13}` }),
        svg("text", { class: "qae-true-text", x: true_, y: this.axes.bottom + 34, ...side(true_) }, `truth: ${number(this.spec, this.spec.truth[0]!)}`));
    }
    return found;
  }

  private bars(): SVGElement[] {
    const { x, y } = this.axes;
    const wide = Math.min(70, 0.4 * (x(1) - x(0))); // the truth is written at the right of its bar
    const zero = y(Math.min(this.spec.high, Math.max(this.spec.low, 0)));
    // A true value stands at the right of its bar; where neighbours are too close for that, above its line.
    const place = (height: number, at: number, name: string): Record<string, string | number> =>
      wide / 2 + 9 + 8.5 * name.length < (x(1) - x(0)) / 2 ? { x: at + wide / 2 + 9, y: height + 5 } : { x: at, y: height - 8, "text-anchor": "middle" };
    const above = (value: number): number => (y(value) <= zero ? -14 : 24);
    return this.spec.labels.flatMap((_, i) => {
      const value = this.values[i]!, at = x(i), found: SVGElement[] = [];
      const rect = (to: number, name: string, half: number): SVGElement =>
        svg("rect", { class: name, x: at - half, width: 2 * half, y: Math.min(zero, y(to)), height: Math.abs(y(to) - zero) });
      if (this.isSet[i]) found.push(rect(value, "qae-bar", wide / 2));
      found.push(...this.grip(i, !this.locked));
      if (this.locked) {
        const true_ = this.spec.truth[i]!, name = number(this.spec, true_);
        found.push(rect(true_, "qae-true-bar", wide / 3), svg("path", { class: "qae-true", d: `M${at - wide / 2 - 6} ${y(true_)}H${at + wide / 2 + 6}` }),
          svg("text", { class: "qae-true-text", ...place(y(true_), at, name) }, name));
      }
      if (this.isSet[i] && !this.locked) found.push(svg("text", { class: "qae-mine", x: at, y: y(value) + above(value), "text-anchor": "middle" }, number(this.spec, value)));
      return found;
    });
  }

  private drawing(): SVGElement[] {
    const { x, y } = this.axes, { spec } = this;
    const path = line(([a]: Point) => x(a), ([, b]: Point) => y(b));
    const mine = this.places().map((place, i): Point => [place, this.values[i]!]).filter((_, i) => this.isSet[i]);
    const found = mine.length > 1 ? [svg("path", { class: "qae-mine-line", d: path(mine)! })] : [];
    found.push(...this.places().flatMap((_, i) => this.grip(i, false)));
    if (this.locked) found.push(svg("path", { class: "qae-true", d: path(spec.curve!)! }));
    return found;
  }
}

export function setting(root: HTMLElement, spec: SetQuestion, locked: (answer: Locked) => void): void {
  new Setting(root, spec, locked);
}
