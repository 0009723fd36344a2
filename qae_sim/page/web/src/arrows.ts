// What one group does to a policy over three arms: Δπ, to first order in the step.

import { type Estimator, advantages } from "./advantages.ts";
import { drawn, uniform } from "./random.ts";

export type Three = readonly [number, number, number];

export const POLICY: Three = [0.3, 0.45, 0.25];
/** Rewards of the arms: with two values, or with a half between them. */
export const REWARDS: readonly [Three, Three] = [[1, 0, 0], [1, 0.5, 0]];
export const SIZE = 10;
const SEED = 7;

/** What stands for the advantages: an estimator's, or r - b with a constant b. */
export type Rule = ({ kind: "estimator"; name: Estimator; k: number } | { kind: "constant"; b: number }) & { half: 0 | 1 };

/** Σᵢ Aᵢ ∇log π(oᵢ) / G in logits, then J = diag(π) - ππᵀ to probabilities: where the policy would go. */
export function moved(counts: Three, rule: Rule): Three {
  const rewards = counts.flatMap((n, arm) => Array<number>(n).fill(REWARDS[rule.half][arm as 0 | 1 | 2]));
  const each = rule.kind === "constant" ? rewards.map((r) => r - rule.b) : advantages(rule.name, rewards, rule.k);
  let place = 0;
  const perArm = counts.map((n) => {
    const found = n > 0 ? each[place]! : 0; // responses of one arm have one reward, and one advantage
    place += n;
    return found;
  });
  const total = counts.reduce((sum, n, arm) => sum + n * perArm[arm]!, 0);
  const z = counts.map((n, arm) => (n * perArm[arm]! - POLICY[arm as 0 | 1 | 2] * total) / SIZE);
  const average = POLICY.reduce((sum, p, arm) => sum + p * z[arm]!, 0);
  return POLICY.map((p, arm) => p * (z[arm]! - average)) as unknown as Three;
}

/** How often each arm comes in the group of this number. */
export function counted(number: number): Three {
  const counts: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < SIZE; i += 1) counts[drawn(POLICY, uniform(SEED, number, i, 0)) as 0 | 1 | 2] += 1;
  return counts;
}

export interface Arrow { counts: Three; times: number; to: Three }

/** The arrows of the first n groups, equal groups taken together. */
export function cloud(n: number, rule: Rule): Arrow[] {
  const found = new Map<string, Arrow>();
  for (let number = 0; number < n; number += 1) {
    const counts = counted(number);
    const key = counts.join();
    const arrow = found.get(key);
    if (arrow) arrow.times += 1;
    else found.set(key, { counts, times: 1, to: moved(counts, rule) });
  }
  return [...found.values()];
}

export function meanOf(arrows: readonly Arrow[]): Three {
  const total = arrows.reduce((sum, arrow) => sum + arrow.times, 0);
  return [0, 1, 2].map((arm) => arrows.reduce((sum, a) => sum + a.times * a.to[arm as 0 | 1 | 2], 0) / total) as unknown as Three;
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** The exact average over all groups, each with its multinomial chance. */
export function expected(rule: Rule): Three {
  const sum: [number, number, number] = [0, 0, 0];
  for (let a = 0; a <= SIZE; a += 1) {
    for (let b = 0; a + b <= SIZE; b += 1) {
      const counts: Three = [a, b, SIZE - a - b];
      const ways = factorial(SIZE) / counts.reduce((x, n) => x * factorial(n), 1);
      const chance = ways * counts.reduce((x, n, arm) => x * POLICY[arm as 0 | 1 | 2] ** n, 1);
      const to = moved(counts, rule);
      for (const arm of [0, 1, 2] as const) sum[arm] += chance * to[arm];
    }
  }
  return sum;
}

/** The corners of the triangle, arm 1 (correct) at the top, in units of its side. */
export const CORNERS = [[0.5, Math.sqrt(3) / 2], [0, 0], [1, 0]] as const;

/** A point, or a difference of points, of the triangle. */
export function flat(three: Three): [number, number] {
  return [0, 1].map((axis) => three.reduce((sum, share, arm) => sum + share * CORNERS[arm as 0 | 1 | 2][axis as 0 | 1], 0)) as [number, number];
}

/** Degrees counterclockwise from east. */
export function direction(three: Three): number {
  const [x, y] = flat(three);
  return (Math.atan2(y, x) * 180) / Math.PI;
}

/** By how many degrees the exact average under a rule is turned from that under a constant b, which is the gradient's. */
export function turn(rule: Rule): number {
  const gap = direction(expected(rule)) - direction(expected({ kind: "constant", b: 0, half: rule.half }));
  return Math.abs(((gap + 540) % 360) - 180);
}

export const size = (three: Three): number => Math.hypot(...flat(three));
