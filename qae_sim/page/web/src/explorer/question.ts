// What anywidget runs in a notebook: a question.

import { quiz, type Question } from "./quiz.ts";

export default {
  render({ model, el }: { model: { get: (name: "spec") => Question }; el: HTMLElement }): void {
    quiz(el, model.get("spec"));
  },
};
