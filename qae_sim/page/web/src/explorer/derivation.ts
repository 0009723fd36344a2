// What anywidget runs in a notebook: a derivation.

import { derive, type Derivation } from "./derive.ts";

export default {
  render({ model, el }: { model: { get: (name: "spec") => Derivation }; el: HTMLElement }): void {
    derive(el, model.get("spec"));
  },
};
