// Draws a picture on a canvas: measures first (ticks, titles, legends), since a panel's frame depends on its texts.

import { axes, lines, ticks, type Axes, type Box } from "./axes.ts";
import { Numbers, single } from "./lookup.ts";
import type { Band, Bars, Cells, Dash, GuideLine, Layer, Line, Marker, Note, Panel, Picture, Points, Ticks } from "./spec.ts";
import { onGround, type Theme } from "./theme.ts";

/** Sizes in pixels: of most letters, of the smallest ones; and by how much lines are thicker than in print. */
export interface Look { font: number; least: number; line: number }
/** A panel as it was drawn, for pointers. */
export interface Drawn { panel: Panel; axes: Axes; boxes: Box[] }

const DASHES: Record<Dash, number[]> = { solid: [], dashed: [9, 6], dotted: [2, 5] };
const FAMILY = 'system-ui, "DejaVu Sans", sans-serif';

interface Head {
  panel: Panel; outer: Box; left: number; right: number; yTicks: Ticks; title: string[]; below: string[]; rows: [Named, number][][];
  /** Room above the frame, and lines below it. */
  above: number; under: number;
}

type Named = Exclude<Layer, Note | Cells>;

export class Painter {
  private readonly pen: CanvasRenderingContext2D;
  private widest = 0;
  private named = false;
  readonly drawn: Drawn[] = [];

  constructor(canvas: HTMLCanvasElement, private readonly width: number, private readonly height: number,
    private readonly look: Look, private readonly theme: Theme, private readonly numbers: Numbers) {
    // The canvas has the screen's pixels, and the pen draws in those of the page: sharp on dense screens.
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    this.pen = canvas.getContext("2d")!;
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.textBaseline = "middle";
    this.pen.lineJoin = "round";
  }

  paint(picture: Picture): void {
    const total = picture.panels.reduce((sum, panel) => sum + panel.weight, 0);
    // Panels above each other share their left edge.
    this.widest = picture.row ? 0 : Math.max(...picture.panels.map((panel) => this.widestTick(this.yTicks(panel, this.height / picture.panels.length))));
    this.named = !picture.row && picture.panels.some((panel) => panel.y);
    let used = 0;
    const heads = picture.panels.map((panel) => {
      const share = panel.weight / total;
      const outer = picture.row
        ? { left: used * this.width, right: (used + share) * this.width, top: 0, bottom: this.height }
        : { left: 0, right: this.width, top: used * this.height, bottom: (used + share) * this.height };
      used += share;
      return this.head(panel, outer);
    });
    // Panels beside each other begin and end at one height: what is on one scale looks so.
    const [above, below] = [Math.max(...heads.map((head) => head.above)), Math.max(...heads.map((head) => head.below.length))];
    for (const head of heads) this.panel(picture.row ? { ...head, above, under: below } : head);
  }

  /** The texts around a panel, broken into lines, and what room they take. All distances are in letters, so that the larger
   * look grows as a whole. */
  private head(panel: Panel, outer: Box): Head {
    const f = this.look.font;
    const yTicks = this.yTicks(panel, outer.bottom - outer.top);
    const left = outer.left + Math.max(this.widest, this.widestTick(yTicks)) + f * (panel.y || this.named ? 2.6 : 1.2);
    const right = outer.right - f * 1.2;
    this.font(1.05, "600");
    const title = this.wrapped(panel.title, outer.right - outer.left - f * 1.2);
    this.font(1);
    const below = this.wrapped(panel.x, outer.right - outer.left - f);
    const rows = this.legendRows(panel, right - left);
    return { panel, outer, left, right, yTicks, title, below, rows, above: f * (0.9 + title.length * 1.3 + rows.length * 1.45), under: below.length };
  }

  private font(share = 1, weight = "normal"): void {
    this.pen.font = `${weight} ${Math.max(this.look.least, Math.round(this.look.font * share))}px ${FAMILY}`;
  }

  private colour(colour: string): string {
    return onGround(colour, this.theme.dark);
  }

  private ends(panel: Panel): [number, number] {
    const row = this.numbers.row(panel.ylim);
    return [row[0]!, row[1]!];
  }

  private yTicks(panel: Panel, height: number): Ticks {
    return panel.yticks.length ? panel.yticks : ticks(...this.ends(panel), Math.max(3, height / (this.look.font * 4.5)));
  }

  private widestTick(found: Ticks): number {
    this.font(0.9);
    return Math.max(0, ...found.map(([, text]) => this.pen.measureText(text).width));
  }

  private wrapped(text: string, width: number): string[] {
    return text ? lines(text, (line) => this.pen.measureText(line).width <= width) : [];
  }

