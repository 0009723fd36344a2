// Writes every number that the page can show, for the test that compares them with the package.

import { writeFileSync } from "node:fs";
import { ESTIMATORS, advantages, group, pair, standardised } from "./advantages.ts";
import { type Rule, VERIFIERS, cloud, counted, expected, meanOf, turn } from "./arrows.ts";
import { STEPS, TRAINERS, opened, softmax, success, summary, training } from "./bandit.ts";
import { B_GRID, K_GRID, SIZES } from "./state.ts";

const over = (grid: { low: number; high: number; step: number }): number[] =>
  Array.from({ length: Math.round((grid.high - grid.low) / grid.step) + 1 }, (_, i) => Number((grid.low + i * grid.step).toFixed(6)));

/** Groups of ten and of eight at every K, near-equal rewards, clouds of arrows and their exact averages. */
export function groups(): unknown {
  const ks = over(K_GRID);
  const settings = [...VERIFIERS.map((_, verifier) => ({ half: 0, verifier }) as const), { half: 1, verifier: 0 } as const];
  const rules = settings.flatMap((setting): Rule[] => [
    ...ESTIMATORS.flatMap((name) => (name === "qae" ? ks : [0.4]).map((k): Rule => ({ kind: "estimator", name, k, ...setting }))),
    ...over(B_GRID).map((b): Rule => ({ kind: "constant", b, ...setting })),
  ]);
  const constant = (verifier: number): Rule => ({ kind: "constant", b: 0, half: 0, verifier });
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
    counted: VERIFIERS.map((_, verifier) => Array.from({ length: 1000 }, (_, number) => counted(number, constant(verifier)))),
    arrows: rules.map((rule) => ({ rule, expected: expected(rule), turn: turn(rule), means: SIZES.map((n) => meanOf(cloud(n, rule))) })),
  };
}

/** Trainings: for each, at every moment, each prompt's success rate and the mean entropy. */
export function trainings(path: string): unknown {
  const numbers: number[] = [];
  const named: unknown[] = [];
  const plain = [0, 1, 2].map((errs) => training("qae", 0.4, STEPS, 0.4, [], errs));
  const add = (trainer: (typeof TRAINERS)[number], turn: number, after: number, errs = 0): void => {
    named.push({ trainer, turn, after, errs });
    for (const moment of training(trainer, 0.4, turn, after, turn < STEPS ? plain[errs] : [], errs)) {
      moment.logits.forEach((z, prompt) => { numbers.push(success(softmax(z), prompt)); });
      numbers.push(summary(moment).entropy);
    }
  };
  for (const errs of [0, 1, 2]) for (const trainer of TRAINERS) add(trainer, STEPS, 0.4, errs);
  for (const after of over(K_GRID)) for (let turn = 0; turn < STEPS; turn += 1) add("qae", turn, after);
  // Of the turns under a verifier that errs, some: they are made in the same way.
  for (const errs of [1, 2]) for (const after of [0.05, 0.8]) for (const turn of [0, 20, STEPS - 1]) add("qae", turn, after, errs);
  writeFileSync(path, new Uint8Array(new Float64Array(numbers).buffer));
  const shown = [0, 1, 2].map((errs) => TRAINERS.map((trainer) => training(trainer, 0.4, STEPS, 0.4, [], errs).slice(0, STEPS).map((moment, step) =>
    moment.logits.map((z, prompt) => ({ ...opened(moment, trainer, 0.4, prompt, step, errs), pi: softmax(z) })))));
  return { named, opened: shown };
}
