// What is said to numbers that were set before the truth was shown.

import { written } from "../numbers.ts";

export interface SetQuestion {
  kind: "slider" | "bars" | "curve";
  name?: string;
  question: string; labels: string[];
  low: number; high: number; step: number; digits: number;
  truth: number[]; near: number; why: string; slips: { answer: number[]; hint: string }[];
  x?: string; y?: string; places?: number[]; curve?: [number, number][];
}

/** An answer that was locked, in words. */
export interface Locked { words: string; right: boolean }

export interface Verdict { right: boolean; said: string[] }

/** How far two answers are from each other: the largest difference, and of curves the mean one, since nobody draws exactly. */
export function distance(kind: SetQuestion["kind"], a: readonly number[], b: readonly number[]): number {
  const gaps = a.map((value, i) => Math.abs(value - b[i]!));
  return kind === "curve" ? gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length : Math.max(...gaps);
}

/** A number as it is written in this question: with its sign where there are two. */
export const number = (spec: SetQuestion, value: number): string => written(value, spec.digits, spec.low < 0);

/** An answer in words. */
export const answered = (spec: SetQuestion, values: readonly number[]): string =>
  spec.labels.map((label, i) => `${label}: ${number(spec, values[i]!)}`).join("; ");

/** Judges an answer: right if it is near the truth and no slip is nearer; else the nearest slip speaks, if it is near. */
export function judge(spec: SetQuestion, answer: readonly number[]): Verdict {
  const slack = 1e-9 * (spec.high - spec.low); // settings are rounded decimals
  const off = distance(spec.kind, answer, spec.truth);
  const slips = spec.slips.map((slip) => ({ hint: slip.hint, off: distance(spec.kind, answer, slip.answer) })).sort((a, b) => a.off - b.off);
  const slip = slips.find((found) => found.off <= spec.near + slack && found.off < off);
  if (!slip && off <= spec.near + slack) return { right: true, said: [`Yes. ${spec.why}`] };
  return { right: false, said: [slip ? `Not quite. ${slip.hint}` : "Not quite.", `${truth(spec)} ${spec.why}`] };
}

function truth(spec: SetQuestion): string {
  if (spec.kind === "curve") return "The solid line is the true curve.";
  if (spec.kind === "slider") return `It is ${number(spec, spec.truth[0]!)}.`;
  return `They are: ${spec.labels.map((label, i) => `${label} ${number(spec, spec.truth[i]!)}`).join(", ")}.`;
}