  private panel({ panel, outer, left, right, yTicks, title, below, rows, above, under }: Head): void {
    const { pen } = this;
    const f = this.look.font;
    const top = outer.top + above;
    const bottom = outer.bottom - f * (2 + under * 1.25);
    const xTicks = this.xTicks(panel, right - left);
    const frame = axes({ left, right, top, bottom }, panel.xlim, this.ends(panel));
    this.grid(frame, xTicks, yTicks);
    this.texts(panel, frame, outer, title, below);
    this.legend(rows, left, outer.top + f * (1 + title.length * 1.3));
    const drawn: Drawn = { panel, axes: frame, boxes: [] };
    this.drawn.push(drawn);
    pen.save();
    pen.beginPath();
    pen.rect(left - 1, top - 1, right - left + 2, bottom - top + 2);
    pen.clip();
    // Notes may reach beyond the frame, data may not.
    for (const layer of panel.layers) if (layer.kind !== "Note") this.layer(layer, frame, drawn);
    pen.restore();
    for (const layer of panel.layers) if (layer.kind === "Note") this.note(layer, frame);
  }

  /** As many ticks as have room for their texts. */
  private xTicks(panel: Panel, width: number): Ticks {
    const f = this.look.font;
    if (!panel.xticks.length) return ticks(...panel.xlim, Math.max(2, width / (f * 5)));
    const needed = (this.widestTick(panel.xticks) + f * 0.6) * panel.xticks.length;
    const every = Math.max(1, Math.ceil(needed / width));
    return panel.xticks.filter((_, i) => i % every === 0);
  }

  private grid({ left, right, top, bottom, x, y }: Axes, xTicks: Ticks, yTicks: Ticks): void {
    const { pen } = this;
    const f = this.look.font;
    pen.lineWidth = 1;
    pen.setLineDash([]);
    pen.strokeStyle = this.theme.grid;
    for (const [at] of xTicks) this.stroke([[x(at), top], [x(at), bottom]]);
    for (const [at] of yTicks) this.stroke([[left, y(at)], [right, y(at)]]);
    pen.strokeStyle = this.theme.edge;
    this.stroke([[left, top], [left, bottom], [right, bottom]]);
    pen.fillStyle = this.theme.text;
    this.font(0.9);
    pen.textAlign = "center";
    for (const [at, text] of xTicks) pen.fillText(text, x(at), bottom + f);
    pen.textAlign = "right";
    for (const [at, text] of yTicks) pen.fillText(text, left - f * 0.5, y(at));
  }

  private texts(panel: Panel, { left, right, top, bottom }: Axes, outer: Box, title: string[], below: string[]): void {
    const { pen } = this;
    const f = this.look.font;
    pen.fillStyle = this.theme.text;
    this.font(1);
    pen.textAlign = "center";
    below.forEach((line, i) => {
      // Centred under the axis where there is room, else as far to the left as it must be.
      const half = pen.measureText(line).width / 2;
      const middle = Math.min(Math.max((left + right) / 2, outer.left + half + 2), outer.right - half - 2);
      pen.fillText(line, middle, bottom + f * (2.3 + i * 1.25));
    });
    if (panel.y) {
      const beside = this.wrapped(panel.y, bottom - top);
      pen.save();
      pen.translate(outer.left + f * 0.9, (top + bottom) / 2);
      pen.rotate(-Math.PI / 2);
      pen.fillText(beside.length > 1 ? this.shortened(panel.y, bottom - top) : panel.y, 0, 0);
      pen.restore();
    }
    this.font(1.05, "600");
    pen.textAlign = "left";
    const widest = Math.max(0, ...title.map((line) => pen.measureText(line).width));
    const from = Math.max(outer.left + f * 0.3, Math.min(left, outer.right - f * 0.6 - widest));
    title.forEach((line, i) => { pen.fillText(line, from, outer.top + f * (0.9 + i * 1.3)); });
  }

  /** The name of an axis without what stands in brackets, where all of it would not fit; the title and the table have it. */
  private shortened(text: string, width: number): string {
    const short = text.replace(/ \(.*\)/, "");
    return this.pen.measureText(short).width <= width * 1.15 ? short : short.split(" ")[0]!;
  }

  /** Fills rows from the left, and begins another where a label no longer fits. */
  private legendRows(panel: Panel, width: number): [Named, number][][] {
    const f = this.look.font;
    const rows: [Named, number][][] = [];
    let used = Infinity;
    this.font(0.9);
    for (const layer of panel.layers) {
      if (layer.kind === "Note" || layer.kind === "Cells" || !layer.label) continue;
      const needed = this.pen.measureText(layer.label).width + f * 3.2;
      if (used + needed > width) { rows.push([]); used = 0; }
      rows[rows.length - 1]!.push([layer, used]);
      used += needed;
    }
    return rows;
  }

