// An exercise in a written page: a place for code, and a button that lets Python check it. Nothing is sent anywhere.

import { button } from "../explorer/controls.ts";
import { element } from "../explorer/dom.ts";
import type { Python } from "./python.ts";

/** The cell of the lesson, and what the cells before it import. */
export interface Exercise { code: string; imports: string[] }
export interface Checked { name: string; answer: string; right: boolean; said: string }
interface Ran { printed: string; shown: string; entries: Checked[] }

/** Python's own indentation. */
const INDENT = "    ";

export function exercise(root: HTMLElement, { code, imports }: Exercise, python: Python | null, why: string, keep: (entry: Checked) => void): void {
  if (python === null) {
    root.replaceChildren(element("pre", {}, element("code", {}, code)), ...(why ? [element("p", { class: "note" }, `Code is checked where Python runs. ${why}`)] : []));
    return;
  }
  const field = element("textarea", {
    "aria-label": "Your code", spellcheck: "false", autocapitalize: "off", autocomplete: "off", rows: code.split("\n").length + 1,
    onkeydown: (event) => { keys(event as KeyboardEvent); },
  });
  field.value = code;
  const run = button("Check", () => { void check(); });
  const stop = button("Stop", () => { python.stop(); }, { hidden: "" });
  const said = element("div", { class: "qae-said", role: "status", "aria-live": "polite" });
  let running = false;
  python.onProgress(({ text, share }) => {
    if (running && text) said.replaceChildren(element("progress", share === null ? {} : { max: 1, value: share }), ` ${text}`);
  });
  /** Tab indents, as in every editor of code; Escape gives the key back to those who move by keyboard. */
  let leaves = false;
  const keys = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void check();
    } else if (event.key === "Escape") leaves = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaves) {
      event.preventDefault();
      field.setRangeText(INDENT, field.selectionStart, field.selectionEnd, "end");
    } else leaves = false;
  };
  const check = async (): Promise<void> => {
    if (running) return;
    running = true;
    run.disabled = true;
    stop.hidden = false;
    said.replaceChildren("Python is running your code.");
    try {
      const { told } = await python.ask<Ran>({ do: "run", code: field.value, imports });
      const shown = element("div");
      shown.innerHTML = told.shown; // the learner's own, or the package's
      said.replaceChildren(...(told.printed ? [element("pre", {}, told.printed)] : []), shown);
      told.entries.forEach(keep);
    } catch (error) {
      said.replaceChildren(`This was not checked: ${(error as Error).message}`);
    }
    running = false;
    run.disabled = false;
    stop.hidden = true;
  };
  root.classList.add("qae", "qae-exercise");
  root.replaceChildren(field, element("div", { class: "qae-bar" }, run, stop, button("Start over", () => { field.value = code; })),
    element("p", { class: "note" }, "Ctrl+Enter checks, too. Tab indents; after Escape it goes on to the next button."), said);
}
