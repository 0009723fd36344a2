// A question whose answer is locked before it is explained. Works without a kernel.

import { button } from "./controls.ts";
import { element } from "./dom.ts";
import type { Locked, SetQuestion } from "./judge.ts";
import { setting } from "./setting.ts";

interface Choice { kind: "choice"; name?: string; question: string; options: string[]; answer: number; why: string[] }
export type Question = Choice | SetQuestion;

let asked = 0;

/** Asks a question; `locked` hears of the answer, in words, once it is locked. */
export function quiz(root: HTMLElement, spec: Question, locked: (answer: Locked) => void = () => undefined): void {
  root.classList.add("qae-quiz");
  if (spec.kind === "choice") choice(root, spec, locked);
  else setting(root, spec, locked);
}

function choice(root: HTMLElement, spec: Choice, locked: (answer: Locked) => void): void {
  asked += 1;
  const boxes = spec.options.map((_, i) => element("input", { type: "radio", name: `qae-quiz-${asked}`, value: i, "data-lm-suppress-shortcuts": "true" }));
  const reveal = element("div", { role: "status", "aria-live": "polite" });
  const lock = button("Lock my answer", () => {
    const chosen = boxes.findIndex((box) => box.checked);
    boxes.forEach((box) => { box.disabled = true; });
    lock.disabled = true;
    const right = chosen === spec.answer;
    locked({ words: spec.options[chosen]!, right });
    const said = right ? [`Yes. ${spec.why[chosen]!}`] : [`Not quite. ${spec.why[chosen]!}`, `It is "${spec.options[spec.answer]!}". ${spec.why[spec.answer]!}`];
    reveal.replaceChildren(...said.map((line) => element("p", { class: right ? "qae-right" : "qae-not" }, line)));
  });
  lock.disabled = true;
  boxes.forEach((box) => { box.addEventListener("change", () => { lock.disabled = false; }); });
  root.replaceChildren(element("fieldset", {}, element("legend", {}, spec.question),
    ...boxes.map((box, i) => element("label", {}, box, ` ${spec.options[i]!}`)), lock, reveal));
}
