// An explorer in the page: its controls, its picture and what it says. Nothing is computed here. Numbers come from the
// kernel (or from a file), as arrays or as tables over sliders; they are looked up, scaled to pixels and drawn.

import { button, controlOf, presetMenu, type Host, type Part } from "./controls.ts";
import { element } from "./dom.ts";
import { Latest } from "./latest.ts";
import { Numbers } from "./lookup.ts";
import { Painter, type Drawn, type Look } from "./paint.ts";
import { listen, touchAction } from "./pointer.ts";
import type { Picture, Spec, State, Style, Value } from "./spec.ts";
import { atEnd, changes, command, permalink, stateOf, stepped } from "./state.ts";
import { alike, same, type Shown } from "./stored.ts";
import { tables } from "./table.ts";
import { onTheme, themeOf } from "./theme.ts";
import type { Progress } from "../live/setup.ts";

/** Where an explorer's data come from. Only Python takes states; only written pages, with Python or without, have stored pictures. */
export interface Source {
  spec: () => Spec;
  data: () => DataView;
  /** Sends a state; gives its number, which the kernel says again in `answered`. */
  send?: (state: State) => number;
  answered?: () => number;
  onAnswer?: (picture: () => void, done: () => void) => void;
  /** Makes what was sent and is not answered yet count no more. */
  drop?: () => void;
  /** What Python is doing before it can answer, and why it cannot. */
  onProgress?: (say: (progress: Progress) => void, fail: (why: string) => void) => void;
  /** The stored picture that holds a state, if one does; and makes a stored picture the present one. */
  stored?: (state: State) => Shown | null;
  open?: (shown: Shown) => void;
  /** Whether the page is the explorer's own: then its address holds the state. */
  own?: boolean;
}

const LOOKS: Record<Style, Look> = { laptop: { font: 13, least: 11, line: 0.85 }, projector: { font: 24, least: 24, line: 1.5 } };
/** Below this width the picture comes first and the controls below it. */
const NARROW = 640;
const TICK = 150;
/** The longest that a timer can take. */
const FOREVER = 2 ** 31 - 1;

/** All explorers of a page change their type together. */
const views = new Set<View>();

export class View implements Host {
  spec!: Spec;
  state!: State;
  private readonly still: boolean;
  private readonly site: boolean;
  private block!: Float32Array;
  private look: Style;
  private drawn: readonly Drawn[] = [];
  private parts: Part[] = [];
  private signature = "";
  private panel = 0;
  private wordsRoom = 0;
  private held = false;
  private moreOpen = false;
  private playing: ReturnType<typeof setInterval> | null = null;
  private pending: ReturnType<typeof setTimeout> | undefined;
  private keeping: ReturnType<typeof setTimeout> | undefined;
  /** Why the page does not show what its address asks for. */
  private complaint = "";
  private frame = 0;
  private readonly latest: Latest<State> | null;
  private readonly closing: (() => void)[] = [];
  private readonly canvas = element("canvas", { role: "img" });
  private readonly words = element("div", { class: "qae-words", role: "status", "aria-live": "polite" });
  private readonly problem = element("div", { class: "qae-problem", role: "alert", hidden: true });
  private readonly loading = element("div", { class: "qae-loading", role: "status", hidden: true });
  private readonly tabs = element("div", { class: "qae-tabs", role: "group", "aria-label": "Part of the picture" });
  private readonly foot = element("div", { class: "qae-foot" });
  private readonly table = element("div", { class: "qae-table", hidden: true, tabindex: "0" });
  private playButton: HTMLButtonElement | null = null;
  private tableButton: HTMLButtonElement | null = null;
  private styleButton: HTMLButtonElement | null = null;

