// Looks numbers up by the positions of sliders, and writes the sentence that stands under a picture.

import { written } from "../numbers.ts";
import type { Data, Stored, WordPart } from "./spec.ts";

export type Places = Record<string, number>;
export type Row = ArrayLike<number>;

const isStored = (part: Data): part is Stored => part !== null && typeof part === "object" && !Array.isArray(part);

/** The numbers of a picture at one position of every slider. */
export class Numbers {
  constructor(private readonly block: Float32Array, private readonly places: Places) {}

  /** As many as there are; a number alone counts as a row of one. */
  row(part: Data): Row {
    if (!isStored(part)) return typeof part === "number" ? [part] : part ?? [NaN];
    // Sliders are the first axes, so one position of each picks a contiguous piece, here as a view without copying.
    const own = part.n.slice(part.over.length).reduce((a, b) => a * b, 1);
    let start = 0;
    part.over.forEach((name, axis) => { start = start * part.n[axis]! + this.places[name]!; });
    return this.block.subarray(part.$ + start * own, part.$ + (start + 1) * own);
  }

  /** One number: JSON has no NaN and says null. */
  one(part: Data): number {
    return this.row(part)[0] ?? NaN;
  }

  /** Words with their numbers written out: the kernel's and these are one text. */
  said(words: readonly WordPart[]): string {
    return words.map((part) => {
      if (typeof part === "string") return part;
      if (part.kind === "Pick") return part.texts[Math.round(this.one(part.which))]!;
      return written(this.one(part.value), part.digits, part.sign);
    }).join("");
  }
}

/** Whether there is one number for all, rather than one for each. */
export const single = (row: Row): boolean => row.length === 1;
