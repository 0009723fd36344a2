// What a student has predicted and answered on the pages of a site: kept in this browser alone, and saved as a file to hand in.

import { button } from "./controls.ts";
import { element } from "./dom.ts";

/** An answer, as the package's `read_worksheet` reads it. */
export interface Entry { kind: "prediction" | "exercise"; name: string; answer: string; right: boolean; said?: string }

const KEY = "qae_sim worksheet";
/** Also for browsers that keep nothing. */
let entries: Entry[] = [];

function read(): Entry[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept as Entry[] : [];
  } catch {
    return [];
  }
}

/** The entries with one more; of two answers to one question the later counts. */
export const withAnswer = (before: readonly Entry[], added: Entry): Entry[] =>
  [...before.filter(({ kind, name }) => kind !== added.kind || name !== added.name), added];

/** The file of a student. */
export const worksheetFile = (student: string, kept: readonly Entry[]): string =>
  `${JSON.stringify({ format: "qae_sim worksheet 1", student, entries: kept }, null, 1)}\n`;

/** One line for a student. */
const inWords = ({ kind, name, answer, right, said }: Entry): string =>
  (kind === "prediction" ? `${name}: ${answer}` : `Exercise ${name}: ${right ? "right" : "not yet"}. ${said ?? ""}`);

/** A list of what was answered, and a button that saves it; gives what keeps one more answer. */
export function worksheet(root: HTMLElement): (answer: Entry) => void {
  entries = read();
  const list = element("ul");
  const title = element("summary");
  const name = element("input", { type: "text", autocomplete: "name", "data-lm-suppress-shortcuts": "true", oninput: () => { show(); } });
  const save = button("Save as a file to hand in", () => {
    const url = URL.createObjectURL(new Blob([worksheetFile(name.value.trim(), entries)], { type: "application/json" }));
    element("a", { href: url, download: "worksheet.json" }).click();
    URL.revokeObjectURL(url);
  });
  const forget = button("Forget them", () => {
    entries = [];
    keep();
  });
  const show = (): void => {
    title.textContent = `My answers: ${entries.length}`;
    list.replaceChildren(...entries.map((entry) => element("li", {}, inWords(entry))));
    save.disabled = entries.length === 0 || name.value.trim() === "";
    forget.disabled = entries.length === 0;
  };
  const keep = (): void => {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries));
    } catch {
      // The page still shows them and saves them as a file.
    }
    show();
  };
  root.append(element("details", { class: "qae-worksheet" }, title,
    element("p", {}, "They are kept in this browser and sent nowhere."), list, element("label", {}, "Your name ", name), " ", save, " ", forget));
  show();
  return (answer) => {
    entries = withAnswer(read().length > 0 ? read() : entries, answer);
    keep();
  };
}
