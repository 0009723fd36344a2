// Advantages of one group, as `qae_sim.advantages` defines them at eps = 0 and, where nothing else is said, ddof = 0. A test compares every state
// that the page can show with the package.

export type Estimator = "grpo" | "qae" | "rloo" | "dr_grpo";

export const ESTIMATORS: readonly Estimator[] = ["grpo", "qae", "rloo", "dr_grpo"];

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The rank ⌈K·G⌉ of the K-quantile among G sorted values, counted from 1. */
export function rank(k: number, size: number): number {
  return Math.max(1, Math.ceil(k * size - 1e-9)); // 0.3·10 is 3, whatever binary fractions say
}

/** The K-quantile: the smallest value that at least K·G values do not exceed. */
export function quantile(rewards: readonly number[], k: number): number {
  return [...rewards].sort((a, b) => a - b)[rank(k, rewards.length) - 1]!;
}

/** σ, the population standard deviation; with ddof = 1 that of a sample. */
export function deviation(rewards: readonly number[], ddof: 0 | 1 = 0): number {
  const centre = mean(rewards);
  return Math.sqrt(rewards.reduce((sum, r) => sum + (r - centre) ** 2, 0) / (rewards.length - ddof));
}

export const equal = (rewards: readonly number[]): boolean => rewards.every((r) => r === rewards[0]);

/** Rewards minus a baseline, over a scale; exactly 0 where all rewards are equal and there is no scale. */
export function standardised(rewards: readonly number[], baseline: number, ddof: 0 | 1 = 0): number[] {
  const sigma = deviation(rewards, ddof);
  return rewards.map((r) => (equal(rewards) ? 0 : (r - baseline) / sigma));
}

export function baseline(name: Estimator, rewards: readonly number[], k: number): number {
  return name === "qae" ? quantile(rewards, k) : mean(rewards);
}

export function advantages(name: Estimator, rewards: readonly number[], k: number): number[] {
  const centre = mean(rewards);
  switch (name) {
    case "grpo":
    case "qae":
      return standardised(rewards, baseline(name, rewards, k));
    case "dr_grpo":
      return rewards.map((r) => (equal(rewards) ? 0 : r - centre));
    case "rloo": {
      const size = rewards.length;
      return rewards.map((r) => (equal(rewards) ? 0 : ((r - centre) * size) / (size - 1)));
    }
  }
}

/** A group of 0 and 1 with this many correct responses, the correct ones last. */
export function group(correct: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => (i >= size - correct ? 1 : 0));
}

/** Advantages of a correct and of a wrong response among so many correct of G; NaN where there is no such response. */
export function pair(name: Estimator, correct: number, size: number, k: number): { correct: number; wrong: number } {
  const all = advantages(name, group(correct, size), k);
  return { correct: correct > 0 ? all[size - 1]! : NaN, wrong: correct < size ? all[0]! : NaN };
}

/** HA-DW's weight Φ = λ·exp(D·|p̂ - C|), D = -sgn(A)·sgn(p̂ - C), with λ = 1. */
export function historyWeight(advantage: number, rate: number, anchor: number): number {
  return Math.exp(-Math.sign(advantage) * (rate - anchor));
}
