// Draws an explorer: its controls, its picture and what it says. Nothing is computed here. Numbers come from the
// kernel (or from a file), as arrays or as tables over sliders; this looks them up, scales them to pixels and draws.

const DASHES = { solid: [], dashed: [9, 6], dotted: [2, 5] };
const LOOKS = { projector: { font: 17, line: 1.15, height: 580 }, laptop: { font: 13, line: 0.85, height: 400 } };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// --- looking up -----------------------------------------------------------------------------------------------------

// Arrays and tables are { $: offset into numbers, n: shape, over: sliders }; anything else stands for itself. The
// sliders are the first axes, so one position of each picks a contiguous piece, here as a view without copying.
function lookUp(part, numbers, places) {
  if (part === null || typeof part !== "object" || !("$" in part)) return part;
  const own = part.n.slice(part.over.length).reduce((a, b) => a * b, 1);
  let start = 0;
  part.over.forEach((name, axis) => { start = start * part.n[axis] + places[name]; });
  const found = numbers.subarray(part.$ + start * own, part.$ + (start + 1) * own);
  return part.n.length === part.over.length ? found[0] : found;
}

// A number may come as itself, as null (JSON has no NaN) or as an array of one.
function scalar(value) {
  if (value === null) return NaN;
  return typeof value === "number" ? value : value[0];
}

// Must read as scene.py writes: the kernel's words and these are one text.
function said(words, numbers, places) {
  return words.map((part) => {
    if (typeof part === "string") return part;
    if (part.kind === "Pick") return part.texts[Math.round(scalar(lookUp(part.which, numbers, places)))];
    const value = scalar(lookUp(part.value, numbers, places));
    if (Number.isNaN(value)) return "undefined";
    const text = Math.abs(value).toFixed(part.digits);
    const nothing = Number(text) === 0;
    return (value < 0 && !nothing ? "\u2212" : part.sign && !nothing ? "+" : "") + text;
  }).join("");
}

// --- drawing --------------------------------------------------------------------------------------------------------

// The round step (1, 2, 2.5 or 5 times a power of ten) that gives at most so many ticks. Steps are multiplied, not
// added up, and ends are widened by a hair, so that rounding loses no tick.
function niceTicks(low, high, most) {
  const raw = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0)); // 0.25 has two
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i += 1) {
    ticks.push([i * step, (i * step).toFixed(digits).replace("-", "\u2212")]);
  }
  return ticks;
}

