// States of an explorer: their text, and what a move, a step or a touch makes of them.

import { onGrid } from "../numbers.ts";
import type { Control, Spec, State, Touch, Value } from "./spec.ts";

export function digitsOf(step: number): number {
  const text = String(step);
  return text.includes(".") ? text.split(".")[1]!.length : 0;
}

/** A state as `from_state` reads it. */
export function permalink(controls: Record<string, Control>, state: State): string {
  const write = (control: Control, x: number | string): string =>
    typeof x === "string" ? x : String(Number(x.toFixed(digitsOf(control.step))));
  return Object.entries(controls).map(([name, control]) => {
    const value = state[name]!;
    return `${name}=${Array.isArray(value) ? value.map((x) => write(control, x)).join(",") : write(control, value)}`;
  }).join("&");
}

/** What opens this view again in a notebook. */
export function command(spec: Spec, state: State): string {
  const hide = spec.asked.length ? `, hide=[${spec.asked.map((name) => JSON.stringify(name)).join(", ")}]` : "";
  return `${spec.name}.from_state("${permalink(spec.controls, state)}"${hide})`;
}

/** One step on, and from the end back to the start. */
export function stepped(control: Control, value: number): number {
  const next = value + control.step;
  return next > control.high + 1e-9 ? control.low : Number(next.toFixed(digitsOf(control.step)));
}

/** Whether a state is at the end of time. */
export const atEnd = (control: Control, value: number): boolean => value + control.step > control.high + 1e-9;

/** The value that a touched place of a panel gives to a control; undefined if it gives none. */
export function touched(touch: Touch, control: Control, value: Value, place: { x: number; y: number; box: number }): Value | undefined {
  if (touch.does === "pick") return touch.values[place.box];
  if (touch.does === "flip") {
    const at = Math.round(touch.offset + touch.factor * place.x);
    if (!Array.isArray(value)) return undefined;
    if (!(at in value)) return undefined;
    const middle = (control.low + control.high) / 2;
    return value.map((x, i) => (i === at ? (x > middle ? control.low : control.high) : x));
  }
  const to = touch.offset + touch.factor * place[touch.along];
  return onGrid(to, control.low, control.high, control.step);
}
