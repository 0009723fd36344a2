// Where things stand in a panel: its axes and their ticks.

import { scaleLinear, type ScaleLinear } from "d3-scale";
import type { Ticks } from "./spec.ts";

export interface Box { left: number; right: number; top: number; bottom: number }
export interface Axes extends Box { x: ScaleLinear<number, number>; y: ScaleLinear<number, number> }

export function axes(box: Box, xlim: readonly [number, number], ylim: readonly [number, number]): Axes {
  return { ...box, x: scaleLinear(xlim, [box.left, box.right]), y: scaleLinear(ylim, [box.bottom, box.top]) };
}

/** Round ticks, at most about so many, with a real minus sign. */
export function ticks(low: number, high: number, most: number): Ticks {
  const scale = scaleLinear([low, high], [0, 1]);
  const write = scale.tickFormat(most, "f"); // without commas between thousands
  return scale.ticks(most).map((x) => [x, write(x).replace("-", "−")]);
}

/** Breaks a text into lines that fit, at spaces; a word that is wider than a line stays whole. */
export function lines(text: string, fits: (line: string) => boolean): string[] {
  const found: string[] = [];
  for (const word of text.split(" ")) {
    const longer = found.length ? `${found[found.length - 1]!} ${word}` : word;
    if (found.length && fits(longer)) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}