  constructor(private readonly root: HTMLElement, private readonly source: Source) {
    this.still = !source.send;
    this.site = source.stored !== undefined;
    // A kernel may be started anew and forget what it was sent; Python in the page says if it fails.
    this.latest = source.send ? new Latest(source.send, source.onProgress ? FOREVER : undefined) : null;
    this.look = source.spec().style;
    root.classList.add("qae");
    views.add(this);
    listen(this.canvas, () => ({ spec: this.spec, state: this.state, moves: (name) => this.moves(name), drawn: this.drawn, move: this.move }));
    this.adopt();
    if (source.own) this.follow();
    const watcher = new ResizeObserver(() => { this.wordsRoom = 0; this.later(); });
    watcher.observe(root);
    const resized = (): void => { this.wordsRoom = 0; this.later(); };
    window.addEventListener("resize", resized);
    const release = (): void => { this.held = false; };
    const hold = (): void => { this.held = true; };
    for (const [name, act] of [["pointerdown", hold], ["keydown", hold]] as const) root.addEventListener(name, act, true);
    for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) window.addEventListener(name, release, true);
    source.onAnswer?.(() => { this.answer(); }, () => { this.latest?.done(source.answered!()); this.busy(); });
    source.onProgress?.((progress) => { this.wait(progress); }, (why) => { this.fail(why); });
    this.closing.push(() => { watcher.disconnect(); }, onTheme(() => { this.later(); }),
      () => { window.removeEventListener("resize", resized); },
      () => { for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) window.removeEventListener(name, release, true); });
  }

  /**
   * A picture has come: the one that was asked for last is taken; an older one is only passed through while one drags, and
   * one that stands in for another until that comes.
   */
  private answer(): void {
    const newest = this.latest?.done(this.source.answered!()) ?? true;
    if (newest && !this.source.spec().coarse) this.adopt();
    else if (this.held || this.source.spec().coarse) {
      this.load();
      this.draw();
    }
    this.busy();
  }

  /** Says what Python is doing while it is not there yet. */
  private wait({ text, share }: Progress): void {
    const waiting = !this.latest!.settled && text !== "";
    this.loading.hidden = !waiting;
    if (waiting) this.loading.replaceChildren(element("progress", share === null ? {} : { max: 1, value: share }), ` ${text}`);
  }

  /** Nobody will answer: the controls go back to what is seen. */
  private fail(why: string): void {
    this.loading.hidden = true;
    this.latest!.drop();
    this.adopt();
    this.complain(`Python cannot show this: ${why.replace(/\.$/, "")}. What is shown is the state before; move something to try again.`);
  }

  private load(): void {
    const bytes = this.source.data();
    // A copy: Float32Array wants an offset that is a multiple of four, which a slice of a message need not have.
    this.block = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
    this.spec = this.source.spec();
  }

  private adopt(): void {
    this.load();
    this.state = { ...this.spec.state };
    // Controls are built anew only if they are others; a slider's end may change while somebody drags it.
    const kinds = Object.entries(this.spec.controls).map(([name, control]) => [name, { ...control, high: null }]);
    const signature = JSON.stringify([kinds, this.spec.hidden, this.spec.leading, this.spec.presets]);
    if (signature !== this.signature) this.rebuild();
    this.signature = signature;
    this.refresh();
  }

  /** Whoever works by keyboard stays where they are. */
  private rebuild(): void {
    const focused = this.root.contains(document.activeElement) ? document.activeElement!.getAttribute("aria-label") : null;
    this.build();
    if (focused) [...this.root.querySelectorAll<HTMLElement>("[aria-label]")].find((x) => x.getAttribute("aria-label") === focused)?.focus();
  }

  private build(): void {
    const { spec } = this;
    this.stop();
    this.parts = [];
    this.wordsRoom = 0;
    const hidden = new Set(spec.hidden);
    const add = (part: Part): HTMLElement => { this.parts.push(part); return part.element; };
    const side = element("div", { class: "qae-side" });
    if (!hidden.has("presets")) {
      const names = Object.keys(spec.presets).filter((name) => this.shows(spec.presets[name]!));
      if (names.length) side.append(add(presetMenu(names, () => this.presetShown(), (name) => { this.preset(name); })));
    }
    const shown = Object.keys(spec.controls).filter((name) => !hidden.has(name) && this.moves(name));
    const first = shown.filter((name) => spec.leading.includes(name)).slice(0, 3);
    for (const name of shown) if (first.length < 3 && !first.includes(name) && !spec.leading.length) first.push(name);
    const rest = shown.filter((name) => !first.includes(name));
    for (const name of first) side.append(add(controlOf(this, name, spec.controls[name]!)));
    if (rest.length) {
      const more = element("details", { class: "qae-more", open: this.moreOpen, ontoggle: () => { this.moreOpen = more.open; } },
        element("summary", {}, "More"), ...rest.map((name) => add(controlOf(this, name, spec.controls[name]!))));
      side.append(more);
    }
    side.append(this.bar(hidden));
    this.foot.replaceChildren();
    if (!hidden.has("claims") && spec.claims.length) this.foot.append(claims(spec));
    if (!hidden.has("link")) this.foot.append(button("Copy link", () => { this.copy(); }, { class: "qae-link" }));
    const figure = element("div", { class: "qae-figure" }, this.tabs, this.canvas);
    const main = element("div", { class: "qae-main" }, figure, this.words, this.loading, this.problem, this.foot);
    this.root.replaceChildren(element("div", { class: "qae-frame" }, main, side), this.table);
  }

  private bar(hidden: ReadonlySet<string>): HTMLElement {
    const { spec } = this;
    const bar = element("div", { class: "qae-bar" });
    this.playButton = null;
    if (spec.time && !hidden.has("play") && this.moves(spec.time)) {
      this.playButton = button("Play", () => { if (this.playing) this.stop(); else this.play(); }, { "aria-pressed": "false" });
      bar.append(this.playButton, button("Step", () => { this.stop(); this.step(); }));
    }
    if (!hidden.has("reset")) bar.append(button("Reset", () => { this.reset(); }));
    this.tableButton = button("Numbers", () => { this.toggleTable(); }, { "aria-expanded": String(!this.table.hidden) });
    if (!hidden.has("numbers")) bar.append(this.tableButton);
    this.styleButton = button("Larger", () => { this.switchLook(); }, { "aria-pressed": String(this.look === "projector") });
    if (!hidden.has("style")) bar.append(this.styleButton);
    return bar;
  }

  // --- states ---

  /** Whether a state can be shown: somebody computes it, or it is stored. */
  private shows(state: State): boolean {
    return !this.still || this.source.stored!(state) !== null;
  }

  /** Whether a control can be moved; without Python it can if all its pictures are stored. */
  private moves(name: string): boolean {
    const { local, options } = this.spec.controls[name]!;
    return !this.still || local || (options.length > 0 && options.every(([option]) => this.shows({ ...this.state, [name]: option })));
  }

  private presetShown(): string {
    const found = Object.entries(this.spec.presets).find(([, state]) =>
      Object.keys(this.spec.controls).every((name) => same(state[name]!, this.state[name]!)));
    return found ? found[0] : "";
  }

  /** The page opens on the state of its address, now and whenever somebody changes that. */
  private follow(): void {
    const open = (): void => {
      const text = location.hash.slice(1);
      if (text === changes(this.spec, this.state)) return;
      try {
        const state = stateOf(this.spec, text);
        if (this.shows(state)) this.jump(state);
        else this.complain(`This page holds no picture of the state in the address: that needs Python. Type in a notebook: from qae_sim.explorers import ${this.spec.name}; ${command(this.spec, state)}`);
      } catch (error) {
        this.complain(`The address names no state of this explorer: ${(error as Error).message}. What is shown is another one.`);
      }
    };
    window.addEventListener("hashchange", open);
    this.closing.push(() => { window.removeEventListener("hashchange", open); });
    open();
  }

  /** Says what is wrong with the address, which stays until something is moved. */
  private complain(text: string): void {
    clearTimeout(this.keeping);
    this.complaint = text;
    this.draw();
  }

  /** Browsers take only so many changes of an address in a second. */
  private keep(): void {
    this.complaint = "";
    if (!this.source.own) return;
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => { history.replaceState(null, "", this.address()); }, TICK);
  }

  /** Of a page without a kernel: all such pages lie in folders beside that of the explorers' own. */
  private address(): string {
    const said = changes(this.spec, this.state);
    return new URL(`../${this.spec.page}${said ? `#${said}` : ""}`, location.href).href;
  }

  private preset(name: string): void {
    this.jump(this.spec.presets[name]!);
  }

  private reset(): void {
    this.jump(this.spec.first);
  }

  private jump(state: State): void {
    this.stop();
    clearTimeout(this.pending);
    this.bring(state);
    if (!this.atHand()) this.send();
  }

  /** Shows a state, from what is stored if it is; the rest of its picture comes from Python. */
  private bring(state: State): void {
    const stored = this.source.stored?.(state);
    if (stored && stored.spec !== this.spec) {
      this.source.open!(stored);
      this.adopt();
    }
    this.state = { ...state };
    this.keep();
    if (this.here(state)) this.refresh();
    else this.parts.forEach((part) => { part.refresh(); });
  }

  private send(): void {
    this.latest?.put(this.state);
    this.busy();
  }

  /** For screen readers: whether a picture is still to come. */
  private busy(): void {
    this.root.setAttribute("aria-busy", String(this.latest !== null && !this.latest.settled));
  }

  /** Whether a written page has the picture already: then Python need not know, and what it was asked no longer matters. */
  private atHand(): boolean {
    if (!this.site || !this.here(this.state)) return false;
    this.latest?.drop();
    this.source.drop?.();
    return true;
  }

  /** Whether the picture of a state is the one that is here: only controls that the browser moves differ. */
  private here(state: State): boolean {
    return alike(this.spec.controls, state, this.spec.state);
  }

  /** A local control is drawn from the tables at once; for any other the picture comes from the kernel, and until then
   * only the controls show the new state. */
  readonly move = (name: string, value: Value, local: boolean): void => {
    this.bring({ ...this.state, [name]: value });
    if (!this.latest || this.atHand()) return;
    clearTimeout(this.pending);
    // What the kernel has to answer goes at once; what the browser has drawn already may wait.
    if (local) this.pending = setTimeout(() => { this.send(); }, TICK);
    else this.send();
  };

  // --- time ---

  private get clock(): number {
    return this.state[this.spec.time] as number;
  }

  private step(): void {
    const control = this.spec.controls[this.spec.time]!;
    this.move(this.spec.time, stepped(control, this.clock), control.local);
  }

  private play(): void {
    const control = this.spec.controls[this.spec.time]!;
    if (atEnd(control, this.clock)) this.move(this.spec.time, control.low, control.local);
    this.playButton!.textContent = "Pause";
    this.playButton!.setAttribute("aria-pressed", "true");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.playing = setInterval(() => {
      if (atEnd(this.spec.controls[this.spec.time]!, this.clock)) this.stop();
      else if (control.local || !this.latest || this.latest.settled) this.step(); // a slow kernel is waited for
    }, calm ? 1000 : TICK);
  }

  private stop(): void {
    if (this.playing) clearInterval(this.playing);
    this.playing = null;
    this.playButton?.setAttribute("aria-pressed", "false");
    if (this.playButton) this.playButton.textContent = "Play";
  }

  // --- what is seen ---

  private refresh(): void {
    this.parts.forEach((part) => { part.refresh(); });
    this.draw();
  }

  private later(): void {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => { this.draw(); });
  }

  private numbers(): Numbers {
    const places: Record<string, number> = {};
    for (const [name, control] of Object.entries(this.spec.controls)) {
      if (!control.local) continue;
      // While one drags, a picture may be that of a smaller group than the sliders say already.
      const value = Math.min(control.high, this.state[name] as number);
      places[name] = Math.round((value - control.low) / control.step);
    }
    return new Numbers(this.block, places);
  }

  private draw(): void {
    const wide = this.root.clientWidth;
    if (!wide) return;
    const narrow = wide < NARROW;
    this.root.classList.toggle("qae-narrow", narrow);
    this.root.classList.toggle("qae-projector", this.look === "projector" && !narrow);
    const numbers = this.numbers();
    const text = numbers.said(this.spec.picture.words);
    if (this.words.textContent !== text) this.words.textContent = text;
    this.problem.textContent = this.spec.problem || this.complaint;
    this.problem.hidden = !this.problem.textContent;
    const picture = narrow ? this.onePanel() : this.spec.picture;
    this.tabs.hidden = picture === this.spec.picture;
    const width = Math.floor(this.canvas.parentElement!.clientWidth);
    const painter = new Painter(this.canvas, width, this.heightFor(narrow), LOOKS[narrow ? "laptop" : this.look], themeOf(this.root), numbers);
    painter.paint(picture);
    this.drawn = painter.drawn;
    this.canvas.style.touchAction = touchAction(picture.panels.flatMap((panel) => panel.touches));
    this.canvas.setAttribute("aria-label", text);
    this.canvas.dataset["drawn"] = String(Number(this.canvas.dataset["drawn"] ?? 0) + 1);
    this.root.dataset["state"] = permalink(this.spec.controls, this.state);
    if (!this.table.hidden) this.table.replaceChildren(...tables(this.spec.picture, numbers));
  }

  /** On a phone, panels that stand side by side are seen one at a time. */
  private onePanel(): Picture {
    const { picture } = this.spec;
    if (!picture.row || picture.panels.length < 2) return picture;
    this.panel = Math.min(this.panel, picture.panels.length - 1);
    this.tabs.replaceChildren(...picture.panels.map((_, i) => button(String(i + 1), () => { this.panel = i; this.draw(); },
      { "aria-pressed": String(i === this.panel), "aria-label": `Part ${i + 1} of ${picture.panels.length}` })));
    return { ...picture, panels: [picture.panels[this.panel]!] };
  }

  /** What is left for the picture when picture, sentence and foot are to be seen at once. */
  private heightFor(narrow: boolean): number {
    if (narrow) {
      const stacked = !this.spec.picture.row && this.spec.picture.panels.length > 1;
      return Math.round(stacked ? Math.min(420, window.innerHeight * 0.48) : Math.min(320, window.innerHeight * 0.42));
    }
    // The most room that the sentence has taken so far: the picture is not to jump with it.
    this.wordsRoom = Math.max(this.wordsRoom, this.words.offsetHeight);
    const around = this.wordsRoom + this.foot.offsetHeight + this.problem.offsetHeight + 18;
    if (this.look === "laptop") return Math.max(260, 556 - around);
    // On a projector the picture comes first: what a long sentence takes is added to the page, not taken from it.
    const tall = window.innerHeight;
    return Math.max(tall < 1000 ? 260 : 700, Math.max(556, Math.min(tall - 170, 1000)) - around);
  }

  private switchLook(): void {
    const look = this.look === "projector" ? "laptop" : "projector";
    for (const view of views) view.wear(look);
  }

  private wear(look: Style): void {
    this.look = look;
    this.wordsRoom = 0;
    this.styleButton?.setAttribute("aria-pressed", String(look === "projector"));
    this.draw();
    this.draw(); // the class has changed how high the words are
  }

  private toggleTable(): void {
    this.table.hidden = !this.table.hidden;
    this.tableButton!.setAttribute("aria-expanded", String(!this.table.hidden));
    this.draw();
  }

  private copy(): void {
    const text = this.site && this.spec.page ? this.address() : command(this.spec, this.state);
    const place = this.foot.querySelector<HTMLElement>(".qae-link")!;
    const say = (said: string): void => {
      place.textContent = said;
      setTimeout(() => { place.textContent = "Copy link"; }, 2000);
    };
    navigator.clipboard.writeText(text).then(() => { say("Copied"); }, () => { window.prompt("Copy this:", text); });
  }

  close(): void {
    this.stop();
    clearTimeout(this.pending);
    clearTimeout(this.keeping);
    this.latest?.close();
    views.delete(this);
    this.closing.forEach((close) => { close(); });
  }
}

function claims(spec: Spec): HTMLElement {
  const count = spec.claims.length;
  return element("details", { class: "qae-claims" }, element("summary", {}, `${count} claim${count > 1 ? "s" : ""} checked`),
    element("ul", {}, ...spec.claims.map(([id, verdict, statement]) => element("li", {}, element("code", {}, id), ` (${verdict}): ${statement}`))));
}

