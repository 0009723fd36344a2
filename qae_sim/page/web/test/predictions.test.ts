import assert from "node:assert/strict";
import { test } from "node:test";
import { distance, judge, type SetQuestion } from "../src/explorer/judge.ts";
import { nearest, stroke } from "../src/explorer/setting.ts";
import { withAnswer, worksheetFile } from "../src/explorer/worksheet.ts";

const asked = (more: Partial<SetQuestion>): SetQuestion => ({
  kind: "bars", question: "?", labels: ["winner", "loser"], low: -4, high: 4, step: 0.1, digits: 2, truth: [3, -1 / 3], near: 0.4, why: "Because.",
  slips: [{ answer: [3, 0], hint: "The losers are pushed down, too." }, { answer: [0.9, -0.1], hint: "Divide by sigma." }], ...more,
});

test("bars and sliders differ by their largest difference, curves by the mean one", () => {
  assert.equal(distance("bars", [1, 0], [0, 0]), 1);
  assert.equal(distance("slider", [1], [0.5]), 0.5);
  assert.equal(distance("curve", [1, 0], [0, 0]), 0.5);
});

test("near the truth is right, with its own reason", () => {
  assert.deepEqual(judge(asked({}), [3, -0.3]), { right: true, said: ["Yes. Because."] });
});

test("a slip that is nearer than the truth speaks, even within reach of the truth", () => {
  assert.deepEqual(judge(asked({}), [3, 0]), { right: false, said: ["Not quite. The losers are pushed down, too.", "They are: winner +3.00, loser −0.33. Because."] });
  assert.equal(judge(asked({}), [1, -0.1]).said[0], "Not quite. Divide by sigma.");
});

test("who is far from everything is told no misconception", () => {
  assert.equal(judge(asked({}), [-4, 4]).said[0], "Not quite.");
});

test("the edge of what is near counts as near", () => {
  const slider = asked({ kind: "slider", labels: ["b"], low: 0, high: 1, step: 0.1, truth: [0.3], near: 0.1, slips: [] });
  assert.ok(judge(slider, [0.4]).right); // 0.4 - 0.3 is more than 0.1 in floating point
  assert.deepEqual(judge(slider, [0.5]).said, ["Not quite.", "It is 0.30. Because."]);
  assert.ok(!judge(slider, [0.5]).right);
});

test("a fast stroke leaves no gap, in either direction", () => {
  const places = [0, 1, 2, 3];
  assert.deepEqual([...stroke([0.5, 1], [2.5, 3], places)], [[1, 1.5], [2, 2.5]]);
  assert.deepEqual([...stroke([2.5, 3], [0.5, 1], places)], [[1, 1.5], [2, 2.5]]);
  assert.deepEqual([...stroke([1, 7], [1, 7], places)], [[1, 7]]);
  assert.equal(stroke([1.2, 0], [1.8, 0], places).size, 0);
  assert.equal(nearest(places, 1.8), 2);
});

test("of two answers to one question the later is handed in", () => {
  const kind = "prediction";
  const one = withAnswer([], { kind, name: "gate-1", answer: "six", right: false });
  const more = withAnswer(one, { kind, name: "ten-1", answer: "winner: 3.00", right: true });
  const two = withAnswer(more, { kind, name: "gate-1", answer: "thirteen", right: true });
  assert.deepEqual(two.map((entry) => [entry.name, entry.answer]), [["ten-1", "winner: 3.00"], ["gate-1", "thirteen"]]);
  const file = JSON.parse(worksheetFile("Ada", two)) as { format: string; student: string; entries: object[] };
  assert.deepEqual([file.format, file.student, file.entries.length], ["qae_sim worksheet 1", "Ada", 2]);
  assert.equal(withAnswer(two, { kind: "exercise", name: "gate-1", answer: "...", right: true, said: "Right." }).length, 3);
});
