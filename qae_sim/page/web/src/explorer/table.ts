// The numbers behind a picture as tables.

import { element } from "./dom.ts";
import type { Numbers, Row } from "./lookup.ts";
import type { Layer, Picture } from "./spec.ts";

const text = (x: number): string => String(Number(x.toPrecision(5))).replace("-", "−");

function valuesOf(layer: Layer, numbers: Numbers): [Row, Row, Row | null] | null {
  switch (layer.kind) {
    case "Line": case "Points": return [numbers.row(layer.x), numbers.row(layer.y), null];
    case "Bars": return [numbers.row(layer.x), numbers.row(layer.height), null];
    case "Band": return [numbers.row(layer.x), numbers.row(layer.low), numbers.row(layer.high)];
    default: return null;
  }
}

export function tables(picture: Picture, numbers: Numbers): HTMLElement[] {
  return picture.panels.map((panel) => {
    const rows: HTMLElement[] = [];
    for (const layer of panel.layers) {
      const values = layer.label ? valuesOf(layer, numbers) : null;
      if (!values) continue;
      const [x, y, high] = values;
      for (let i = 0; i < y.length; i += 1) {
        if (!Number.isFinite(y[i])) continue;
        const cells = [layer.label!, text(x[i]!), text(y[i]!), ...(high ? [text(high[i]!)] : [])];
        rows.push(element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
      }
    }
    const head = element("tr", {}, ...["", panel.x || "x", panel.y || "y"].map((name) => element("th", { scope: "col" }, name)));
    return element("table", {}, element("caption", {}, panel.title), element("thead", {}, head), element("tbody", {}, ...rows));
  });
}
