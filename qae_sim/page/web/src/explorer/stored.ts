// What a page without a kernel has: pictures of some states, each with its description.

import type { Control, Spec, State, Value } from "./spec.ts";

export interface Shown { spec: Spec; data: string }
/** An explorer as a page stores it: the picture that is seen first, and those of other states. */
export interface Content extends Shown { others: Shown[] }

export const same = (one: Value, other: Value): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Whether two states have one picture: they differ at most in what the browser moves by itself. */
export function alike(controls: Record<string, Control>, one: State, other: State): boolean {
  return Object.entries(controls).every(([name, control]) => control.local || same(one[name]!, other[name]!));
}

/** The stored picture that holds a state; null: only Python can draw it. Nothing else decides that. */
export function storedFor(content: Content, state: State): Shown | null {
  return [content, ...content.others].find(({ spec }) => alike(spec.controls, spec.state, state)) ?? null;
}
