// What the reader has set, and how it is written in the page's address.

import { ESTIMATORS } from "./advantages.ts";
import { VERIFIERS } from "./arrows.ts";
import { PROMPTS, STEPS } from "./bandit.ts";
import { onGrid } from "./numbers.ts";

export const SIZES = [1, 10, 100, 1000] as const;
export const RULES = [...ESTIMATORS, "constant"] as const;

export interface State {
  /** Which of the ten responses count as correct, as ten digits. */
  r: string;
  /** The baseline of scene 1. */
  b: number;
  /** Scene 2: 0 shows the ten responses, j > 0 shows rewards 1, 1, 1, 1 + 10⁻ʲ. */
  near: number;
  /** K of scenes 3 to 5. */
  k: number;
  /** Scene 5: what draws the arrows, how many groups, and b where it is a constant. */
  rule: (typeof RULES)[number];
  groups: number;
  fixed: number;
  /** Whether the second arm of scene 5 has reward ½. */
  half: 0 | 1;
  /** How the verifiers of scenes 5 to 8 err, by their places in `VERIFIERS`, of which 6 to 8 have the first three. */
  verifier: number;
  noise: number;
  blind: number;
  errs: number;
  /** Scene 6: what is switched on, by bits. */
  chips: number;
  /** Scene 7: the anchor, the batch, and the estimator that is open on the map. */
  anchor: number;
  batch: number;
  dot: string;
  /** Scene 8: the step, the step from which K is another (STEPS: never), that K, and the prompt that is open. */
  step: number;
  turn: number;
  after: number;
  prompt: number;
  /** The scene that is read. */
  at: string;
}

export const SCENES = ["0", "1", "2", "3", "4", "5", "6", "7", "map", "8", "9"] as const;

export const FIRST: State = {
  r: "0100000000", b: 0.1, near: 0, k: 0.4, rule: "grpo", groups: 100, fixed: 0.5, half: 0, verifier: 0, noise: 0, blind: 0, errs: 0, chips: 0,
  anchor: 0, batch: 30, dot: "grpo", step: 20, turn: STEPS, after: 0.8, prompt: 4, at: "0",
};

export const K_GRID = { low: 0.05, high: 0.95, step: 0.05 } as const;
export const B_GRID = { low: 0, high: 1, step: 0.05 } as const;

const GRIDS: Partial<Record<keyof State, { low: number; high: number; step: number }>> = {
  b: B_GRID, near: { low: 0, high: 6, step: 1 }, k: K_GRID, fixed: B_GRID, half: { low: 0, high: 1, step: 1 }, verifier: { low: 0, high: VERIFIERS.length - 1, step: 1 }, noise: { low: 0, high: 2, step: 1 }, blind: { low: 0, high: 2, step: 1 }, errs: { low: 0, high: 2, step: 1 }, chips: { low: 0, high: 31, step: 1 },
  anchor: { low: 0, high: 3, step: 1 }, batch: { low: 0, high: 79, step: 1 }, step: { low: 0, high: STEPS - 1, step: 1 },
  turn: { low: 0, high: STEPS, step: 1 }, after: K_GRID, prompt: { low: 0, high: PROMPTS - 1, step: 1 },
};

/** The address: what differs from the first state. */
export function address(state: State): string {
  const parts = (Object.keys(FIRST) as (keyof State)[]).filter((name) => state[name] !== FIRST[name]);
  return parts.map((name) => `${name}=${state[name]}`).join("&");
}

/** The state of an address; what it does not say, or says wrongly, is as at first. */
export function parsed(text: string): State {
  const given = new URLSearchParams(text.replace(/^#/, ""));
  const state = { ...FIRST } as Record<keyof State, string | number>;
  for (const name of Object.keys(FIRST) as (keyof State)[]) {
    const value = given.get(name);
    if (value === null) continue;
    const grid = GRIDS[name];
    if (grid) {
      const number = Number(value);
      if (value !== "" && Number.isFinite(number)) state[name] = onGrid(number, grid.low, grid.high, grid.step);
    } else if (name === "groups") {
      if (SIZES.some((n) => String(n) === value)) state.groups = Number(value);
    } else if (name === "rule") {
      if ((RULES as readonly string[]).includes(value)) state.rule = value;
    } else if (name === "at") {
      if ((SCENES as readonly string[]).includes(value)) state.at = value;
    } else if (name === "r") {
      if (/^[01]{10}$/.test(value)) state.r = value;
    } else state.dot = value;
  }
  return state as unknown as State;
}

export const rewardsOf = (state: State): number[] => state.r.split("").map(Number);
