// A derivation that is revealed line by line. Works without a kernel.

import { button } from "./controls.ts";
import { element } from "./dom.ts";

interface Line { formula: string; why: string }
interface Symbol { math: string; says: string }
export interface Derivation {
  title: string;
  result: Line;
  steps: (Line & { symbols: string[] })[];
  symbols: Record<string, Symbol>;
}

/** Formulas are MathML that the package made. */
function set(markup: string): HTMLElement {
  const made = element("div", { class: "qae-formula" });
  made.innerHTML = markup;
  return made;
}

export function derive(root: HTMLElement, spec: Derivation): void {
  root.classList.add("qae-quiz", "qae-derive");
  let shown = 1;
  let folded = false;

  const said = element("p", { class: "qae-said", role: "status" });
  const rest = "Point at a symbol, or move to it by the arrow keys, to hear what it is.";
  const say = (name: string | null): void => {
    root.querySelectorAll("[data-symbol]").forEach((symbol) => { symbol.classList.toggle("qae-here", symbol.getAttribute("data-symbol") === name); });
    said.classList.toggle("qae-spoken", name !== null);
    if (name === null) said.textContent = rest;
    else {
      const symbol = element("span");
      symbol.innerHTML = spec.symbols[name]!.math;
      said.replaceChildren(symbol, ` is ${spec.symbols[name]!.says}.`);
    }
  };

  const line = ({ formula, why }: Line, symbols: string[]): HTMLElement[] => {
    const math = set(formula);
    const marked = [...math.querySelectorAll<HTMLElement>("[data-symbol]")];
    // One stop of the Tab key for each line; arrow keys move within it.
    marked.forEach((symbol, i) => {
      const name = symbol.getAttribute("data-symbol")!;
      symbol.setAttribute("tabindex", i === 0 ? "0" : "-1");
      for (const event of ["pointerenter", "focus", "click"]) symbol.addEventListener(event, () => { say(name); });
      symbol.addEventListener("keydown", (event) => {
        const to = { ArrowRight: i + 1, ArrowLeft: i - 1 }[event.key];
        if (to === undefined || !marked[to]) return;
        event.stopPropagation();
        event.preventDefault();
        symbol.setAttribute("tabindex", "-1");
        marked[to].setAttribute("tabindex", "0");
        marked[to].focus();
      });
    });
    const terms = symbols.map((name) => {
      const item = element("li");
      item.innerHTML = spec.symbols[name]!.math;
      item.append(` is ${spec.symbols[name]!.says}`);
      return item;
    });
    return [math, element("p", { class: "qae-why" }, why), ...(terms.length > 0 ? [element("ul", {}, ...terms)] : [])];
  };

  const lines = spec.steps.map((step) => element("li", {}, ...line(step, step.symbols)));
  const result = element("div", {}, ...line(spec.result, []));
  const list = element("ol", {}, ...lines);
  const count = element("span", { class: "qae-count" });

  const refresh = (): void => {
    lines.forEach((item, i) => { item.hidden = i >= shown; });
    list.hidden = folded;
    result.hidden = !folded;
    next.disabled = folded || shown === lines.length;
    back.disabled = folded || shown === 1;
    fold.textContent = folded ? "Unfold" : "Fold to one line";
    fold.setAttribute("aria-expanded", String(!folded));
    count.textContent = folded ? "one line" : `line ${shown} of ${lines.length}`;
    say(null);
  };
  const to = (line: number): void => {
    const before = shown;
    shown = Math.min(Math.max(line, 1), lines.length);
    refresh();
    if (shown > before) lines[shown - 1]!.scrollIntoView({ block: "nearest" });
  };
  const next = button("Next line", () => { to(shown + 1); });
  const back = button("Back", () => { to(shown - 1); });
  const fold = button("Fold to one line", () => { folded = !folded; refresh(); });

  root.addEventListener("keydown", (event) => {
    if (folded || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    event.stopPropagation(); // JupyterLab would go to another cell
    event.preventDefault();
    to(shown + (event.key === "ArrowDown" ? 1 : -1));
  });
  root.addEventListener("pointerleave", () => { say(null); });
  root.replaceChildren(element("div", { role: "group", "aria-label": `Derivation: ${spec.title}`, "data-lm-suppress-shortcuts": "true" },
    element("div", { class: "qae-head" }, element("b", {}, spec.title), count), list, result, said,
    element("div", { class: "qae-keys" }, next, back, fold)));
  refresh();
}