class Drawing {
  constructor(canvas, width, look) {
    // The canvas has the screen's pixels, and the pen draws in those of the page: sharp on dense screens.
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this, { canvas, width, height: look.height, look });
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(look.height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${look.height}px`;
    this.pen = canvas.getContext("2d");
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.pen.fillStyle = "#FFFFFF";
    this.pen.fillRect(0, 0, width, look.height);
    this.pen.font = this.font();
    this.pen.textBaseline = "middle";
    this.pen.lineJoin = "round";
  }

  font(share = 1, weight = "normal") {
    return `${weight} ${Math.round(this.look.font * share)}px system-ui, "DejaVu Sans", sans-serif`;
  }

  // Measures first (ticks, legends), then draws: a panel's frame depends on how wide its texts are.
  picture(described, resolve) {
    const spec = { ...described, panels: described.panels.map((panel) => ({ ...panel, ylim: resolve(panel.ylim) })) };
    const total = spec.panels.reduce((sum, panel) => sum + panel.weight, 0);
    // Panels above each other share their left edge.
    this.widest = spec.row ? 0 : Math.max(...spec.panels.map((panel) => this.widestTick(this.ticksOf(panel, this.height / 2))));
    this.named = !spec.row && spec.panels.some((panel) => panel.y);
    let used = 0;
    for (const panel of spec.panels) {
      const share = panel.weight / total;
      const box = spec.row
        ? { x: used * this.width, y: 0, w: share * this.width, h: this.height }
        : { x: 0, y: used * this.height, w: this.width, h: share * this.height };
      this.panel(panel, box, resolve);
      used += share;
    }
  }

  ticksOf(panel, height) {
    return panel.yticks.length ? panel.yticks : niceTicks(panel.ylim[0], panel.ylim[1], Math.max(3, height / (this.look.font * 4.5)));
  }

  widestTick(ticks) {
    this.pen.font = this.font(0.9);
    return Math.max(...ticks.map(([, text]) => this.pen.measureText(text).width));
  }

  panel(panel, box, resolve) {
    const { pen } = this;
    const f = this.look.font;
    const yTicks = this.ticksOf(panel, box.h);
    const xTicks = panel.xticks.length ? panel.xticks : niceTicks(...panel.xlim, Math.max(3, box.w / (f * 7)));
    // All distances are in letters, so that the larger look grows as a whole.
    const widest = Math.max(this.widest, this.widestTick(yTicks));
    const left = box.x + widest + f * (panel.y || this.named ? 2.6 : 1.2);
    const right = box.x + box.w - f * 1.2;
    const rows = this.legendRows(panel, right - left);
    const top = box.y + f * (2.4 + rows.length * 1.5);
    const bottom = box.y + box.h - f * (panel.x ? 3.3 : 2);
    const toX = (x) => left + ((x - panel.xlim[0]) / (panel.xlim[1] - panel.xlim[0])) * (right - left);
    const toY = (y) => bottom - ((y - panel.ylim[0]) / (panel.ylim[1] - panel.ylim[0])) * (bottom - top);
    this.axes(panel, { left, right, top, bottom, box }, xTicks, yTicks, toX, toY);
    this.legend(rows, left, box.y + f * 2.6);
    pen.save();
    pen.beginPath();
    pen.rect(left - 1, top - 1, right - left + 2, bottom - top + 2);
    pen.clip();
    const frame = { left, right, top, bottom, toX, toY };
    // Notes may reach beyond the frame, data may not.
    for (const layer of panel.layers) if (layer.kind !== "Note") this[layer.kind.toLowerCase()](layer, resolve, frame);
    pen.restore();
    for (const layer of panel.layers) if (layer.kind === "Note") this.note(layer, resolve, frame);
  }

  axes(panel, { left, right, top, bottom, box }, xTicks, yTicks, toX, toY) {
    const { pen } = this;
    const f = this.look.font;
    pen.lineWidth = 1;
    pen.setLineDash([]);
    pen.strokeStyle = "#E5E5E5";
    for (const [x] of xTicks) this.stroke([[toX(x), top], [toX(x), bottom]]);
    for (const [y] of yTicks) this.stroke([[left, toY(y)], [right, toY(y)]]);
    pen.strokeStyle = "#333333";
    this.stroke([[left, top], [left, bottom], [right, bottom]]);
    pen.fillStyle = "#000000";
    pen.font = this.font(0.9);
    pen.textAlign = "center";
    for (const [x, text] of xTicks) pen.fillText(text, toX(x), bottom + f);
    pen.textAlign = "right";
    for (const [y, text] of yTicks) pen.fillText(text, left - f * 0.5, toY(y));
    pen.font = this.font(1);
    pen.textAlign = "center";
    pen.fillText(panel.x, (left + right) / 2, bottom + f * 2.4, box.w);
    if (panel.y) {
      pen.save();
      pen.translate(box.x + f * 0.9, (top + bottom) / 2);
      pen.rotate(-Math.PI / 2);
      pen.fillText(panel.y, 0, 0, bottom - top + f * 2);
      pen.restore();
    }
    pen.font = this.font(1.1, "600");
    pen.textAlign = "left";
    pen.fillText(panel.title, left, box.y + f * 1.2, right - left);
  }

  // Fills rows from the left, and begins another where a label no longer fits.
  legendRows(panel, width) {
    const f = this.look.font;
    const rows = [];
    let used = Infinity;
    this.pen.font = this.font(0.9);
    for (const layer of panel.layers) {
      if (!layer.label) continue;
      const needed = this.pen.measureText(layer.label).width + f * 3.4;
      if (used + needed > width) { rows.push([]); used = 0; }
      rows[rows.length - 1].push([layer, used]);
      used += needed;
    }
    return rows;
  }

  legend(rows, left, top) {
    const { pen } = this;
    const f = this.look.font;
    rows.forEach((row, i) => {
      const y = top + i * f * 1.5;
      for (const [layer, offset] of row) {
        const x = left + offset;
        pen.setLineDash([]);
        pen.lineWidth = (layer.width || 2) * this.look.line;
        if (layer.kind === "Line" || layer.kind === "GuideLine") {
          pen.strokeStyle = layer.colour;
          pen.setLineDash(DASHES[layer.dash]);
          this.stroke([[x, y], [x + f * 1.8, y]]);
        } else if (layer.kind === "Points") {
          this.mark({ ...layer, size: typeof layer.size === "number" ? Math.min(layer.size, 14) : 12 }, x + f * 0.9, y);
        } else {
          this.block(layer, x + f * 0.4, y - f * 0.45, f, f * 0.9);
        }
        pen.fillStyle = "#000000";
        pen.font = this.font(0.9);
        pen.textAlign = "left";
        pen.fillText(layer.label, x + f * 2.2, y);
      }
    });
    pen.setLineDash([]);
  }

  stroke(points) {
    this.pen.beginPath();
    points.forEach(([x, y], i) => (i ? this.pen.lineTo(x, y) : this.pen.moveTo(x, y)));
    this.pen.stroke();
  }

  // Without `until` everything is drawn.
  count(layer, resolve, y) {
    return layer.until === null ? y.length : Math.min(y.length, scalar(resolve(layer.until)));
  }

  line(layer, resolve, { toX, toY }) {
    const [x, y] = [resolve(layer.x), resolve(layer.y)];
    const { pen } = this;
    pen.strokeStyle = layer.colour;
    pen.lineWidth = layer.width * this.look.line;
    pen.setLineDash(DASHES[layer.dash]);
    pen.beginPath();
    let down = false; // where a point is missing the pen is lifted
    const count = this.count(layer, resolve, y);
    for (let i = 0; i < count; i += 1) {
      const there = Number.isFinite(x[i]) && Number.isFinite(y[i]);
      if (there) pen[down ? "lineTo" : "moveTo"](toX(x[i]), toY(y[i]));
      down = there;
    }
    pen.stroke();
    pen.setLineDash([]);
  }

  band(layer, resolve, { toX, toY }) {
    const [x, low, high] = [resolve(layer.x), resolve(layer.low), resolve(layer.high)];
    const { pen } = this;
    pen.globalAlpha = 0.2;
    pen.fillStyle = layer.colour;
    pen.beginPath();
    // There along the upper ends and back along the lower ones.
    for (let i = 0; i < x.length; i += 1) pen.lineTo(toX(x[i]), toY(high[i]));
    for (let i = x.length - 1; i >= 0; i -= 1) pen.lineTo(toX(x[i]), toY(low[i]));
    pen.fill();
    pen.globalAlpha = 1;
  }

  guideline(layer, resolve, { left, right, top, bottom, toX, toY }) {
    const at = scalar(resolve(layer.at));
    if (!Number.isFinite(at)) return;
    const { pen } = this;
    pen.strokeStyle = layer.colour;
    pen.lineWidth = layer.width * this.look.line;
    pen.setLineDash(DASHES[layer.dash]);
    this.stroke(layer.along === "x" ? [[toX(at), top], [toX(at), bottom]] : [[left, toY(at)], [right, toY(at)]]);
    pen.setLineDash([]);
  }

  block(layer, x, y, w, h) {
    const { pen } = this;
    pen.globalAlpha = layer.kind === "Band" ? 0.2 : 1;
    pen.fillStyle = layer.colour;
    pen.fillRect(x, y, w, h);
    pen.globalAlpha = 1;
    if (layer.kind === "Band") return;
    pen.lineWidth = 1;
    pen.strokeStyle = "#000000";
    if (layer.hatched) {
      pen.save();
      pen.beginPath();
      pen.rect(x, y, w, h);
      pen.clip();
      for (let i = -h; i < w; i += 8) this.stroke([[x + i, y + h], [x + i + h, y]]);
      pen.restore();
    }
    pen.strokeRect(x, y, w, h);
  }

  bars(layer, resolve, { toX, toY }) {
    const [x, height] = [resolve(layer.x), resolve(layer.height)];
    for (let i = 0; i < height.length; i += 1) {
      if (!Number.isFinite(height[i])) continue;
      const [from, to] = [toX(x[i] - layer.width / 2), toX(x[i] + layer.width / 2)];
      const [base, top] = [toY(0), toY(height[i])];
      this.block(layer, from, Math.min(base, top), to - from, Math.abs(base - top));
    }
  }

  points(layer, resolve, { toX, toY }) {
    const [x, y] = [resolve(layer.x), resolve(layer.y)];
    const count = this.count(layer, resolve, y);
    const size = resolve(layer.size); // one for all, or one for each
    for (let i = 0; i < count; i += 1) {
      if (!Number.isFinite(x[i]) || !Number.isFinite(y[i])) continue;
      this.mark({ ...layer, size: typeof size === "number" ? size : size[i] }, toX(x[i]), toY(y[i]));
    }
  }

  cells(layer, resolve, { toX, toY }) {
    const { pen } = this;
    const [x, y, width] = [resolve(layer.x), resolve(layer.y), resolve(layer.width)];
    pen.font = this.font(0.95);
    pen.textAlign = "center";
    layer.texts.forEach((text, i) => {
      const [left, right] = [toX(x[i]), toX(x[i] + width[i])];
      const [top, bottom] = [toY(y[i] + layer.height / 2), toY(y[i] - layer.height / 2)];
      pen.fillStyle = layer.colours[i];
      pen.fillRect(left, top, right - left, bottom - top);
      pen.strokeStyle = "#000000";
      pen.lineWidth = layer.chosen[i] ? 4 : 0.5;
      pen.strokeRect(left, top, right - left, bottom - top);
      pen.fillStyle = "#000000";
      pen.fillText(text, (left + right) / 2, (top + bottom) / 2, right - left - 4);
    });
  }

  mark(layer, x, y) {
    const { pen } = this;
    const r = (layer.size / 2) * 1.2 * this.look.line;
    pen.setLineDash([]);
    pen.lineWidth = 2 * this.look.line;
    pen.strokeStyle = layer.filled ? "#FFFFFF" : layer.colour;
    pen.fillStyle = layer.filled ? layer.colour : "#FFFFFF";
    if (layer.marker === "dash" || layer.marker === "cross") {
      pen.strokeStyle = "#FFFFFF"; // keeps the dash apart from a bar that it lies on
      pen.lineWidth = 8 * this.look.line;
      if (layer.marker === "dash") this.stroke([[x - r, y], [x + r, y]]);
      pen.strokeStyle = layer.colour;
      pen.lineWidth = 4 * this.look.line;
      if (layer.marker === "dash") this.stroke([[x - r, y], [x + r, y]]);
      else {
        this.stroke([[x - r * 0.7, y - r * 0.7], [x + r * 0.7, y + r * 0.7]]);
        this.stroke([[x - r * 0.7, y + r * 0.7], [x + r * 0.7, y - r * 0.7]]);
      }
      return;
    }
    pen.beginPath();
    if (layer.marker === "square") pen.rect(x - r, y - r, 2 * r, 2 * r);
    else if (layer.marker === "diamond") {
      [[0, -r], [r, 0], [0, r], [-r, 0]].forEach(([dx, dy]) => pen.lineTo(x + dx, y + dy));
      pen.closePath();
    } else pen.arc(x, y, r, 0, 2 * Math.PI);
    if (layer.filled) pen.fill();
    pen.stroke();
  }

  note(layer, resolve, { toX, toY }) {
    const [x, y] = [scalar(resolve(layer.x)), scalar(resolve(layer.y))];
    if (!Number.isFinite(x) || !Number.isFinite(y)) return;
    const { pen } = this;
    pen.font = this.font(0.95);
    pen.textAlign = layer.anchor;
    pen.lineWidth = 4;
    pen.strokeStyle = "#FFFFFF"; // keeps words apart from what they stand on
    const text = resolve.words(layer.words);
    pen.strokeText(text, toX(x), toY(y));
    pen.fillStyle = layer.colour;
    pen.fillText(text, toX(x), toY(y));
  }
}

// --- controls -------------------------------------------------------------------------------------------------------

function digitsOf(step) {
  const text = String(step);
  return text.includes(".") ? text.split(".")[1].length : 0;
}

function slider(view, name, control, index) {
  const value = () => (index === null ? view.state[name] : view.state[name][index]);
  const label = index === null ? control.label : `${control.label} ${index + 1}`;
  const digits = digitsOf(control.step);
  const shown = element("output");
  // JupyterLab takes arrow keys for itself unless the input says otherwise.
  const input = element("input", {
    type: "range", min: control.low, max: control.high, step: control.step, "aria-label": label,
    "data-lm-suppress-shortcuts": "true", title: control.help,
    oninput: () => {
      const moved = Number(Number(input.value).toFixed(digits)); // no .30000000000000004 in links
      view.move(name, index === null ? moved : view.state[name].map((x, i) => (i === index ? moved : x)), control.local);
    },
  });
  view.refreshers.push(() => {
    input.max = view.spec.controls[name].high; // it may hang on another control
    input.value = value();
    shown.textContent = `${Number(value()).toFixed(digits)}${control.unit ? ` ${control.unit}` : ""}`;
    input.setAttribute("aria-valuetext", shown.textContent);
    input.disabled = view.still && !control.local;
  });
  return element("label", { class: "qae-control" }, element("span", {}, label), input, shown);
}

function chooser(view, name, control) {
  const select = element("select", {
    "aria-label": control.label, title: control.help, "data-lm-suppress-shortcuts": "true",
    onchange: () => view.move(name, select.value, false),
  }, ...control.options.map(([value, text]) => element("option", { value }, text)));
  view.refreshers.push(() => { select.value = view.state[name]; select.disabled = view.still; });
  return element("label", { class: "qae-control" }, element("span", {}, control.label), select);
}

function controlsOf(view, name, control) {
  if (control.kind === "choice") return [chooser(view, name, control)];
  if (control.kind === "numbers") {
    const sliders = view.state[name].map((_, i) => slider(view, name, control, i));
    return [element("div", { class: "qae-series", role: "group", "aria-label": control.label }, ...sliders)];
  }
  return [slider(view, name, control, null)];
}

// --- the view -------------------------------------------------------------------------------------------------------

export class View {
  // `source` has get(name); where a kernel answers, send(state) and on(callback); where pictures of presets are stored,
  // stored(name) and open(name).
  constructor(root, source) {
    Object.assign(this, { root, source, refreshers: [], playing: null, pending: null, frame: null, signature: "" });
    this.still = !source.send;
    this.look = source.get("spec").style;
    root.classList.add("qae");
    this.receive();
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(root);
    if (source.on) source.on(() => this.receive());
  }

  receive() {
    const spec = this.source.get("spec");
    const bytes = this.source.get("data");
    // A copy: Float32Array wants an offset that is a multiple of four, which a slice of a message need not have.
    this.numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    this.spec = spec;
    this.state = { ...spec.state };
    // Controls are built anew only if they are others; a slider's end may change while somebody drags it.
    const kinds = Object.entries(spec.controls).map(([name, control]) => [name, { ...control, high: null }]);
    const signature = JSON.stringify([kinds, spec.hidden, spec.presets]);
    if (signature !== this.signature) this.rebuild();
    this.signature = signature;
    this.refresh();
  }

  // Whoever works by keyboard stays where they are.
  rebuild() {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    this.build();
    if (focused) [...this.root.querySelectorAll("[aria-label]")].find((x) => x.getAttribute("aria-label") === focused)?.focus();
  }

  build() {
    const { spec } = this;
    this.stop();
    this.refreshers = [];
    const hidden = new Set(spec.hidden);
    const button = (text, onclick, more = {}) => element("button", { type: "button", onclick, ...more }, text);
    const bar = element("div", { class: "qae-bar" });
    if (!hidden.has("presets")) {
      for (const [name, state] of Object.entries(spec.presets)) {
        const stored = this.still && this.source.stored && this.source.stored(name);
        if (stored) bar.append(button(name, () => { this.stop(); this.source.open(name); this.receive(); }));
        else if (!this.still || this.reachable(state)) bar.append(button(name, () => this.jump(state)));
      }
    }
    if (!hidden.has("reset")) {
      bar.append(button("Reset", () => {
        if (this.still && this.source.open) { this.source.open(null); this.receive(); }
        this.jump(spec.first);
      }));
    }
    if (spec.time && !hidden.has("play") && (!this.still || spec.controls[spec.time].local)) {
      this.playButton = button("Play", () => (this.playing ? this.stop() : this.play()), { "aria-pressed": "false" });
      bar.append(button("Step", () => this.step()), this.playButton);
    }
    this.tableButton = button("Numbers", () => this.toggleTable(), { "aria-expanded": "false" });
    if (!hidden.has("numbers")) bar.append(this.tableButton);
    if (!hidden.has("style")) bar.append(button("Larger / smaller", () => this.switchLook()));
    const controls = element("div", { class: "qae-controls" });
    for (const [name, control] of Object.entries(spec.controls)) {
      if (!hidden.has(name) && (!this.still || control.local)) controls.append(...controlsOf(this, name, control));
    }
    this.words = element("div", { class: "qae-words", role: "status", "aria-live": "polite" });
    this.problem = element("div", { class: "qae-problem", role: "alert", hidden: true });
    this.canvas = element("canvas", { role: "img" });
    this.table = element("div", { class: "qae-table", hidden: true, tabindex: "0" });
    this.link = element("code");
    const foot = element("div", { class: "qae-foot" });
    if (!hidden.has("link")) foot.append("This view: ", this.link);
    if (!hidden.has("claims") && spec.claims.length) {
      foot.append(element("div", {}, "Checked: ", ...spec.claims.flatMap(([id, verdict, statement], i) => [
        i ? ", " : "", element("code", { title: statement }, id), ` (${verdict})`])));
    }
    this.root.replaceChildren(bar, controls, this.words, this.problem, this.canvas, this.table, foot);
  }

  // Without a kernel only what the tables hold can be shown.
  reachable(state) {
    return Object.entries(this.spec.controls).every(([name, control]) => control.local
      || JSON.stringify(state[name]) === JSON.stringify(this.spec.state[name]));
  }

  places() {
    const places = {};
    for (const [name, control] of Object.entries(this.spec.controls)) {
      if (control.local) places[name] = Math.round((this.state[name] - control.low) / control.step);
    }
    return places;
  }

  refresh() {
    this.refreshers.forEach((refresher) => refresher());
    this.draw();
  }

  draw() {
    const width = Math.max(320, Math.min(this.root.clientWidth, 1200));
    const places = this.places();
    const resolve = (part) => lookUp(part, this.numbers, places);
    resolve.words = (words) => said(words, this.numbers, places);
    const drawing = new Drawing(this.canvas, width, LOOKS[this.look]);
    drawing.picture(this.spec.picture, resolve);
    const text = resolve.words(this.spec.picture.words);
    this.canvas.setAttribute("aria-label", text);
    this.canvas.dataset.drawn = String(Number(this.canvas.dataset.drawn || 0) + 1);
    if (this.words.textContent !== text) this.words.textContent = text;
    this.problem.hidden = !this.spec.problem;
    this.problem.textContent = this.spec.problem;
    this.link.textContent = `${this.spec.name}.from_state("${this.permalink()}")`;
    if (!this.table.hidden) this.fillTable(resolve);
  }

  permalink() {
    const digits = (control, x) => (typeof x === "string" ? x : String(Number(x.toFixed(digitsOf(control.step)))));
    return Object.entries(this.spec.controls).map(([name, control]) => {
      const value = this.state[name];
      return `${name}=${Array.isArray(value) ? value.map((x) => digits(control, x)).join(",") : digits(control, value)}`;
    }).join("&");
  }

  // A local control is drawn from the tables at once; for any other the picture comes from the kernel, and until then
  // only the controls show the new state.
  move(name, value, local) {
    this.state = { ...this.state, [name]: value };
    if (local) this.refresh();
    else this.refreshers.forEach((refresher) => refresher());
    if (this.still) return;
    clearTimeout(this.pending);
    // What the kernel has to answer goes at once; what the browser has drawn already may wait.
    if (local) this.pending = setTimeout(() => this.source.send(this.state), 150);
    else this.source.send(this.state);
  }

  jump(state) {
    this.stop();
    this.state = { ...state };
    if (this.still) this.refresh();
    else this.source.send(this.state);
  }

  step() {
    const control = this.spec.controls[this.spec.time];
    const next = this.state[this.spec.time] + control.step;
    if (next > control.high + 1e-9) { this.stop(); return; }
    this.move(this.spec.time, Number(next.toFixed(digitsOf(control.step))), control.local);
  }

  play() {
    this.playButton.textContent = "Pause";
    this.playButton.setAttribute("aria-pressed", "true");
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.playing = setInterval(() => this.step(), calm ? 1000 : 150);
  }

  stop() {
    clearInterval(this.playing);
    this.playing = null;
    if (this.playButton) {
      this.playButton.textContent = "Play";
      this.playButton.setAttribute("aria-pressed", "false");
    }
  }

  switchLook() {
    this.look = this.look === "projector" ? "laptop" : "projector";
    this.root.classList.toggle("qae-laptop", this.look === "laptop");
    this.draw();
  }

  toggleTable() {
    this.table.hidden = !this.table.hidden;
    this.tableButton.setAttribute("aria-expanded", String(!this.table.hidden));
    this.draw();
  }

  fillTable(resolve) {
    const tables = this.spec.picture.panels.map((panel) => {
      const rows = [];
      for (const layer of panel.layers) {
        const values = { Line: layer.y, Points: layer.y, Bars: layer.height, Band: layer.low }[layer.kind];
        if (!values || !layer.label) continue;
        const [x, y, high] = [resolve(layer.x), resolve(values), layer.kind === "Band" ? resolve(layer.high) : null];
        for (let i = 0; i < y.length; i += 1) {
          if (!Number.isFinite(y[i])) continue;
          const cells = [layer.label, x[i], y[i]].concat(high ? [high[i]] : []);
          rows.push(element("tr", {}, ...cells.map((cell) => element("td", {},
            typeof cell === "number" ? String(Number(cell.toPrecision(5))) : cell))));
        }
      }
      const head = element("tr", {}, ...["", panel.x || "x", panel.y || "y"].map((text) => element("th", { scope: "col" }, text)));
      return element("table", {}, element("caption", {}, panel.title), element("thead", {}, head), element("tbody", {}, ...rows));
    });
    this.table.replaceChildren(...tables);
  }

  close() {
    this.stop();
    this.watcher.disconnect();
  }
}

export default {
  render({ model, el }) {
    const view = new View(el, {
      get: (name) => model.get(name),
      // The count makes each message another one: going back to a state must be heard, too.
      send: (state) => { model.set("moved", { state, count: (model.get("moved").count || 0) + 1 }); model.save_changes(); },
      // The kernel counts this up when both spec and data are there.
      on: (callback) => { model.on("change:stamp", callback); },
    });
    return () => view.close();
  },
};
