// Scene 7: an anchor that chases a capability, and the map of all estimators.

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { JSX } from "preact";
import { VERIFIERS } from "../arrows.ts";
import { colour, dash } from "../looks.ts";
import { written } from "../numbers.ts";
import { Choice, Frame, Legend, Picture, Said, type Scene, Slider } from "../parts.tsx";
import { TABLES } from "../tables.ts";

const LAST = TABLES.capability.length - 1;
const NAMES = Object.keys(TABLES.followed[0]!.anchors);
const ERRORS = ["", " One wrong response in ten gets reward 1, and every anchor takes that for capability.",
  " One correct response in ten gets reward 0, and every anchor takes that for a lack of capability."] as const;
const CASES = ["hard prompt, correct", "hard prompt, wrong", "easy prompt, correct", "easy prompt, wrong"] as const;

export function Anchor({ state, set }: Scene): JSX.Element {
  const name = NAMES[state.anchor]!;
  const { seen, anchors } = TABLES.followed[state.blind]!;
  const { beliefs, weights } = anchors[name]!;
  const belief = beliefs[state.batch]!;
  const now = weights[state.batch]!;
  const off = belief - TABLES.capability[state.batch]!;
  return (
    <Frame number={7} title="Compare with the past" prose={<>
      <p>HA-DW keeps an <b>anchor</b> C: its belief of how often the model succeeds. Prompts below C count as hard, above
        as easy. On hard ones correct responses weigh more (Φ &gt; 1), on easy ones wrong ones do.</p>
      <p>Weights that differ between prompts change which prompts count. But does the anchor keep up?</p></>}>
      <Picture label={`Capability, batches and the anchor (${name}); weights at batch ${state.batch}`} height={(w) => (w < 620 ? 400 : 320)}>
        {(width, height) => {
          const wide = width >= 620;
          const right = wide ? width * 0.6 : width;
          const bottom = wide ? height : height - 170;
          const x = scaleLinear().domain([0, LAST]).range([40, right - 12]);
          const y = scaleLinear().domain([0, 1]).range([bottom - 40, 10]);
          const path = (values: readonly number[]): string => line<number>((_, i) => x(i), (v) => y(v))(values)!;
          const top = wide ? 34 : bottom + 22;
          const [from, to] = wide ? [right + 170, width - 44] : [170, width - 44];
          const bar = scaleLinear().domain([0, 2]).range([from, to]);
          return (<>
            {[0, 0.5, 1].map((v) => <g key={v}><line class="grid" x1={36} x2={right - 12} y1={y(v)} y2={y(v)} /><text x={30} y={y(v) + 5} text-anchor="end">{v}</text></g>)}
            <text x={(40 + right) / 2} y={bottom - 8} text-anchor="middle">batch</text>
            {[0, 40, LAST].map((t) => <text key={t} x={x(t)} y={bottom - 22} text-anchor="middle">{t}</text>)}
            {seen.map((v, t) => <circle key={t} cx={x(t)} cy={y(v)} r={2.5} fill={colour("muted")} />)}
            <path d={path(TABLES.capability)} fill="none" stroke={colour("baseline")} stroke-width={2} />
            <path d={path(beliefs)} fill="none" stroke={colour("ha_dw")} stroke-width={4} stroke-dasharray={dash("ha_dw")} />
            <line x1={x(state.batch)} x2={x(state.batch)} y1={10} y2={bottom - 40} stroke={colour("muted")} />
            <circle cx={x(state.batch)} cy={y(belief)} r={7} fill={colour("ha_dw")} />
            <text x={from} y={top - 8} text-anchor="start">weight Φ</text>
            {CASES.map((text, i) => (
              <g key={text}>
                <text x={from - 8} y={top + 18 + i * 32} text-anchor="end">{text}</text>
                <rect x={from} width={bar(now[i]!) - from} y={top + 2 + i * 32} height={22} fill={colour(i % 2 === 0 ? "correct" : "wrong")} />
                <text x={bar(now[i]!) + 5} y={top + 18 + i * 32}>{written(now[i]!, 2)}</text>
              </g>
            ))}
            <line x1={bar(1)} x2={bar(1)} y1={top - 4} y2={top + 128} stroke={colour("baseline")} stroke-dasharray="4 3" />
          </>);
        }}
      </Picture>
      <Legend items={[{ sign: "line", look: "baseline", text: "capability: the true success rate" }, { sign: "round", look: "muted", text: "mean reward of a batch" },
        { sign: "line", look: "ha_dw", text: "anchor C", dashed: "dotted" }]} />
      <Choice label="Anchor" value={state.anchor} options={NAMES.map((text, i) => [i, text] as const)} set={(to) => { set({ anchor: to }); }} />
      <Choice label="Verifier" value={state.blind} options={VERIFIERS.slice(0, 3).map((text, i) => [i, text] as const)} set={(to) => { set({ blind: to }); }} />
      <Slider label="batch" value={state.batch} grid={{ low: 0, high: LAST, step: 1 }} said={String(state.batch)} set={(to) => { set({ batch: to }); }} />
      <Said>Batch {state.batch}: the anchor is {written(belief, 2)}, {Math.abs(off) < 0.02 ? "close to the capability" : `${written(Math.abs(off), 2)} ${off < 0 ? "below" : "above"} the capability`}.
        Hard is 2 of 8 correct here, easy 6 of 8.{state.anchor > 1 ? " This anchor's gain is the spread of its own last beliefs: the less it moves, the less it listens." : ""}{belief < 0.25 || belief > 0.75 ? " To this anchor both lie on one side." : ""}{ERRORS[state.blind]}</Said>
    </Frame>
  );
}

const COMPARED = ["grpo", "qae", "ha_dw", "rloo", "dr_grpo"] as const;

export function Atlas({ state, set, site }: Scene): JSX.Element {
  const open = TABLES.estimators.find((row) => row.name === state.dot) ?? TABLES.estimators[0]!;
  return (
    <section class="scene" id="scene-map" aria-labelledby="title-map">
      <div class="words">
        <h2 id="title-map">The map</h2>
        <p>Every estimator of this package, by where it enters a training step. What uses only the group's own
          rewards, 0 or 1, cannot turn the average; what looks further can.</p>
        <div class="opened" role="status">
          <h3>{open.title}</h3>
          <p>{open.summary} {TABLES.places[open.place]}</p>
          {open.formula && <p class="formula">{open.formula}</p>}
          {open.claim && <p>A claim that was checked: {site
            ? <a href={`claims/${open.claimPage}.html#claim-${open.claim.replaceAll(".", "-")}`}>{open.claim}</a>
            : <code>qae-sim verify --claim {open.claim}</code>}</p>}
        </div>
      </div>
      <ol class="figure places">
        {Object.keys(TABLES.places).map((place) => (
          <li key={place}><h3>{place}</h3>
            <div class="dots">
              {TABLES.estimators.filter((row) => row.place === place).map((row) => {
                const look = COMPARED.find((name) => name === row.name);
                return (
                  <button key={row.name} type="button" aria-pressed={row.name === open.name} onClick={() => { set({ dot: row.name }); }}>
                    <span class="dot" style={{ color: colour(look ?? "muted") }} />{row.title}
                  </button>
                );
              })}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
