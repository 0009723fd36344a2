// How estimators, and what else has a meaning, are drawn: the package's own table.

import { type SymbolType, symbol, symbolCircle, symbolCross, symbolDiamond, symbolSquare } from "d3-shape";
import table from "./generated/looks.json";

export type Name = keyof typeof table;

const DASHES: Record<string, string> = { solid: "none", dashed: "9 6", dotted: "2 5" };
const symbolDash: SymbolType = { draw: (context, area) => { context.rect(-Math.sqrt(area), -Math.sqrt(area) / 4, 2 * Math.sqrt(area), Math.sqrt(area) / 2); } };
const MARKERS = { circle: symbolCircle, square: symbolSquare, diamond: symbolDiamond, cross: symbolCross, dash: symbolDash };

export const colour = (name: Name): string => `var(--${name.replace("_", "-")})`;
export const dash = (name: Name): string => DASHES[table[name].dash]!;
export const marker = (name: Name, area: number): string => symbol(MARKERS[table[name].marker as keyof typeof MARKERS], area)()!;

/** The colours as CSS variables, for light and for dark: of the page, or of what a shadow keeps apart from it. */
export function variables(of: ":root" | ":host" = ":root"): string {
  const rules = Object.entries(table).map(([name, look]) => `--${name.replace("_", "-")}: light-dark(${look.light}, ${look.dark});`);
  return `${of} { ${rules.join(" ")} }`;
}
