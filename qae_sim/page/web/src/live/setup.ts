// What a site says of the Python that its pages can run, and what page and worker tell each other. Must agree with
// qae_sim.site.live and qae_sim.explorers.messages.

export interface Pinned { name: string; integrity: string; bytes: number }

export interface Setup {
  /** Where Pyodide is: absolute, or from the folder of this file. */
  pyodide: string;
  lock: Pinned;
  /** Pyodide's files, and the package's own. */
  files: Pinned[]; wheels: Pinned[];
  /** Pyodide's packages that are loaded at the start, each with its file, and those that are loaded when first imported. */
  packages: Record<string, string>; onDemand: string[];
}

export interface Progress { text: string; share: number | null }

export interface ToWorker { id: number; message: Record<string, unknown>; files?: { path: string; bytes: Uint8Array }[] }
export type FromWorker =
  | { kind: "progress"; progress: Progress }
  | { kind: "answer"; id: number; told: string; data: Uint8Array }
  | { kind: "failed"; id: number; why: string };

/** The cache that holds what was loaded, for the next visit and for visits without a network. */
export const CACHE = "qae_sim";
