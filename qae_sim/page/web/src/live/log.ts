// A place for a visitor's own training log: it is read by Python in this page, and leaves the machine at no time.

import { button } from "../explorer/controls.ts";
import { element } from "../explorer/dom.ts";
import type { Content } from "../explorer/stored.ts";
import { View } from "../explorer/view.ts";
import { sourceOf } from "./alive.ts";
import type { Python } from "./python.ts";

type Pairs = [string, string][];
/** Why a log was not read; or what was found in it. */
type Read = { error: string } | { error?: undefined; verdict: string; findings: Pairs; said: Pairs; content: Content };
interface Given { path: string; file: File }

let dropped = 0;

const list = (pairs: Pairs): HTMLElement => element("ul", {}, ...pairs.map(([title, text]) => element("li", {}, element("b", {}, title), `${title.endsWith("?") ? "" : ":"} ${text}`)));

/** All files of what was dropped, folders opened. */
async function filesOf(items: DataTransferItemList): Promise<Given[]> {
  const entries = [...items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const found: Given[] = [];
  const open = async (entry: FileSystemEntry, path: string): Promise<void> => {
    if (entry.isFile) {
      const file = await new Promise<File>((done, failed) => { (entry as FileSystemFileEntry).file(done, failed); });
      found.push({ path: `${path}${entry.name}`, file });
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) { // browsers give a hundred at a time
      const some = await new Promise<FileSystemEntry[]>((done, failed) => { reader.readEntries(done, failed); });
      if (!some.length) return;
      for (const one of some) await open(one, `${path}${entry.name}/`);
    }
  };
  for (const entry of entries) await open(entry, "");
  return found;
}

export function log(root: HTMLElement, python: Python | null, why: string): void {
  if (python === null) {
    root.replaceChildren(element("p", {}, `A log is read here where Python runs in the page. ${why} In a terminal: `, element("code", {}, "qae-sim inspect FOLDER")));
    return;
  }
  const said = element("div", { role: "status", "aria-live": "polite" });
  const picture = element("div");
  const stop = button("Stop", () => { python.stop(); }, { hidden: "" });
  let reading = false;
  python.onProgress(({ text, share }) => {
    if (reading && text) said.replaceChildren(element("progress", share === null ? {} : { max: 1, value: share }), ` ${text}`);
  });
  const read = async (given: Given[]): Promise<void> => {
    if (reading || !given.length) return;
    reading = true;
    stop.hidden = false;
    picture.replaceChildren();
    said.replaceChildren("The log is being read.");
    try {
      dropped += 1;
      const folder = `/logs/${dropped}`;
      const files = await Promise.all(given.map(async ({ path, file }) => ({ path: `${folder}/${path}`, bytes: new Uint8Array(await file.arrayBuffer()) })));
      const { told } = await python.ask<Read>({ do: "log", folder }, files);
      if (told.error !== undefined) said.replaceChildren(element("p", {}, element("b", {}, "This log was not read"), `: ${told.error}`));
      else {
        said.replaceChildren(element("p", {}, element("b", {}, told.verdict)),
          element("details", {}, element("summary", {}, "All that was looked for"), list(told.findings)), list(told.said));
        const place = element("div");
        picture.replaceChildren(place);
        new View(place, sourceOf(told.content, python, false));
      }
    } catch (error) {
      said.replaceChildren(`The log was not read: ${(error as Error).message}`);
    }
    reading = false;
    stop.hidden = true;
  };
  const chosen = (input: HTMLInputElement): Given[] => [...input.files ?? []].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  const file = element("input", { type: "file", multiple: true, "aria-label": "Files of a log", onchange: () => { void read(chosen(file)); } });
  const folder = element("input", { type: "file", webkitdirectory: true, "aria-label": "Folder of a log", onchange: () => { void read(chosen(folder)); } });
  root.classList.add("qae", "qae-drop");
  root.addEventListener("dragover", (event) => { event.preventDefault(); root.classList.add("qae-over"); });
  root.addEventListener("dragleave", () => { root.classList.remove("qae-over"); });
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("qae-over");
    if (event.dataTransfer) void filesOf(event.dataTransfer.items).then(read);
  });
  root.replaceChildren(
    element("p", {}, "Drop the files or the folder of a training log here, or choose them:"),
    element("p", {}, element("label", {}, "files ", file), " ", element("label", {}, "a folder ", folder), " ", stop),
    element("p", { class: "note" }, "It is read by Python in this page. Nothing is uploaded: the log does not leave your machine."),
    said, picture);
}
