// Explorers of a page that runs Python itself: what is stored is shown from there, anything else Python draws.

import type { Spec } from "../explorer/spec.ts";
import type { Source } from "../explorer/view.ts";
import { storedFor, type Content } from "../explorer/stored.ts";
import type { Python } from "./python.ts";

const bytesOf = (text: string): DataView => new DataView(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

let opened = 0;

/** Where an explorer of a page gets its pictures; without Python from the store alone. */
export function sourceOf(content: Content, python: Python | null, own: boolean): Source {
  let shown: { spec: Spec; data: DataView } = { spec: content.spec, data: bytesOf(content.data) };
  // Numbers of messages; up to `dropped` answers no longer matter.
  let asked = 0;
  let answered = 0;
  let dropped = 0;
  let picture = (): void => undefined;
  let done = (): void => undefined;
  let say: Parameters<NonNullable<Source["onProgress"]>>[0] = () => undefined;
  let fail: Parameters<NonNullable<Source["onProgress"]>>[1] = () => undefined;
  const source: Source = {
    spec: () => shown.spec,
    data: () => shown.data,
    stored: (state) => storedFor(content, state),
    open: (found) => { shown = { spec: found.spec, data: bytesOf(found.data) }; },
    own,
  };
  // What opens on data has no page of its own: Python here has not got them.
  if (python === null || !content.spec.page) return source;
  opened += 1;
  const key = String(opened);
  const { name, first, asked: hide, style } = content.spec;
  python.onProgress((progress) => { say(progress); });
  return {
    ...source,
    send: (state) => {
      asked += 1;
      const number = asked;
      python.ask<{ spec: Spec }>({ do: "move", key, name, first, asked: hide, style, state }).then(({ told, data }) => {
        answered = number;
        if (number <= dropped) { done(); return; }
        shown = { spec: { ...told.spec, claims: content.spec.claims }, data };
        picture();
      }, (error: unknown) => {
        answered = number;
        if (number > dropped) fail((error as Error).message);
        done();
      });
      return number;
    },
    answered: () => answered,
    drop: () => { dropped = asked; },
    onAnswer: (one, other) => { picture = one; done = other; },
    onProgress: (one, other) => { say = one; fail = other; },
  };
}