  private legend(rows: [Named, number][][], left: number, top: number): void {
    const { pen } = this;
    const f = this.look.font;
    rows.forEach((row, i) => {
      const y = top + i * f * 1.45;
      for (const [layer, offset] of row) {
        const x = left + offset;
        pen.setLineDash([]);
        if (layer.kind === "Line" || layer.kind === "GuideLine") {
          this.pencil(layer.colour, layer.width, layer.dash);
          this.stroke([[x, y], [x + f * 1.9, y]]);
        } else if (layer.kind === "Points") {
          this.mark(layer, Math.min(this.numbers.one(layer.size), 12), x + f * 0.9, y);
        } else {
          this.block(layer, { left: x + f * 0.4, right: x + f * 1.4, top: y - f * 0.45, bottom: y + f * 0.45 });
        }
        pen.fillStyle = this.theme.text;
        this.font(0.9);
        pen.textAlign = "left";
        pen.fillText(layer.label, x + f * 2.2, y);
      }
    });
    pen.setLineDash([]);
  }

  private pencil(colour: string, width: number, dash: Dash): void {
    this.pen.strokeStyle = this.colour(colour);
    this.pen.lineWidth = width * this.look.line;
    this.pen.setLineDash(DASHES[dash]);
  }

  private stroke(points: readonly (readonly [number, number])[]): void {
    this.pen.beginPath();
    points.forEach(([x, y], i) => { if (i) this.pen.lineTo(x, y); else this.pen.moveTo(x, y); });
    this.pen.stroke();
  }

  private layer(layer: Exclude<Layer, Note>, frame: Axes, drawn: Drawn): void {
    switch (layer.kind) {
      case "Line": this.line(layer, frame); break;
      case "Band": this.band(layer, frame); break;
      case "GuideLine": this.guideLine(layer, frame); break;
      case "Bars": this.bars(layer, frame); break;
      case "Points": this.points(layer, frame); break;
      case "Cells": this.cells(layer, frame, drawn); break;
    }
  }

  /** Without `until` everything is drawn. */
  private count(layer: Line | Points, all: number): number {
    return layer.until === null ? all : Math.min(all, this.numbers.one(layer.until));
  }

