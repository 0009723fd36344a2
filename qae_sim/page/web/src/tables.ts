// The tables that the package made.

import table from "./generated/tables.json";

export interface Row { name: string; title: string; place: string; summary: string; formula: string; claim: string; claimPage: string }
export interface Gap { grpo: number[]; qae: number[]; turn: number; speed: number }
export interface Followed { beliefs: number[]; weights: number[][] }
export interface Tables {
  prompt: string;
  responses: { text: string; answer: string; correct: boolean }[];
  /** By the places of the first three in `VERIFIERS`, then by the bits of the chips. */
  gaps: Gap[][];
  capability: number[];
  /** By the places of the first three in `VERIFIERS`. */
  followed: { seen: number[]; anchors: Record<string, Followed> }[];
  places: Record<string, string>;
  estimators: Row[];
}

export const TABLES: Tables = table;
