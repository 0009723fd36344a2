// Brings a written lesson to life: each explorer and question finds its data in the script element behind it.

import { quiz } from "qae/quiz";
import { View } from "qae/view";

const bytesOf = (text) => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

document.querySelectorAll("script[data-qae]").forEach((script) => {
  const content = JSON.parse(script.textContent);
  const root = script.previousElementSibling;
  if (script.dataset.qae === "quiz") { quiz(root, content); return; }
  let shown = content;
  root.replaceChildren();
  new View(root, {
    get: (name) => (name === "spec" ? shown.spec : bytesOf(shown.data)),
    stored: (name) => name in content.presets,
    open: (name) => { shown = name === null ? content : content.presets[name]; },
  });
});
