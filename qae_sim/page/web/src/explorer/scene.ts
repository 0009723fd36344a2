// What anywidget runs in a notebook: a scene of the page.

import { story, type Told } from "./story.tsx";

export default {
  render({ model, el }: { model: { get: (name: "spec") => Told }; el: HTMLElement }): void {
    story(el, model.get("spec"));
  },
};
