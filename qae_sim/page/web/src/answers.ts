// Writes every number that the page can show, for the test that compares them with the package.

import { writeFileSync } from "node:fs";
import { ESTIMATORS, advantages, group, pair, standardised } from "./advantages.ts";
import { type Rule, cloud, counted, expected, meanOf, turn } from "./arrows.ts";
import { STEPS, TRAINERS, opened, softmax, success, summary, training } from "./bandit.ts";
import { B_GRID, K_GRID, SIZES } from "./state.ts";

const over = (grid: { low: number; high: number; step: number }): number[] =>
  Array.from({ length: Math.round((grid.high - grid.low) / grid.step) + 1 }, (_, i) => Number((grid.low + i * grid.step).toFixed(6)));

/** Groups of ten and of eight at every K, near-equal rewards, clouds of arrows and their exact averages. */
export function groups(): unknown {
  const ks = over(K_GRID);
  const rules = ([0, 1] as const).flatMap((half): Rule[] => [
    ...ESTIMATORS.flatMap((name) => (name === "qae" ? ks : [0.4]).map((k): Rule => ({ kind: "estimator", name, k, half }))),
    ...over(B_GRID).map((b): Rule => ({ kind: "constant", b, half })),
  ]);
  const counts = Array.from({ length: 11 }, (_, c) => c);
  return {
    pairs: ks.flatMap((k) => ESTIMATORS.flatMap((name) => counts.map((c) => {
      const found = pair(name, c, 10, k);
      return { name, k, rewards: group(c, 10), advantages: advantages(name, group(c, 10), k), correct: c > 0 ? found.correct : null, wrong: c < 10 ? found.wrong : null };
    }))),
    sample: counts.map((c) => ({ rewards: group(c, 10), advantages: standardised(group(c, 10), c / 10, 1) })),
    near: [1, 2, 3, 4, 5, 6].map((j) => {
      const rewards = [1, 1, 1, 1 + 10 ** -j];
      return { rewards, advantages: standardised(rewards, rewards.reduce((a, b) => a + b, 0) / 4) };
    }),
    counted: Array.from({ length: 1000 }, (_, number) => counted(number)),
    arrows: rules.map((rule) => ({ rule, expected: expected(rule), turn: turn(rule), means: SIZES.map((n) => meanOf(cloud(n, rule))) })),
  };
}

/** Trainings: for each, at every moment, each prompt's success rate and the mean entropy. */
export function trainings(path: string): unknown {
  const numbers: number[] = [];
  const named: unknown[] = [];
  const plain = training("qae", 0.4);
  const add = (trainer: (typeof TRAINERS)[number], turn: number, after: number): void => {
    named.push({ trainer, turn, after });
    for (const moment of training(trainer, 0.4, turn, after, turn < STEPS ? plain : [])) {
      moment.logits.forEach((z, prompt) => { numbers.push(success(softmax(z), prompt)); });
      numbers.push(summary(moment).entropy);
    }
  };
  for (const trainer of TRAINERS) add(trainer, STEPS, 0.4);
  for (const after of over(K_GRID)) for (let turn = 0; turn < STEPS; turn += 1) add("qae", turn, after);
  writeFileSync(path, new Uint8Array(new Float64Array(numbers).buffer));
  const shown = TRAINERS.map((trainer) => training(trainer, 0.4).slice(0, STEPS).map((moment, step) =>
    moment.logits.map((z, prompt) => ({ ...opened(moment, trainer, 0.4, prompt, step), pi: softmax(z) }))));
  return { named, opened: shown };
}
