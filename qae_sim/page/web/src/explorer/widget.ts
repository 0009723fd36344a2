// What anywidget runs in a notebook: an explorer, connected to its kernel.

import type { Spec, State } from "./spec.ts";
import { View } from "./view.ts";

interface Moved { state?: State; count?: number }
interface Values { spec: Spec; data: DataView; moved: Moved; answered: number }
interface Model {
  get: <K extends keyof Values>(name: K) => Values[K];
  set: (name: "moved", value: Moved) => void;
  save_changes: () => void;
  on: (event: string, callback: () => void) => void;
  off: (event: string, callback: () => void) => void;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const listeners: [string, () => void][] = [];
  const view = new View(el, {
    spec: () => model.get("spec"),
    data: () => model.get("data"),
    // The count makes each message another one: going back to a state must be heard, too.
    send: (state) => {
      const count = (model.get("moved").count ?? 0) + 1;
      model.set("moved", { state, count });
      model.save_changes();
      return count;
    },
    answered: () => model.get("answered"),
    onAnswer: (picture, done) => {
      // The kernel counts the stamp up when both spec and data are there.
      listeners.push(["change:stamp", picture], ["change:answered", done]);
      listeners.forEach(([event, callback]) => { model.on(event, callback); });
    },
  });
  return () => {
    listeners.forEach(([event, callback]) => { model.off(event, callback); });
    view.close();
  };
}

export default { render };
