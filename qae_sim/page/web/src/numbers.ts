// How numbers are written: with a real minus sign, and without digits that say nothing.

/** A number as text. Must write as the explorers do: "+" if asked for, no sign for what rounds to 0. */
export function written(value: number, digits: number, sign = false): string {
  if (Number.isNaN(value)) return "undefined";
  const text = Math.abs(value).toFixed(digits);
  const nothing = Number(text) === 0;
  return (value < 0 && !nothing ? "−" : sign && !nothing ? "+" : "") + text;
}

/** A number on a grid, such as 0.30000000000000004 on one of 0.05. */
export function onGrid(value: number, low: number, high: number, step: number): number {
  const place = Math.round((Math.min(high, Math.max(low, value)) - low) / step);
  return Number((low + place * step).toFixed(6));
}
