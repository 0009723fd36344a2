// What an explorer sends: Must agree with qae_sim.pictures.scene and qae_sim.explorers.explorer.

/** Numbers in the block that comes beside the description: an offset, a shape, and the sliders that are its first axes. */
export interface Stored { $: number; n: number[]; over: string[] }
export type Data = number | null | number[] | Stored;

export type WordPart = string
  | { kind: "Number"; value: Data; digits: number; sign: boolean }
  | { kind: "Pick"; which: Data; texts: string[] };

export type Dash = "solid" | "dashed" | "dotted";
export type Marker = "circle" | "square" | "cross" | "diamond" | "dash";

interface Labelled { colour: string; label: string }
export interface Line extends Labelled { kind: "Line"; x: Data; y: Data; dash: Dash; width: number; until: Data }
export interface Points extends Labelled { kind: "Points"; x: Data; y: Data; marker: Marker; size: Data; filled: boolean; until: Data }
export interface Bars extends Labelled { kind: "Bars"; x: Data; height: Data; width: number; hatched: boolean }
export interface Band extends Labelled { kind: "Band"; x: Data; low: Data; high: Data }
export interface GuideLine extends Labelled { kind: "GuideLine"; at: Data; along: "x" | "y"; dash: Dash; width: number }
export interface Note { kind: "Note"; x: Data; y: Data; words: WordPart[]; colour: string; anchor: "left" | "center" | "right"; label?: undefined }
export interface Cells { kind: "Cells"; x: Data; y: Data; width: Data; height: number; texts: string[]; colours: string[]; chosen: boolean[]; label?: undefined }
export type Layer = Line | Points | Bars | Band | GuideLine | Note | Cells;

export type Ticks = [number, string][];

/** What touching a panel does: drag sets a control along an axis, flip turns one of a row of numbers, pick takes a box. */
export interface Touch { kind: "Touch"; control: string; does: "drag" | "flip" | "pick"; along: "x" | "y"; offset: number; factor: number; values: number[] }

export interface Panel {
  title: string; x: string; y: string; xlim: [number, number]; ylim: Data; layers: Layer[]; xticks: Ticks; yticks: Ticks;
  weight: number; touches: Touch[];
}
export interface Picture { panels: Panel[]; words: WordPart[]; row: boolean }

export interface Control {
  label: string; kind: "number" | "whole" | "choice" | "numbers"; low: number; high: number; step: number; unit: string;
  help: string; options: [string, string][]; local: boolean;
  /** The control that holds its upper end; empty if that is fixed. */
  end: string;
}
export type Value = number | string | number[];
export type State = Record<string, Value>;

export interface Spec {
  /** The explorer's page, from the top of the site; empty if it has none. */
  page: string;
  name: string; style: Style; controls: Record<string, Control>; state: State; presets: Record<string, State>;
  /** The state that was opened, and that of an address which says nothing. */
  first: State; defaults: State;
  /** Whether the picture only stands in for one that is still drawn. */
  coarse: boolean;
  hidden: string[]; leading: string[]; time: string; claims: [string, string, string][]; problem: string; picture: Picture;
  asked: string[];
}
export type Style = "projector" | "laptop";
