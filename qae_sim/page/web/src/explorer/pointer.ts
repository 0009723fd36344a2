// Touching a picture: dragging a line, flipping a reward, clicking a word.

import type { Drawn } from "./paint.ts";
import type { Spec, State, Touch, Value } from "./spec.ts";
import { touched } from "./state.ts";

interface Touched { spec: Spec; state: State; moves: (name: string) => boolean; drawn: readonly Drawn[]; move: (name: string, value: Value, local: boolean) => void }

/** A press that moves no further than this is a click. */
const CLICK = 4;

export function listen(canvas: HTMLCanvasElement, host: () => Touched): void {
  let press: { at: Drawn; x: number; y: number; drag: Touch | null } | null = null;

  const place = (event: PointerEvent): [number, number] => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const panelAt = (x: number, y: number): Drawn | undefined => host().drawn.find(({ axes }) =>
    x >= axes.left - 8 && x <= axes.right + 8 && y >= axes.top - 8 && y <= axes.bottom + 8);
  const usable = (at: Drawn): Touch[] => at.panel.touches.filter((touch) => host().moves(touch.control));
  const boxAt = (at: Drawn, x: number, y: number): number =>
    at.boxes.findIndex((box) => x >= box.left && x <= box.right && y >= box.top && y <= box.bottom);
  const apply = (touch: Touch, at: Drawn, x: number, y: number): void => {
    const { spec, state, move } = host();
    const control = spec.controls[touch.control]!;
    const before = state[touch.control]!;
    const value = touched(touch, control, before, { x: at.axes.x.invert(x), y: at.axes.y.invert(y), box: boxAt(at, x, y) });
    if (value !== undefined && value !== before) move(touch.control, value, control.local);
  };

  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = place(event);
    const at = panelAt(x, y);
    if (!at || !usable(at).length) return;
    press = { at, x, y, drag: null };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    if (!press) { canvas.style.cursor = cursor(x, y); return; }
    const [dx, dy] = [Math.abs(x - press.x), Math.abs(y - press.y)];
    if (!press.drag && Math.max(dx, dy) > CLICK) {
      const drags = usable(press.at).filter((touch) => touch.does === "drag");
      press.drag = drags.find((touch) => (touch.along === "x") === (dx >= dy)) ?? drags[0] ?? null;
    }
    if (press.drag) apply(press.drag, press.at, x, y);
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = place(event);
    if (press && !press.drag) {
      const click = usable(press.at).find((touch) => touch.does !== "drag");
      const touch = click ?? usable(press.at)[0]; // a click where one drags is a short drag
      if (touch) apply(touch, press.at, x, y);
    }
    press = null;
  });
  canvas.addEventListener("pointercancel", () => { press = null; });

  const cursor = (x: number, y: number): string => {
    const at = panelAt(x, y);
    const touches = at ? usable(at) : [];
    if (touches.some((touch) => touch.does === "flip") || (at && touches.some((touch) => touch.does === "pick") && boxAt(at, x, y) >= 0)) return "pointer";
    const drag = touches.find((touch) => touch.does === "drag");
    return !drag ? "" : drag.along === "x" ? "ew-resize" : "ns-resize";
  };
}

/** What the page may do with fingers on a picture: scroll, unless that drags something. */
export function touchAction(touches: readonly Touch[]): string {
  const drags = touches.filter((touch) => touch.does === "drag");
  return drags.length ? drags.some((touch) => touch.along === "y") ? "none" : "pan-y" : "auto";
}