  private line(layer: Line, { x: toX, y: toY }: Axes): void {
    const [x, y] = [this.numbers.row(layer.x), this.numbers.row(layer.y)];
    const { pen } = this;
    this.pencil(layer.colour, layer.width, layer.dash);
    pen.beginPath();
    let down = false; // where a point is missing the pen is lifted
    const count = this.count(layer, y.length);
    for (let i = 0; i < count; i += 1) {
      const there = Number.isFinite(x[i]) && Number.isFinite(y[i]);
      if (there && down) pen.lineTo(toX(x[i]!), toY(y[i]!));
      else if (there) pen.moveTo(toX(x[i]!), toY(y[i]!));
      down = there;
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  private band(layer: Band, { x: toX, y: toY }: Axes): void {
    const [x, low, high] = [this.numbers.row(layer.x), this.numbers.row(layer.low), this.numbers.row(layer.high)];
    const { pen } = this;
    pen.globalAlpha = 0.2;
    pen.fillStyle = this.colour(layer.colour);
    pen.beginPath();
    // There along the upper ends and back along the lower ones.
    for (let i = 0; i < x.length; i += 1) pen.lineTo(toX(x[i]!), toY(high[i]!));
    for (let i = x.length - 1; i >= 0; i -= 1) pen.lineTo(toX(x[i]!), toY(low[i]!));
    pen.fill();
    pen.globalAlpha = 1;
  }

  private guideLine(layer: GuideLine, { left, right, top, bottom, x, y }: Axes): void {
    const at = this.numbers.one(layer.at);
    if (!Number.isFinite(at)) return;
    this.pencil(layer.colour, layer.width, layer.dash);
    this.stroke(layer.along === "x" ? [[x(at), top], [x(at), bottom]] : [[left, y(at)], [right, y(at)]]);
    this.pen.setLineDash([]);
  }

  private block(layer: Bars | Band, { left, right, top, bottom }: Box): void {
    const { pen } = this;
    const band = layer.kind === "Band";
    pen.globalAlpha = band ? 0.2 : 1;
    pen.fillStyle = this.colour(layer.colour);
    pen.fillRect(left, top, right - left, bottom - top);
    pen.globalAlpha = 1;
    if (band) return;
    pen.lineWidth = 1;
    pen.strokeStyle = this.theme.back;
    if (layer.hatched) {
      pen.save();
      pen.beginPath();
      pen.rect(left, top, right - left, bottom - top);
      pen.clip();
      pen.lineWidth = 1.5;
      const tall = bottom - top;
      for (let i = -tall; i < right - left; i += 8) this.stroke([[left + i, bottom], [left + i + tall, top]]);
      pen.restore();
    }
    pen.strokeStyle = this.theme.text;
    pen.strokeRect(left, top, right - left, bottom - top);
  }

  private bars(layer: Bars, { x: toX, y: toY }: Axes): void {
    const [x, height] = [this.numbers.row(layer.x), this.numbers.row(layer.height)];
    for (let i = 0; i < height.length; i += 1) {
      if (!Number.isFinite(height[i])) continue;
      const [base, end] = [toY(0), toY(height[i]!)];
      this.block(layer, { left: toX(x[i]! - layer.width / 2), right: toX(x[i]! + layer.width / 2), top: Math.min(base, end), bottom: Math.max(base, end) });
    }
  }

  private points(layer: Points, { x: toX, y: toY }: Axes): void {
    const [x, y, size] = [this.numbers.row(layer.x), this.numbers.row(layer.y), this.numbers.row(layer.size)];
    const count = this.count(layer, y.length);
    for (let i = 0; i < count; i += 1) {
      if (Number.isFinite(x[i]) && Number.isFinite(y[i])) this.mark(layer, size[single(size) ? 0 : i]!, toX(x[i]!), toY(y[i]!));
    }
  }

  private mark(layer: { marker: Marker; colour: string; filled: boolean }, size: number, x: number, y: number): void {
    const { pen } = this;
    const colour = this.colour(layer.colour);
    const r = (size / 2) * 1.2 * this.look.line;
    pen.setLineDash([]);
    if (layer.marker === "dash" || layer.marker === "cross") {
      const strokes: [number, number][][] = layer.marker === "dash" ? [[[x - r, y], [x + r, y]]]
        : [[[x - r * 0.7, y - r * 0.7], [x + r * 0.7, y + r * 0.7]], [[x - r * 0.7, y + r * 0.7], [x + r * 0.7, y - r * 0.7]]];
      // A wider stroke of the ground's colour keeps it apart from a bar that it lies on.
      for (const [ink, width] of [[this.theme.back, 8], [colour, 4]] as const) {
        pen.strokeStyle = ink;
        pen.lineWidth = width * this.look.line;
        strokes.forEach((points) => { this.stroke(points); });
      }
      return;
    }
    pen.lineWidth = 2 * this.look.line;
    pen.strokeStyle = layer.filled ? this.theme.back : colour;
    pen.fillStyle = colour;
    pen.beginPath();
    if (layer.marker === "square") pen.rect(x - r, y - r, 2 * r, 2 * r);
    else if (layer.marker === "circle") pen.arc(x, y, r, 0, 2 * Math.PI);
    else {
      for (const [dx, dy] of [[0, -r], [r, 0], [0, r], [-r, 0]] as const) pen.lineTo(x + dx, y + dy);
      pen.closePath();
    }
    if (layer.filled) pen.fill();
    pen.stroke();
  }

  private cells(layer: Cells, { x: toX, y: toY }: Axes, drawn: Drawn): void {
    const { pen } = this;
    const [x, y, width] = [this.numbers.row(layer.x), this.numbers.row(layer.y), this.numbers.row(layer.width)];
    const [start, end] = [(i: number) => toX(x[i]!), (i: number) => toX(x[i]! + width[single(width) ? 0 : i]!)];
    // On a phone words are wider than their cells: they are set smaller, and only then closer.
    this.font(0.95);
    const share = Math.min(1, ...layer.texts.map((text, i) => (end(i) - start(i) - 2) / pen.measureText(text).width));
    this.font(0.95 * Math.max(share, 0.86));
    pen.textAlign = "center";
    layer.texts.forEach((text, i) => {
      const box = { left: start(i), right: end(i), top: toY(y[i]! + layer.height / 2), bottom: toY(y[i]! - layer.height / 2) };
      drawn.boxes.push(box);
      pen.fillStyle = this.colour(layer.colours[i]!);
      pen.fillRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      pen.strokeStyle = this.theme.text;
      pen.lineWidth = layer.chosen[i] ? 4 : 0.5;
      pen.strokeRect(box.left, box.top, box.right - box.left, box.bottom - box.top);
      pen.fillStyle = this.theme.text;
      pen.fillText(text, (box.left + box.right) / 2, (box.top + box.bottom) / 2, box.right - box.left - 2);
    });
  }

  private note(layer: Note, { x: toX, y: toY }: Axes): void {
    const [x, y] = [this.numbers.one(layer.x), this.numbers.one(layer.y)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const { pen } = this;
    this.font(0.95);
    pen.textAlign = layer.anchor;
    pen.lineWidth = 4;
    pen.strokeStyle = this.theme.back; // keeps words apart from what they stand on
    const text = this.numbers.said(layer.words);
    pen.strokeText(text, toX(x), toY(y));
    pen.fillStyle = this.colour(layer.colour);
    pen.fillText(text, toX(x), toY(y));
  }
}
