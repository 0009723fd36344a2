// Colours of a picture on a light and on a dark page. Layers say theirs as on white.

import table from "../generated/ground.json";

export interface Theme { dark: boolean; text: string; quiet: string; back: string; edge: string; grid: string }

const DARK: ReadonlyMap<string, string> = new Map(
  Object.entries(table).map(([light, dark]) => [light.toUpperCase(), dark]));

/** A colour that is meant for white, on the ground that there is: the table's, or as light as the other was dark. */
export function onGround(colour: string, dark: boolean): string {
  if (!dark) return colour;
  return DARK.get(colour.toUpperCase()) ?? turned(colour);
}

/** The same hue with light and dark changed over. */
export function turned(colour: string): string {
  const [r, g, b] = channels(colour);
  const sum = Math.max(r, g, b) + Math.min(r, g, b);
  // In HSL the lightness is half of that sum: moving all channels by 255 - sum mirrors it and keeps hue and chroma.
  return hex([r, g, b].map((channel) => channel + 255 - sum));
}

function channels(colour: string): [number, number, number] {
  return [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)) as [number, number, number];
}

const hex = (values: readonly number[]): string => `#${values.map((x) => Math.round(x).toString(16).padStart(2, "0")).join("")}`;

/** Contrast of two colours, 1 to 21 (WCAG 2). */
export function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = channels(colour).map((value) => {
    const x = value / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** The colours that the page gives an explorer, through its variables. */
export function themeOf(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return { dark: read("--qae-dark") === "1", text: style.color, quiet: read("--qae-quiet"), back: style.backgroundColor,
    edge: read("--qae-axis"), grid: read("--qae-grid") };
}

/** Calls when the page's colours may have changed: JupyterLab's theme, or the system's. */
export function onTheme(callback: () => void): () => void {
  const watcher = new MutationObserver(callback);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", callback);
  return () => { watcher.disconnect(); query.removeEventListener("change", callback); };
}
