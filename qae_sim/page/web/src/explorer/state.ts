// States of an explorer: their text, and what a move, a step or a touch makes of them.

import { onGrid } from "../numbers.ts";
import type { Control, Spec, State, Touch, Value } from "./spec.ts";

export function digitsOf(step: number): number {
  const text = String(step);
  return text.includes(".") ? text.split(".")[1]!.length : 0;
}

/** What is beyond so many decimals is rounded away. */
const DECIMALS = 10;

/** A number as a state holds it; zero has no sign. */
const rounded = (x: number): number => Number(x.toFixed(DECIMALS)) + 0;

/** The fewest digits that lead back to a number, without an exponent. */
const written = (x: number): string => {
  const text = rounded(x).toFixed(DECIMALS);
  return text.replace(/\.?0+$/, "");
};

/** A state as `from_state` reads it. */
export function permalink(controls: Record<string, Control>, state: State): string {
  return Object.keys(controls).map((name) => {
    const value = state[name]!;
    return `${name}=${typeof value === "string" ? value : [value].flat().map(written).join(",")}`;
  }).join("&");
}

/** What of a state an address says. */
export function changes({ controls, defaults }: Spec, state: State): string {
  const known = permalink(controls, defaults).split("&");
  return permalink(controls, state).split("&").filter((part, i) => part !== known[i]).join("&");
}

// How numbers are written: the same as in qae_sim.explorers.state.
const INTEGER = /^-?[0-9]+$/;
const NUMBER = /^-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE]-?[0-9]+)?$/;
const KINDS = { whole: "an integer", number: "a number", numbers: "numbers joined by commas", choice: "" };

/**
 * The state of an address: what it does not name is as in `defaults`. Must agree with `State.from_text`.
 *
 * An address of which something would have to be dropped or changed has no state: an Error says what is wrong with it.
 */
export function stateOf({ controls, defaults }: Spec, text: string): State {
  const state = { ...defaults };
  const form = (): Error => new Error(`state must be name=value pairs joined by &, each of ${Object.keys(controls).join(", ")} at most once; got "${text}"`);
  if (text && !text.split("&").every((part) => part.includes("="))) throw form();
  const named = new Set<string>();
  for (const [name, said] of new URLSearchParams(`?${text}`)) {
    if (!Object.hasOwn(controls, name) || named.has(name)) throw form();
    named.add(name);
    state[name] = read(name, controls[name]!, said);
  }
  for (const [name, control] of Object.entries(controls)) check(name, control, state, defaults[name]!);
  return state;
}

function read(name: string, { kind }: Control, said: string): Value {
  if (kind === "choice") return said;
  const parts = kind === "numbers" ? said.split(",") : [said];
  if (!parts.every((part) => (kind === "whole" ? INTEGER : NUMBER).test(part))) throw new Error(`${name} must be written as ${KINDS[kind]}; got "${said}"`);
  const values = parts.map(Number);
  return kind === "numbers" ? values : values[0]!;
}

function check(name: string, control: Control, state: State, first: Value): void {
  const value = state[name]!;
  if (typeof value === "string") {
    const options = control.options.map(([option]) => option);
    if (!options.includes(value)) throw new Error(`${name} must be one of ${options.join(", ")}; got "${value}"`);
    return;
  }
  const values = [value].flat();
  if (Array.isArray(first) && values.length !== first.length) throw new Error(`${name} must be ${first.length} numbers; got ${values.length}`);
  const high = control.end ? state[control.end] as number : control.high;
  for (const x of values) {
    if (!(x >= control.low && x <= high)) throw new Error(`${name} must be ${control.kind === "whole" ? "an integer" : "a number"} from ${control.low} to ${high}; got ${x}`);
    const steps = (rounded(x) - control.low) / control.step;
    if (control.local && Math.abs(steps - Math.round(steps)) > 1e-6) throw new Error(`${name} must be ${control.low} plus a multiple of ${control.step}; got ${x}`);
  }
  state[name] = Array.isArray(value) ? values.map(rounded) : rounded(value);
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
