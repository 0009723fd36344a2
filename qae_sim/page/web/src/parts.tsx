// What scenes are built from: a picture that knows its width, handles to drag, sliders, choices.

import { drag } from "d3-drag";
import { type Selection, select } from "d3-selection";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Name, colour, marker } from "./looks.ts";
import { onGrid } from "./numbers.ts";
import type { State } from "./state.ts";

export interface Scene { state: State; set: (change: Partial<State>) => void; site: boolean }
export interface Grid { low: number; high: number; step: number }

/** The width where no browser has said one: that of a phone. */
const STILL = 350;
/** Wider than this, as on a projector, a picture grows as a whole, letters too. */
const WIDEST = 800;

/** An SVG that is drawn for the width that it has, so that its letters keep their size. */
export function Picture({ height, label, children }: {
  height: (width: number) => number; label: string; children: (width: number, height: number) => ComponentChildren;
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(STILL);
  useLayoutEffect(() => {
    const here = box.current!;
    const measure = (): void => { setWidth(Math.max(280, Math.min(WIDEST, Math.floor(here.clientWidth)))); };
    measure();
    const watcher = new ResizeObserver(measure);
    watcher.observe(here);
    return () => { watcher.disconnect(); };
  }, []);
  const tall = height(width);
  return (
    <div class="picture" ref={box}>
      <svg viewBox={`0 0 ${width} ${tall}`} role="group" aria-label={label}>
        <title>{label}</title>
        {children(width, tall)}
      </svg>
    </div>
  );
}

/** A handle in a picture that is dragged along one axis, or moved by arrow keys. */
export function Handle({ along, at, value, grid, label, said, toValue, set, children }: {
  along: "x" | "y"; at: [number, number]; value: number; grid: Grid; label: string; said: string;
  toValue: (pixels: number) => number; set: (value: number) => void; children: ComponentChildren;
}): JSX.Element {
  const place = useRef<SVGGElement>(null);
  const latest = useRef({ toValue, set });
  latest.current = { toValue, set };
  const move = (to: number): void => { latest.current.set(onGrid(to, grid.low, grid.high, grid.step)); };
  useEffect(() => {
    const node = place.current!;
    const handle: Selection<SVGGElement, unknown, null, undefined> = select(node);
    const dragging = drag<SVGGElement, unknown>()
      .container(() => node.ownerSVGElement!)
      .on("start", () => { node.focus({ preventScroll: true }); })
      .on("drag", (event: { x: number; y: number }) => { move(latest.current.toValue(along === "x" ? event.x : event.y)); })
      .subject(() => ({ x: Number(node.dataset["x"]), y: Number(node.dataset["y"]) }));
    handle.call(dragging);
    return () => { handle.on(".drag", null); };
  }, []);
  const keys = (event: KeyboardEvent): void => {
    const big = (grid.high - grid.low) / 4;
    const by: Record<string, number> = {
      ArrowLeft: -grid.step, ArrowDown: -grid.step, ArrowRight: grid.step, ArrowUp: grid.step, PageDown: -big, PageUp: big,
      Home: grid.low - value, End: grid.high - value,
    };
    const change = by[event.key];
    if (change === undefined) return;
    event.preventDefault();
    move(value + change);
  };
  return (
    <g ref={place} class="handle" role="slider" tabindex={0} aria-label={label} aria-orientation={along === "x" ? "horizontal" : "vertical"}
      aria-valuemin={grid.low} aria-valuemax={grid.high} aria-valuenow={value} aria-valuetext={said}
      data-x={at[0]} data-y={at[1]} onKeyDown={keys}>{children}</g>
  );
}

export function Slider({ label, value, grid, said, set }: {
  label: string; value: number; grid: Grid; said: string; set: (value: number) => void;
}): JSX.Element {
  return (
    <label class="slider"><span>{label}</span>
      <input type="range" min={grid.low} max={grid.high} step={grid.step} value={value} aria-valuetext={said}
        onInput={(event) => { set(onGrid(Number(event.currentTarget.value), grid.low, grid.high, grid.step)); }} />
      <output>{said}</output>
    </label>
  );
}

export function Choice<T extends string | number>({ label, options, value, set }: {
  label: string; options: readonly (readonly [T, string])[]; value: T; set: (value: T) => void;
}): JSX.Element {
  return (
    <fieldset class="choice"><legend>{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} class={option === value ? "chosen" : ""}>
          <input type="radio" name={label} checked={option === value} onChange={() => { set(option); }} />{text}
        </label>
      ))}
    </fieldset>
  );
}

export function Toggle({ on, set, children }: { on: boolean; set: (on: boolean) => void; children: ComponentChildren }): JSX.Element {
  return <button type="button" class="toggle" aria-pressed={on} onClick={() => { set(!on); }}>{children}</button>;
}

/** What colours and lines of a picture mean; a name stays beside its sign. */
export function Legend({ items }: {
  items: readonly { sign: "line" | "box" | "round" | "marker"; look: Name; text: string; dashed?: string }[];
}): JSX.Element {
  return (
    <p class="legend">
      {items.map(({ sign, look, text, dashed }) => (
        <span key={text}>{sign === "marker"
          ? <svg class="marker" viewBox="-8 -8 16 16" aria-hidden="true"><path d={marker(look, 90)} fill={colour(look)} /></svg>
          : <i class={sign} style={{ color: colour(look), borderTopStyle: dashed ?? "solid" }} />}{text}</span>
      ))}
    </p>
  );
}

/** The sentence under a picture, said again when it changes. */
export function Said({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="said" role="status">{children}</p>;
}

export function Frame({ number, title, prose, children }: {
  number: number; title: string; prose: ComponentChildren; children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="scene" id={`scene-${number}`} aria-labelledby={`title-${number}`}>
      <div class="words"><h2 id={`title-${number}`}>{title}</h2>{prose}</div>
      <div class="figure">{children}</div>
    </section>
  );
}
