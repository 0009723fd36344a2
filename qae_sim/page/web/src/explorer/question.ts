// What anywidget runs in a notebook: a question. Its answer goes to the kernel, for the worksheet.

import type { Locked } from "./judge.ts";
import { quiz, type Question } from "./quiz.ts";

interface Model { get: (name: "spec") => Question; set: (name: "locked", value: Locked) => void; save_changes: () => void }

export default {
  render({ model, el }: { model: Model; el: HTMLElement }): void {
    quiz(el, model.get("spec"), (answer) => {
      model.set("locked", answer);
      model.save_changes();
    });
  },
};
