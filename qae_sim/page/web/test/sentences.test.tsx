// Sentences under pictures are true in every state: what they say is found again in the advantages.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionComponent } from "preact";
import { renderToString } from "preact-render-to-string";
import { advantages, group, pair } from "../src/advantages.ts";
import { direction, expected, size } from "../src/arrows.ts";
import { written } from "../src/numbers.ts";
import type { Scene } from "../src/parts.tsx";
import { Arrows, Breaks, ruleOf } from "../src/scenes/arrows.tsx";
import { Baseline, Gate, Quantile, Sigma } from "../src/scenes/group.tsx";
import { Anchor } from "../src/scenes/history.tsx";
import { FIRST, RULES, type State } from "../src/state.ts";
import { TABLES } from "../src/tables.ts";

const KS = Array.from({ length: 19 }, (_, i) => Number((0.05 + 0.05 * i).toFixed(2)));
const COUNTS = Array.from({ length: 11 }, (_, c) => c);
const row = (c: number): string => "1".repeat(c) + "0".repeat(10 - c);

function said(Part: FunctionComponent<Scene>, change: Partial<State>): string {
  const html = renderToString(<Part state={{ ...FIRST, ...change }} set={() => undefined} site={false} />);
  return /<p class="said"[^>]*>(.*?)<\/p>/s.exec(html)![1]!.replace(/<[^>]+>/g, "").replace(/&amp;/g, "&");
}

test("the baseline's sum", () => {
  for (const c of COUNTS) {
    for (const b of [0, 0.3, 0.5, c / 10, 1]) {
      const text = said(Baseline, { r: row(c), b });
      assert.ok(text.includes(`${c} of 10 correct`));
      assert.ok(text.includes(`sum to ${written(c - 10 * b, 2, true)}`), text);
      assert.equal(text.includes("because b is the mean"), Math.abs(c / 10 - b) < 1e-9);
    }
  }
  assert.ok(said(Baseline, { r: "1100000000" }).includes("(a false positive): 1."));
  assert.ok(said(Baseline, { r: "1000000000" }).includes("(a false negative): 2."));
});

test("σ's winners and losers", () => {
  for (const c of COUNTS) {
    const text = said(Sigma, { r: row(c) });
    if (c === 0 || c === 10) assert.ok(text.includes("teaches nothing"));
    else {
      const { correct, wrong } = pair("grpo", c, 10, 0.4);
      assert.ok(text.includes(`winners get ${written(correct, 2, true)}, losers ${written(wrong, 2, true)}`), text);
      const [larger, smaller] = [correct, wrong].map((a) => written(a * Math.sqrt(0.9), 2, true));
      assert.ok(text.includes(`Trainers put G − 1 into σ: ${larger!}, ${smaller!}.`), text);
    }
  }
  for (let near = 1; near <= 6; near += 1) assert.ok(said(Sigma, { near }).includes("gets +1.73, the others −0.58"));
});

test("who is silent under the quantile", () => {
  for (const k of KS) {
    for (const c of COUNTS) {
      const text = said(Quantile, { r: row(c), k });
      const found = advantages("qae", group(c, 10), k);
      if (found.every((a) => a === 0)) assert.ok(text.includes("everybody is silent"), text);
      else {
        assert.equal(text.includes("Losers are silent"), found[0] === 0);
        assert.equal(text.includes("Winners are silent"), found[9] === 0);
        assert.ok(text.includes(written(found[0] === 0 ? found[9]! : found[0]!, 2, true)));
      }
    }
  }
});

test("where the gate is", () => {
  for (const k of KS) {
    const text = said(Gate, { k });
    const losersSilent = COUNTS.filter((c) => c > 0 && c < 10 && pair("qae", c, 10, k).wrong === 0);
    const winnersSilent = COUNTS.filter((c) => c > 0 && c < 10 && pair("qae", c, 10, k).correct === 0);
    assert.equal(losersSilent.length + winnersSilent.length, 9);
    const up = /with up to (\d+) correct, losers are silent/.exec(text);
    assert.equal(up ? Math.min(9, Number(up[1])) : 0, losersSilent.length, text);
    assert.equal(text.includes("losers are never the silent ones"), losersSilent.length === 0);
    const from = /from (\d+) on, winners are/.exec(text);
    assert.equal(from ? Number(from[1]) : undefined, winnersSilent[0], text);
  }
});

test("the direction of the exact average", () => {
  for (const rule of RULES) {
    for (const k of KS) {
      const state = { ...FIRST, rule, k, fixed: k };
      assert.equal(written(direction(expected(ruleOf(state))), 0), "72");
      assert.ok(said(Arrows, { rule, k, fixed: k }).includes("The exact average: 72°"));
    }
  }
});

test("what errors of the verifier do to the average", () => {
  for (const rule of RULES) {
    for (const verifier of [1, 2, 3]) {
      const text = said(Arrows, { rule, verifier });
      const there = ruleOf({ ...FIRST, rule, verifier });
      const [now, before] = [size(expected(there)), size(expected({ ...there, verifier: 0 }))];
      assert.ok(text.includes(`its size is ${written(now, 3)} instead of ${written(before, 3)}`), text);
      assert.equal(text.includes("the gradient's direction"), verifier < 3, text);
      assert.equal(text.includes("under every baseline"), verifier === 3, text);
    }
    assert.ok(!said(Arrows, { rule, verifier: 3, half: 1 }).includes("instead of")); // three rewards: no verdicts to err in
  }
});

test("the gaps", () => {
  for (const noise of [0, 1, 2]) for (let chips = 0; chips < 32; chips += 1) {
    const text = said(Breaks, { chips, noise });
    const gap = TABLES.gaps[noise]![chips]!;
    assert.ok(text.includes(gap.turn < 0.05 ? "no turn" : `a turn of ${written(gap.turn, 1)}°`), text);
    assert.ok(text.includes(`${written(gap.speed, 2)} times GRPO`), text);
    assert.equal(text.includes("does nothing in a first step"), (chips & 6) === 4);
    // In a first step the clip is idle: with and without it the numbers are the same.
    if ((chips & 6) === 4) assert.deepEqual(gap, TABLES.gaps[noise]![chips - 4]);
    assert.equal(text.includes("Beside a verifier that is always right"), noise > 0);
    const norm = (to: number[]): number => size([to[0]!, to[1]!, to[2]!]);
    if (noise > 0) for (const name of ["grpo", "qae"] as const) {
      assert.ok(text.includes(`average is ${written(norm(gap[name]) / norm(TABLES.gaps[0]![chips]![name]), 2)} times as long`), text);
    }
  }
  // Without anything added, errors at a constant rate turn neither average.
  for (const noise of [1, 2]) assert.equal(said(Breaks, { noise }).split("in the same direction").length, 3);
});

test("where the anchor is", () => {
  TABLES.followed.forEach(({ anchors }, blind) => { Object.values(anchors).forEach(({ beliefs, weights }, anchor) => {
    for (let batch = 0; batch < 80; batch += 1) {
      const text = said(Anchor, { anchor, batch, blind });
      assert.equal(text.includes("in ten gets reward"), blind > 0);
      const off = beliefs[batch]! - TABLES.capability[batch]!;
      assert.equal(text.includes("close to the capability"), Math.abs(off) < 0.02, text);
      if (Math.abs(off) >= 0.02) assert.ok(text.includes(off < 0 ? "below" : "above"), text);
      // The same side of the anchor: a correct response weighs more on both prompts, or less on both.
      const [hard, , easy] = weights[batch]!;
      assert.equal(text.includes("both lie on one side"), (hard! - 1) * (easy! - 1) > 0, text);
    }
  }); });
});
