// Brings a written page to life: each explorer, question, derivation, scene and exercise, and the place for a log, finds its
// data in the script element behind it. Where a page has a footer, a worksheet there keeps what was answered.

import { derive, type Derivation } from "./derive.ts";
import { meanings } from "./meanings.ts";
import { quiz, type Question } from "./quiz.ts";
import type { Content } from "./stored.ts";
import { story, type Told } from "./story.tsx";
import { View } from "./view.ts";
import { worksheet } from "./worksheet.ts";
import { sourceOf } from "../live/alive.ts";
import { exercise, type Exercise } from "../live/exercise.ts";
import { log } from "../live/log.ts";
import { pythonHere } from "../live/python.ts";

(window as { qaeRuns?: boolean }).qaeRuns = true;
const { python, why } = pythonHere();

const footer = document.querySelector<HTMLElement>("footer");
const keep = footer && document.querySelector('script:is([data-qae="quiz"], [data-qae="exercise"])') ? worksheet(footer) : (): void => undefined;

meanings(document);

document.querySelectorAll<HTMLScriptElement>("script[data-qae]").forEach((script) => {
  const root = script.previousElementSibling as HTMLElement;
  const content: unknown = JSON.parse(script.textContent);
  if (script.dataset["qae"] === "quiz") {
    const question = content as Question;
    quiz(root, question, ({ words, right }) => { keep({ kind: "prediction", name: question.name ?? question.question, answer: words, right }); });
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
  if (script.dataset["qae"] === "exercise") {
    exercise(root, content as Exercise, python, why, (entry) => { keep({ kind: "exercise", ...entry }); });
    return;
  }
  if (script.dataset["qae"] === "log") {
    log(root, python, why);
    return;
  }
  root.replaceChildren();
  new View(root, sourceOf(content as Content, python, root.dataset["own"] !== undefined));
});

// What pages say of what they cannot do is not true where Python runs in them.
document.querySelectorAll<HTMLElement>(".qae-without").forEach((note) => {
  if (python) note.textContent = "What is not stored here, Python computes in this page: it is loaded when it is first needed, and kept for the next visit.";
  else if (why) note.textContent = why;
});
