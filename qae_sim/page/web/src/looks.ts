// How estimators, and what else has a meaning, are drawn: the package's own table.

import { symbol, symbolCircle, symbolDiamond, symbolSquare, symbolTriangle } from "d3-shape";
import table from "./generated/looks.json";

export type Name = keyof typeof table;

const DASHES: Record<string, string> = { solid: "none", dashed: "9 6", dotted: "2 5" };
const MARKERS = { circle: symbolCircle, square: symbolSquare, diamond: symbolDiamond, triangle: symbolTriangle };

export const colour = (name: Name): string => `var(--${name.replace("_", "-")})`;
export const dash = (name: Name): string => DASHES[table[name].dash]!;
export const marker = (name: Name, area: number): string => symbol(MARKERS[table[name].marker as keyof typeof MARKERS], area)()!;

/** The colours as CSS variables, for light and for dark. */
export function variables(): string {
  const rules = Object.entries(table).map(([name, look]) => `--${name.replace("_", "-")}: light-dark(${look.light}, ${look.dark});`);
  return `:root { ${rules.join(" ")} }`;
}
