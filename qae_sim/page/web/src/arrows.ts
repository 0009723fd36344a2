// What one group does to a policy over three arms: Δπ, to first order in the step.

import { type Estimator, advantages } from "./advantages.ts";
import { drawn, uniform } from "./random.ts";

export type Three = readonly [number, number, number];

export const POLICY: Three = [0.3, 0.45, 0.25];
/** Rewards of the arms: with two values, or with a half between them. */
export const REWARDS: readonly [Three, Three] = [[1, 0, 0], [1, 0.5, 0]];
export const SIZE = 10;
const SEED = 7;

/** How the verifier errs: never; one wrong response in ten passes; one correct one in ten fails; arm 2 always passes. */
export const VERIFIERS = ["always right", "false positives", "false negatives", "one always passes"] as const;
/** Share of the wrong responses that pass, or of the correct ones that fail. */
export const RATE = 0.1;

/** What stands for the advantages: an estimator's, or r - b with a constant b; and how rewards come about. */
export type Rule = ({ kind: "estimator"; name: Estimator; k: number } | { kind: "constant"; b: number })
  & { half: 0 | 1; verifier: number };

interface Outcome { arm: 0 | 1 | 2; reward: number; chance: number }

/** What a response can be: an arm and the reward that the verifier gives. With a half among the rewards it does not err. */
export function outcomes({ half, verifier }: Rule): Outcome[] {
  return ([0, 1, 2] as const).flatMap((arm): Outcome[] => {
    const [reward, chance] = [REWARDS[half][arm], POLICY[arm]];
    if (half === 0 && verifier === 3) return [{ arm, reward: arm === 1 ? 1 : reward, chance }];
    if (half === 1 || verifier === 0 || (verifier === 1) !== (reward === 0)) return [{ arm, reward, chance }];
    return [{ arm, reward, chance: chance * (1 - RATE) }, { arm, reward: 1 - reward, chance: chance * RATE }];
  });
}

/** Σᵢ Aᵢ ∇log π(oᵢ) / G in logits, then J = diag(π) - ππᵀ to probabilities: where the policy would go. */
export function moved(counts: readonly number[], rule: Rule): Three {
  const kinds = outcomes(rule);
  const rewards = counts.flatMap((n, kind) => Array<number>(n).fill(kinds[kind]!.reward));
  const each = rule.kind === "constant" ? rewards.map((r) => r - rule.b) : advantages(rule.name, rewards, rule.k);
  const pulls: [number, number, number] = [0, 0, 0];
  let place = 0;
  counts.forEach((n, kind) => {
    if (n > 0) pulls[kinds[kind]!.arm] += n * each[place]!; // equal rewards have equal advantages
    place += n;
  });
  const total = pulls[0] + pulls[1] + pulls[2];
  const z = pulls.map((pull, arm) => (pull - POLICY[arm as 0 | 1 | 2] * total) / SIZE);
  const average = POLICY.reduce((sum, p, arm) => sum + p * z[arm]!, 0);
  return POLICY.map((p, arm) => p * (z[arm]! - average)) as unknown as Three;
}

/** How often each outcome comes in the group of this number. Arms are the same however the verifier errs. */
export function counted(number: number, rule: Rule): number[] {
  const kinds = outcomes(rule);
  const counts = kinds.map(() => 0);
  for (let i = 0; i < SIZE; i += 1) {
    const arm = drawn(POLICY, uniform(SEED, number, i, 0));
    const own = kinds.flatMap((kind, place) => (kind.arm === arm ? [place] : []));
    counts[own[own.length === 1 ? 0 : drawn(own.map((place) => kinds[place]!.chance), uniform(SEED, number, i, 1))]!]! += 1;
  }
  return counts;
}

export interface Arrow { counts: readonly number[]; times: number; to: Three }

/** The arrows of the first n groups, equal groups taken together. */
export function cloud(n: number, rule: Rule): Arrow[] {
  const found = new Map<string, Arrow>();
  for (let number = 0; number < n; number += 1) {
    const counts = counted(number, rule);
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
  const key = JSON.stringify(rule);
  const before = averages.get(key);
  if (before) return before;
  const kinds = outcomes(rule);
  const sum: [number, number, number] = [0, 0, 0];
  for (const counts of compositions(SIZE, kinds.length)) {
    const ways = factorial(SIZE) / counts.reduce((x, n) => x * factorial(n), 1);
    const chance = ways * counts.reduce((x, n, kind) => x * kinds[kind]!.chance ** n, 1);
    const to = moved(counts, rule);
    for (const arm of [0, 1, 2] as const) sum[arm] += chance * to[arm];
  }
  averages.set(key, sum);
  return sum;
}

/** Exact averages that have been asked for: up to a thousand groups each, and four estimators are always shown. */
const averages = new Map<string, Three>();

/** All ways in which a number can be split into so many parts. */
function compositions(total: number, parts: number): number[][] {
  if (parts === 1) return [[total]];
  return Array.from({ length: total + 1 }, (_, first) => compositions(total - first, parts - 1).map((rest) => [first, ...rest])).flat();
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

/** By how many degrees the exact average under a rule is turned from the gradient, that under a constant b and a verifier
 * that is always right. */
export function turn(rule: Rule): number {
  const gap = direction(expected(rule)) - direction(expected({ kind: "constant", b: 0, half: rule.half, verifier: 0 }));
  return Math.abs(((gap + 540) % 360) - 180);
}

export const size = (three: Three): number => Math.hypot(...flat(three));
