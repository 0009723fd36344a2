import assert from "node:assert/strict";
import { test } from "node:test";
import { advantages, group, historyWeight, quantile, rank, standardised } from "../src/advantages.ts";
import { direction, expected, size, turn } from "../src/arrows.ts";
import { STEPS, judged, next, opened, silent, success, summary, training, softmax, start } from "../src/bandit.ts";
import { onGrid, written } from "../src/numbers.ts";
import { drawn, uniform } from "../src/random.ts";
import { FIRST, address, parsed } from "../src/state.ts";

const close = (one: readonly number[], other: readonly number[], within = 1e-12): void => {
  assert.equal(one.length, other.length);
  one.forEach((x, i) => { assert.ok(Math.abs(x - other[i]!) <= within, `${one.join()} and ${other.join()}`); });
};

test("numbers are written with a real minus, and none where nothing is left", () => {
  assert.deepEqual([written(-1 / 3, 2), written(0.25, 2, true), written(-0.001, 2, true), written(NaN, 1)], ["−0.33", "+0.25", "0.00", "undefined"]);
  assert.equal(onGrid(0.30000000000000004, 0.05, 0.95, 0.05), 0.3);
  assert.equal(onGrid(7, 0, 1, 0.05), 1);
});

test("one winner among ten", () => {
  const rewards = group(1, 10);
  close(advantages("grpo", rewards, 0.4), [...Array<number>(9).fill(-1 / 3), 3]);
  close(advantages("qae", rewards, 0.4), [...Array<number>(9).fill(0), 10 / 3]);
  close(advantages("dr_grpo", rewards, 0.4), [...Array<number>(9).fill(-0.1), 0.9]);
  close(advantages("rloo", rewards, 0.4), [...Array<number>(9).fill(-1 / 9), 1]);
});

test("equal rewards have no advantage, and nearly equal ones all of it", () => {
  assert.deepEqual(standardised([1, 1, 1], 1), [0, 0, 0]);
  close(standardised([1, 1, 1, 1.00001], 1.0000025), [...Array<number>(3).fill(-1 / Math.sqrt(3)), Math.sqrt(3)], 1e-6);
});

test("the quantile is a reward of the group, and ⌈K·G⌉ is not off by one", () => {
  assert.deepEqual([rank(0.3, 10), rank(0.1 + 0.2, 10), rank(0.35, 20), rank(0.05, 10)], [3, 3, 7, 1]);
  assert.deepEqual([0.4, 0.6, 0.65].map((k) => quantile(group(4, 10), k)), [0, 0, 1]);
});

test("any baseline, one direction; a constant one changes nothing on average", () => {
  const grpo = expected({ kind: "estimator", name: "grpo", k: 0.4, half: 0, verifier: 0 });
  for (const name of ["qae", "rloo", "dr_grpo"] as const) {
    assert.ok(Math.abs(direction(expected({ kind: "estimator", name, k: 0.4, half: 0, verifier: 0 })) - direction(grpo)) < 1e-9);
  }
  for (const half of [0, 1] as const) {
    close([...expected({ kind: "constant", b: 0, half, verifier: 0 })], [...expected({ kind: "constant", b: 0.85, half, verifier: 0 })]);
    const turned = (["grpo", "qae", "rloo", "dr_grpo"] as const).map((name) => turn({ kind: "estimator", name, k: 0.4, half, verifier: 0 }).toFixed(1));
    assert.deepEqual(turned, half === 0 ? ["0.0", "0.0", "0.0", "0.0"] : ["1.0", "6.2", "0.0", "0.0"]);
  }
  assert.ok(size(grpo) > 0.01);
});

test("errors at a constant rate shorten the average, and one response that always passes turns it, under every baseline", () => {
  const names = ["grpo", "qae", "rloo", "dr_grpo"] as const;
  for (const verifier of [1, 2]) {
    for (const name of names) assert.equal(turn({ kind: "estimator", name, k: 0.4, half: 0, verifier }).toFixed(6), "0.000000");
    const [right, erring] = [0, verifier].map((v) => size(expected({ kind: "constant", b: 0.3, half: 0, verifier: v })));
    assert.ok(Math.abs(erring! / right! - 0.9) < 1e-12);
  }
  const turned = names.map((name) => turn({ kind: "estimator", name, k: 0.4, half: 0, verifier: 3 }).toFixed(6));
  assert.equal(new Set(turned).size, 1);
  assert.ok(Number(turned[0]) > 30, turned.join());
});

test("a verifier errs for all trainers alike, on one side alone, at its rate", () => {
  for (const errs of [0, 1, 2]) {
    let [wrongly, all] = [0, 0];
    for (let step = 0; step < STEPS; step += 1) {
      for (let place = 0; place < 8; place += 1) {
        assert.equal(judged(0, 4, step, place, errs) === 1, errs !== 2 || uniform(4, 4, step, place) >= 0.1);
        if (judged(errs === 1 ? 5 : 0, 4, step, place, errs) !== (errs === 1 ? 0 : 1)) wrongly += 1;
        all += 1;
      }
    }
    assert.ok(errs === 0 ? wrongly === 0 : Math.abs(wrongly / all - 0.1) < 0.05, String(wrongly / all));
  }
});

test("random numbers depend on their place alone and are spread evenly", () => {
  assert.equal(uniform(1, 2, 3, 4), uniform(1, 2, 3, 4));
  const tenths = Array<number>(10).fill(0);
  for (let i = 0; i < 20000; i += 1) tenths[Math.floor(uniform(3, i % 24, Math.floor(i / 24), i % 8) * 10)]! += 1;
  assert.ok(tenths.every((n) => Math.abs(n - 2000) < 180), tenths.join());
  assert.deepEqual([0, 0.49, 0.51, 1].map((u) => drawn([1, 0, 1], u)), [0, 0, 2, 2]);
});

test("HA-DW's weight is 1 at the anchor and e to the distance away from it", () => {
  close([historyWeight(2, 0.5, 0.5), historyWeight(2, 0.25, 0.5), historyWeight(-2, 0.25, 0.5)], [1, Math.exp(0.25), Math.exp(-0.25)]);
});

test("trainings begin alike, learn, and turn where they are told to", () => {
  const plain = training("qae", 0.4);
  const turned = training("qae", 0.4, 20, 0.9);
  assert.deepEqual(turned[20], plain[20]);
  assert.notDeepEqual(turned[40], plain[40]);
  assert.ok(summary(plain[STEPS]!).success > summary(plain[0]!).success + 0.1);
  close([success(softmax(start()[23]!), 23)], [0.9]);
});

test("a silent prompt stays where it is", () => {
  const moment = training("grpo", 0.4)[30]!;
  const after = next(moment, "grpo", 0.4, 30);
  const quiet = moment.logits.map((_, prompt) => silent(opened(moment, "grpo", 0.4, prompt, 30)));
  assert.ok(quiet.includes(true) && quiet.includes(false));
  quiet.forEach((is, prompt) => { if (is) assert.deepEqual(after.logits[prompt], moment.logits[prompt]); });
});

test("the address brings back every state, and nonsense none", () => {
  const state = { ...FIRST, k: 0.85, rule: "constant", chips: 17, r: "1111100000", turn: 12, at: "map" } as const;
  assert.deepEqual(parsed(`#${address(state)}`), state);
  assert.equal(address(FIRST), "");
  assert.deepEqual(parsed("#k=&rule=x&groups=7&r=12&near=abc&chips=-4&at=12"), { ...FIRST, chips: 0 });
});
