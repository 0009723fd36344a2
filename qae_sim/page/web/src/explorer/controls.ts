// Sliders, menus and buttons of an explorer, and how each follows the state.

import { element } from "./dom.ts";
import type { Control, Spec, State, Value } from "./spec.ts";
import { digitsOf } from "./state.ts";

export interface Host {
  spec: Spec;
  state: State;
  move: (name: string, value: Value, local: boolean) => void;
}
/** A control, and what brings it up to the state. */
export interface Part { element: HTMLElement; refresh: () => void }

/** JupyterLab takes arrow keys for itself unless the input says otherwise. */
const OWN_KEYS = { "data-lm-suppress-shortcuts": "true" };

function slider(host: Host, name: string, control: Control, index: number | null): Part {
  const value = (): number => (index === null ? host.state[name] as number : (host.state[name] as number[])[index]!);
  const label = index === null ? control.label : `${control.label} ${index + 1}`;
  const digits = digitsOf(control.step);
  const shown = element("span", { class: "qae-value" });
  const input = element("input", {
    type: "range", min: control.low, max: control.high, step: control.step, "aria-label": label, title: control.help || null, ...OWN_KEYS,
    oninput: () => {
      const moved = Number(Number(input.value).toFixed(digits)); // no .30000000000000004 in links
      host.move(name, index === null ? moved : (host.state[name] as number[]).map((x, i) => (i === index ? moved : x)), control.local);
    },
  });
  const refresh = (): void => {
    input.max = String(host.spec.controls[name]!.high); // it may hang on another control
    input.value = String(value());
    shown.textContent = `${value().toFixed(digits)}${control.unit ? ` ${control.unit}` : ""}`;
    input.setAttribute("aria-valuetext", shown.textContent);
  };
  return { element: element("label", { class: "qae-control" }, element("span", {}, label), shown, input), refresh };
}

/** A menu whose chosen entry may take several lines, which a select's own text cannot: it lies unseen over that text. */
function menu(select: HTMLSelectElement): { element: HTMLElement; show: (value: string) => void } {
  const shown = element("span", { "aria-hidden": "true" });
  return {
    element: element("span", { class: "qae-menu" }, shown, select),
    show: (value) => {
      select.value = value;
      shown.textContent = select.selectedOptions[0]?.text ?? "";
    },
  };
}

function chooser(host: Host, name: string, control: Control): Part {
  const select = element("select", {
    "aria-label": control.label, title: control.help || null, ...OWN_KEYS, onchange: () => { host.move(name, select.value, false); },
  }, ...control.options.map(([value, text]) => element("option", { value }, text)));
  const { element: field, show } = menu(select);
  return {
    element: element("label", { class: "qae-control" }, element("span", {}, control.label), field),
    refresh: () => { show(host.state[name] as string); },
  };
}

/** Numbers that are 0 or 1 are buttons to flip. */
function flips(host: Host, name: string, control: Control): Part {
  const values = (): number[] => host.state[name] as number[];
  const buttons = values().map((_, i) => element("button", {
    type: "button", "aria-label": `${control.label} ${i + 1}`,
    onclick: () => { host.move(name, values().map((x, j) => (j === i ? control.low + control.high - x : x)), control.local); },
  }));
  return {
    element: element("div", { class: "qae-flips", role: "group", "aria-label": control.label }, element("span", {}, control.label), ...buttons),
    refresh: () => {
      buttons.forEach((button, i) => {
        button.textContent = String(values()[i]);
        button.setAttribute("aria-pressed", String(values()[i] === control.high));
      });
    },
  };
}

export function controlOf(host: Host, name: string, control: Control): Part {
  if (control.kind === "choice") return chooser(host, name, control);
  if (control.kind !== "numbers") return slider(host, name, control, null);
  if (control.step === control.high - control.low) return flips(host, name, control);
  const parts = (host.state[name] as number[]).map((_, i) => slider(host, name, control, i));
  return {
    element: element("div", { class: "qae-series", role: "group", "aria-label": control.label }, ...parts.map((part) => part.element)),
    refresh: () => { parts.forEach((part) => { part.refresh(); }); },
  };
}

export function button(text: string, onclick: () => void, more: Record<string, string> = {}): HTMLButtonElement {
  return element("button", { type: "button", onclick, ...more }, text);
}

/** All presets in one menu; it names the one that is shown, if one is. */
export function presetMenu(names: readonly string[], shown: () => string, choose: (name: string) => void): Part {
  const select = element("select", { "aria-label": "Start from", ...OWN_KEYS, onchange: () => { if (select.value) choose(select.value); } },
    element("option", { value: "" }, "…"), ...names.map((name) => element("option", { value: name }, name)));
  const { element: field, show } = menu(select);
  return {
    element: element("label", { class: "qae-control qae-presets" }, element("span", {}, "Start from"), field),
    refresh: () => { show(shown()); },
  };
}
