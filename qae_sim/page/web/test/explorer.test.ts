import assert from "node:assert/strict";
import { test } from "node:test";
import { axes, lines, ticks } from "../src/explorer/axes.ts";
import { Latest } from "../src/explorer/latest.ts";
import { Numbers } from "../src/explorer/lookup.ts";
import type { Control, Spec, Touch } from "../src/explorer/spec.ts";
import { atEnd, changes, command, permalink, stateOf, stepped, touched } from "../src/explorer/state.ts";
import { storedFor } from "../src/explorer/stored.ts";
import { contrast, onGround, turned } from "../src/explorer/theme.ts";
import ground from "../src/generated/ground.json";
import addresses from "./addresses.json";

const control = (more: Partial<Control> = {}): Control => ({ label: "K", kind: "number", low: 0, high: 1, step: 0.05, unit: "", help: "", options: [], local: true, end: "", ...more });

const later = (milliseconds: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

test("one position of each slider picks a contiguous piece, the slower slider first", () => {
  const block = Float32Array.from({ length: 30 }, (_, i) => i);
  const numbers = new Numbers(block, { a: 1, b: 2 });
  assert.deepEqual([...Array.from(numbers.row({ $: 5, n: [2, 3, 4], over: ["a", "b"] }))], [25, 26, 27, 28]);
  assert.equal(numbers.one({ $: 0, n: [3], over: ["b"] }), 2);
  assert.deepEqual([numbers.one(7), numbers.one(null)], [7, NaN]);
  assert.equal(numbers.said(["b is ", { kind: "Number", value: { $: 0, n: [3], over: ["b"] }, digits: 1, sign: true }, ": ", { kind: "Pick", which: 1, texts: ["no", "yes"] }]), "b is +2.0: yes");
});

test("ticks are round, within the axis, and have a real minus", () => {
  assert.deepEqual(ticks(-1, 1, 4).map(([, text]) => text), ["−1.0", "−0.5", "0.0", "0.5", "1.0"]);
  for (const [low, high] of [[0, 0.3], [-3.2, 7], [0, 1500], [0.001, 0.002]] as const) {
    const found = ticks(low, high, 6);
    assert.ok(found.length >= 3 && found.length <= 12);
    found.forEach(([x, text]) => {
      assert.ok(x >= low - 1e-12 && x <= high + 1e-12);
      assert.ok(Math.abs(Number(text.replace("−", "-")) - x) < (high - low) / 100);
    });
  }
  const frame = axes({ left: 10, right: 110, top: 0, bottom: 50 }, [0, 1], [-1, 1]);
  assert.deepEqual([frame.x(0.5), frame.y(1), frame.y(-1)], [60, 0, 50]);
});

test("a text breaks at spaces, and only where it must", () => {
  const fits = (line: string): boolean => line.length <= 9;
  assert.deepEqual(lines("one two three four", fits), ["one two", "three", "four"]);
  assert.deepEqual(lines("immeasurable", fits), ["immeasurable"]);
});

test("a drag of a hundred events sends the first and the last", async () => {
  const sent: number[] = [];
  const latest = new Latest<number>((state) => sent.push(state), 40);
  for (let i = 1; i <= 100; i += 1) latest.put(i);
  assert.deepEqual(sent, [1]);
  assert.equal(latest.done(1), false); // the picture that has come is old
  assert.deepEqual(sent, [1, 100]);
  assert.equal(latest.done(1), false); // said again, it is still old
  assert.equal(latest.done(2), true);
  assert.ok(latest.settled);
  latest.put(7);
  await later(60); // a kernel that was started anew has lost it
  assert.deepEqual(sent, [1, 100, 7, 7]);
  assert.equal(latest.done(4), true);
  await later(60);
  assert.equal(sent.length, 4);
});

test("a kernel that never answers is not asked for ever", async () => {
  const sent: number[] = [];
  const latest = new Latest<number>((state) => sent.push(state), 5);
  latest.put(1);
  await later(200);
  assert.equal(sent.length, 4);
  assert.ok(latest.settled);
});

test("states as text, with what was hidden", () => {
  const controls = { k: control(), view: control({ kind: "choice" }), r: control({ kind: "numbers", step: 0.1 }) };
  const state = { k: 0.30000000000000004, view: "group", r: [1, 0.1 + 0.2] };
  assert.equal(permalink(controls, state), "k=0.3&view=group&r=1,0.3");
  const spec = { name: "Gate", controls, asked: ["view"] } as unknown as Spec;
  assert.equal(command(spec, state), 'Gate.from_state("k=0.3&view=group&r=1,0.3", hide=["view"])');
});

const spoken = (name: string): Spec => (addresses.explorers as unknown as Record<string, Spec>)[name]!;

test("addresses are read as Python reads them", () => {
  for (const { explorer, text, state, wrong } of addresses.cases) {
    const spec = spoken(explorer);
    if (wrong) assert.throws(() => stateOf(spec, text), (error: Error) => error.message.startsWith(`${wrong} must be `), text);
    else {
      const read = stateOf(spec, text);
      assert.equal(changes(spec, read), state, text);
      assert.deepEqual(stateOf(spec, state!), read, text);
    }
  }
});

test("a stored picture holds a state that differs in what the browser moves, and no other", () => {
  const spec = spoken("QuantileGate");
  const at = (text: string): Spec => ({ ...spec, state: stateOf(spec, text) });
  const content = { spec: at(""), data: "first", others: [{ spec: at("g=8"), data: "other" }] };
  assert.equal(storedFor(content, stateOf(spec, "k=0.8&c=7"))?.data, "first");
  assert.equal(storedFor(content, stateOf(spec, "k=0.8&g=8"))?.data, "other");
  assert.equal(storedFor(content, stateOf(spec, "g=9")), null);
});

test("time goes on by steps, and from its end to its start", () => {
  const clock = control({ low: 1, high: 10, step: 1 });
  assert.deepEqual([stepped(clock, 4), stepped(clock, 10), atEnd(clock, 9), atEnd(clock, 10)], [5, 1, false, true]);
});

test("what is touched moves its control, on its grid and within its ends", () => {
  const touch = (more: Partial<Touch>): Touch => ({ kind: "Touch", control: "k", does: "drag", along: "x", offset: 0, factor: 1, values: [], ...more });
  const at = { x: 0.333, y: 2, box: -1 };
  assert.equal(touched(touch({}), control(), 0, at), 0.35);
  assert.equal(touched(touch({ offset: 1, factor: -1 }), control(), 0, at), 0.65);
  assert.equal(touched(touch({ along: "y" }), control(), 0, at), 1);
  assert.deepEqual(touched(touch({ does: "flip" }), control({ step: 1 }), [0, 1], { ...at, x: 1.2 }), [0, 0]);
  assert.equal(touched(touch({ does: "flip" }), control({ step: 1 }), [0, 1], { ...at, x: 2 }), undefined);
  assert.equal(touched(touch({ does: "pick", values: [7, 8, 7, 9] }), control({ low: 1, high: 9, step: 1 }), 1, { ...at, box: 3 }), 9);
  assert.equal(touched(touch({ does: "pick" }), control({ low: 1, high: 9, step: 1 }), 1, at), undefined);
});

test("colours stand out on either ground", () => {
  for (const light of Object.keys(ground)) {
    assert.ok(contrast(light, "#FFFFFF") >= 4.5, `${light} on white`);
    for (const dark of ["#111111", "#16181A"]) assert.ok(contrast(onGround(light, true), dark) >= 4.5, `${light} on ${dark}`);
    assert.equal(onGround(light, false), light);
  }
  assert.equal(turned("#FFFFFF"), "#000000");
  assert.equal(turned("#CCE3F0"), "#0f2633"); // a light blue becomes a dark one
});
