// A training of many prompts, each with a policy of its own over a few responses: a bandit for every prompt.

import { advantages, historyWeight, mean, quantile } from "./advantages.ts";
import { drawn, uniform } from "./random.ts";

export type Trainer = "grpo" | "qae" | "ha_dw";

export const TRAINERS: readonly Trainer[] = ["grpo", "qae", "ha_dw"];
export const PROMPTS = 24;
export const RESPONSES = 6;
export const GROUP = 8;
export const STEPS = 60;
const ETA = 0.3;
const SEED = 3;
/** HA-DW's hard anchor: the mean reward of this many batches. */
const WINDOW = 10;

export type Logits = readonly (readonly number[])[];

export function softmax(z: readonly number[]): number[] {
  const top = Math.max(...z);
  const weights = z.map((x) => Math.exp(x - top));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / total);
}

/** How many of a prompt's responses are correct, the first ones: one or two. */
export const correctOf = (prompt: number): number => (prompt % 3 === 2 ? 2 : 1);

/** Where all three trainings start: success rates from 3 to 90 %, wrong responses unequally likely. */
export function start(): Logits {
  return Array.from({ length: PROMPTS }, (_, prompt) => {
    const p = 0.03 + (0.87 * prompt) / (PROMPTS - 1);
    const correct = correctOf(prompt);
    const wrong = Array.from({ length: RESPONSES - correct }, (_, i) => 0.7 ** i);
    const total = wrong.reduce((a, b) => a + b, 0);
    return [...Array<number>(correct).fill(Math.log(p / correct)), ...wrong.map((w) => Math.log(((1 - p) * w) / total))];
  });
}

export const success = (pi: readonly number[], prompt: number): number =>
  pi.slice(0, correctOf(prompt)).reduce((a, b) => a + b, 0);

export const entropy = (pi: readonly number[]): number =>
  -pi.reduce((sum, p) => sum + (p > 0 ? p * Math.log(p) : 0), 0);

/** Share of the wrong responses that pass where the verifier has false positives, or of the correct ones that fail where it
 * has false negatives. */
export const RATE = 0.1;

/** The reward of a response: 1 if it is correct, but for the verifier's errors, the same for every trainer. */
export function judged(response: number, prompt: number, step: number, place: number, errs: number): number {
  const correct = response < correctOf(prompt);
  const wrongly = errs > 0 && correct === (errs === 2) && uniform(SEED + 1, prompt, step, place) < RATE;
  return correct !== wrongly ? 1 : 0;
}

/** The group of one prompt at one step: which responses were drawn. The same numbers for every trainer. */
export function sampled(pi: readonly number[], prompt: number, step: number): number[] {
  return Array.from({ length: GROUP }, (_, i) => drawn(pi, uniform(SEED, prompt, step, i)));
}

export interface Moment {
  logits: Logits;
  /** Mean rewards of recent batches, for HA-DW's anchor: the mean of these, or one half before the first. */
  recent: readonly number[];
}

export interface Opened {
  responses: number[];
  rewards: number[];
  baseline: number;
  advantages: number[];
}

export const anchor = (recent: readonly number[]): number => (recent.length > 0 ? mean(recent) : 0.5);

/** One prompt's group, its rewards and advantages under a trainer. */
export function opened(moment: Moment, trainer: Trainer, k: number, prompt: number, step: number, errs = 0, pi = softmax(moment.logits[prompt]!)): Opened {
  const responses = sampled(pi, prompt, step);
  const rewards = responses.map((response, place) => judged(response, prompt, step, place, errs));
  const rate = mean(rewards);
  const plain = advantages(trainer === "qae" ? "qae" : "grpo", rewards, k);
  const belief = anchor(moment.recent);
  const found = trainer === "ha_dw" ? plain.map((a) => a * historyWeight(a, rate, belief)) : plain;
  return {
    responses,
    rewards,
    baseline: trainer === "qae" ? quantile(rewards, k) : rate,
    advantages: found,
  };
}

/** All prompts learn from their own groups: z += η/G Σᵢ Aᵢ (e - π). */
export function next(moment: Moment, trainer: Trainer, k: number, step: number, errs = 0): Moment {
  let rewarded = 0;
  const logits = moment.logits.map((z, prompt) => {
    const pi = softmax(z);
    const group = opened(moment, trainer, k, prompt, step, errs, pi);
    rewarded += group.rewards.reduce((a, b) => a + b, 0);
    const total = group.advantages.reduce((a, b) => a + b, 0);
    const moved = z.map((x, arm) => x - (ETA / GROUP) * pi[arm]! * total);
    group.responses.forEach((arm, i) => { moved[arm]! += (ETA / GROUP) * group.advantages[i]!; });
    return moved;
  });
  return { logits, recent: [...moment.recent, rewarded / (PROMPTS * GROUP)].slice(-WINDOW) };
}

/** A whole training: the moments before steps 0, ..., STEPS. From step `turn` on, K is `after`; before it, all is as in
 * `known`, the same training without the turn. `errs` is 0 for a verifier that is always right, 1 for one with false
 * positives, 2 for one with false negatives. */
export function training(trainer: Trainer, k: number, turn: number = STEPS, after: number = k, known: readonly Moment[] = [], errs = 0): Moment[] {
  const moments: Moment[] = known.length > 0 ? known.slice(0, turn + 1) : [{ logits: start(), recent: [] }];
  for (let step = moments.length - 1; step < STEPS; step += 1) moments.push(next(moments[step]!, trainer, step >= turn ? after : k, step, errs));
  return moments;
}

export interface Summary { success: number; entropy: number }

/** Success rate and entropy, averaged over prompts. */
export function summary(moment: Moment): Summary {
  const policies = moment.logits.map(softmax);
  return { success: mean(policies.map(success)), entropy: mean(policies.map(entropy)) };
}

/** Whether no response of a prompt has an advantage. */
export const silent = (group: Opened): boolean => group.advantages.every((a) => a === 0);
