// Brings a written lesson to life: each explorer, question, derivation and scene finds its data in the script element behind it.
// Where a page has a footer, a worksheet there keeps the predictions.

import { derive, type Derivation } from "./derive.ts";
import { quiz, type Question } from "./quiz.ts";
import { storedFor, type Content, type Shown } from "./stored.ts";
import { story, type Told } from "./story.tsx";
import { View } from "./view.ts";
import { worksheet } from "./worksheet.ts";

const bytesOf = (text: string): DataView => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

const footer = document.querySelector<HTMLElement>("footer");
const keep = footer && document.querySelector('script[data-qae="quiz"]') ? worksheet(footer) : (): void => undefined;

document.querySelectorAll<HTMLScriptElement>("script[data-qae]").forEach((script) => {
  const root = script.previousElementSibling as HTMLElement;
  const content: unknown = JSON.parse(script.textContent);
  if (script.dataset["qae"] === "quiz") {
    const question = content as Question;
    quiz(root, question, (answer) => { keep(question.name ?? question.question, answer); });
    return;
  }
  if (script.dataset["qae"] === "derivation") {
    derive(root, content as Derivation);
    return;
  }
  if (script.dataset["qae"] === "story") {
    story(root, content as Told);
    return;
  }
  const explorer = content as Content;
  let shown: Shown = explorer;
  root.replaceChildren();
  new View(root, {
    spec: () => shown.spec,
    data: () => bytesOf(shown.data),
    stored: (state) => storedFor(explorer, state),
    open: (found) => { shown = found; },
    own: root.dataset["own"] !== undefined,
  });
});
