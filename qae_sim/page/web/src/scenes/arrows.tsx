// Scenes 5 and 6: what groups do to a policy, where b cancels, and what breaks the cancelling.

import type { JSX } from "preact";
import { ESTIMATORS } from "../advantages.ts";
import { POLICY, type Rule, type Three, CORNERS, VERIFIERS, cloud, direction, expected, flat, meanOf, size, turn } from "../arrows.ts";
import { colour, dash, marker } from "../looks.ts";
import { written } from "../numbers.ts";
import { Choice, Frame, Legend, Picture, Said, type Scene, Slider, Toggle } from "../parts.tsx";
import { B_GRID, K_GRID, SIZES, type State } from "../state.ts";
import { TABLES } from "../tables.ts";

/** What the verifier does, by its place in `VERIFIERS`. */
const ERRORS = ["", "One wrong response in ten gets reward 1, whichever it is.", "One correct response in ten gets reward 0.",
  "The wrong response at the left always gets reward 1."] as const;
const LABELS = [["correct", "wrong", "wrong"], ["reward 1", "reward ½", "reward 0"]] as const;
const NAMES = { grpo: "GRPO", qae: "QAE", rloo: "RLOO", dr_grpo: "Dr. GRPO", constant: "constant b" } as const;
/** Arrows are drawn longer than they are, all by the same factor, so that they can be seen and compared. */
const LONGER = 2;

export function ruleOf(state: State): Rule {
  const { half, verifier } = state;
  return state.rule === "constant" ? { kind: "constant", b: state.fixed, half, verifier } : { kind: "estimator", name: state.rule, k: state.k, half, verifier };
}

function Arrow({ from, to, stroke, width, dashed = "none" }: {
  from: readonly [number, number]; to: readonly [number, number]; stroke: string; width: number; dashed?: string;
}): JSX.Element {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const head = Math.min(4 + 2.2 * width, length);
  const corner = (side: number): string => `${to[0] - head * ux - side * head * 0.5 * uy},${to[1] - head * uy + side * head * 0.5 * ux}`;
  return (
    <g stroke={stroke} fill={stroke}>
      <line x1={from[0]} y1={from[1]} x2={to[0] - head * 0.8 * ux} y2={to[1] - head * 0.8 * uy} stroke-width={width} stroke-dasharray={dashed} />
      <path d={`M${to[0]},${to[1]}L${corner(1)}L${corner(-1)}Z`} stroke="none" />
    </g>
  );
}

export function Arrows({ state, set }: Scene): JSX.Element {
  const rule = ruleOf(state);
  const groups = cloud(state.groups, rule);
  const seen = meanOf(groups);
  const exact = expected(rule);
  const look = state.rule === "constant" ? "baseline" : state.rule;
  const still = size(seen) < 1e-12;
  const errs = state.half === 0 && state.verifier > 0;
  const turned = written(turn(rule), 1);
  return (
    <Frame number={5} title="On average, b cancels" prose={<>
      <p>A <b>policy</b> over three responses, one of them correct, is a point in a triangle. A group of ten moves it along
        an arrow. One group may point far off; the average of many does not.</p>
      <p>With rewards of 0 and 1 a baseline changes the cloud and the size of the average, its speed. Its direction stays.</p></>}>
      <Picture label={`Arrows of ${state.groups} groups under ${NAMES[state.rule]}, and their average`} height={(w) => Math.min(370, Math.round(w * 0.84))}>
        {(width, height) => {
          const side = Math.min(width - 60, (height - 44) / (Math.sqrt(3) / 2));
          const left = (width - side) / 2;
          const at = ([x, y]: readonly [number, number]): [number, number] => [left + x * side, height - 22 - y * side];
          const here = flat(POLICY);
          const tip = (to: Three): [number, number] => { const [x, y] = flat(to); return at([here[0] + LONGER * x, here[1] + LONGER * y]); };
          const corners = CORNERS.map(at);
          return (<>
            <path class="triangle" d={`M${corners.map((c) => c.join()).join("L")}Z`} />
            <text x={corners[0]![0]} y={corners[0]![1] - 8} text-anchor="middle">{LABELS[state.half][0]}</text>
            <text x={corners[1]![0] - 22} y={height - 4}>{LABELS[state.half][1]}</text>
            <text x={corners[2]![0] + 22} y={height - 4} text-anchor="end">{LABELS[state.half][2]}</text>
            {groups.map((arrow) => {
              const to = tip(arrow.to);
              return (
                <g key={arrow.counts.join()} stroke={colour(look)} fill={colour(look)}>
                  <line x1={at(here)[0]} y1={at(here)[1]} x2={to[0]} y2={to[1]} stroke-opacity={state.groups > 10 ? 0.12 : 0.5} />
                  <circle cx={to[0]} cy={to[1]} r={Math.max(1.5, 26 * Math.sqrt(arrow.times / state.groups) * (state.groups > 10 ? 1 : 0.3))} fill-opacity={0.3} stroke="none" />
                </g>
              );
            })}
            {!still && <Arrow from={at(here)} to={tip(seen)} stroke={colour(look)} width={6} />}
            <Arrow from={at(here)} to={tip(exact)} stroke={colour("baseline")} width={2} dashed="5 4" />
            {ESTIMATORS.map((name) => {
              const [x, y] = tip(expected({ kind: "estimator", name, k: state.k, half: state.half, verifier: state.verifier }));
              return <path key={name} class="average" transform={`translate(${x},${y})`} d={marker(name, 110)} fill={colour(name)} />;
            })}
            <circle cx={at(here)[0]} cy={at(here)[1]} r={6} fill={colour("baseline")} />
          </>);
        }}
      </Picture>
      <Legend items={[{ sign: "line", look, text: state.groups === 1 ? "one group" : `average of ${state.groups} groups` },
        { sign: "line", look: "baseline", text: "exact average over all groups", dashed: "dashed" }, { sign: "round", look, text: "single groups; all drawn twice as long" },
        ...ESTIMATORS.map((name) => ({ sign: "marker", look: name, text: NAMES[name] } as const))]} />
      <Choice label="Advantages" value={state.rule} options={Object.entries(NAMES) as [State["rule"], string][]} set={(to) => { set({ rule: to }); }} />
      <Choice label="Groups" value={state.groups} options={SIZES.map((n) => [n, String(n)] as const)} set={(to) => { set({ groups: to }); }} />
      <Choice label="Rewards" value={state.half} options={[[0, "1, 0, 0"], [1, "1, ½, 0"]]} set={(to) => { set({ half: to }); }} />
      {state.half === 0 && <Choice label="Verifier" value={state.verifier} options={VERIFIERS.map((name, i) => [i, name] as const)} set={(to) => { set({ verifier: to }); }} />}
      {state.rule === "constant" && <Slider label="b" value={state.fixed} grid={B_GRID} said={written(state.fixed, 2)} set={(to) => { set({ fixed: to }); }} />}
      {state.rule === "qae" && <Slider label="K" value={state.k} grid={K_GRID} said={written(state.k, 2)} set={(to) => { set({ k: to }); }} />}
      <Said>{still ? "These groups do not move the policy at all. " : `${state.groups === 1 ? "This group points" : `The average of these ${state.groups} groups points`} ${written(direction(seen), 0)}° from east. `}
        The exact average: {written(direction(exact), 0)}°, {state.half === 0 && !errs ? "whatever the baseline"
          : turned === "0.0" ? "the gradient's direction" : `turned by ${turned}° from the gradient${errs ? ", under every baseline" : ""}`};
        its size is {written(size(exact), 3)}{errs ? ` instead of ${written(size(expected({ ...rule, verifier: 0 })), 3)}` : ""}.{errs ? ` ${ERRORS[state.verifier]}` : ""}</Said>
    </Frame>
  );
}

const CHIPS = [
  ["length", "each response's push divided by its length (40 tokens if correct, 20 or 80 if wrong)"],
  ["several steps", "four steps on the same group, with importance ratios π/π_old"],
  ["clip", "PPO's clip: no further push once π/π_old has left 0.8 to 1.2"],
  ["Adam", "each coordinate divided by its root mean square over groups"],
  ["small G", "groups of 4 instead of 16"],
] as const;

const three = (values: readonly number[]): Three => [values[0]!, values[1]!, values[2]!];

function gapWords(place: number, noise: number): string {
  const { turn, speed } = TABLES.gaps[noise]![place]!;
  return `${turn < 0.05 ? "no turn" : `a turn of ${written(turn, 1)}°`}, ${written(speed, 2)} times GRPO's size`;
}

/** What the verifier's errors do to both averages. */
function noiseWords(place: number, noise: number): string {
  const [with_, without] = [TABLES.gaps[noise]![place]!, TABLES.gaps[0]![place]!];
  const each = (["grpo", "qae"] as const).map((name) => {
    const [now, before] = [three(with_[name]), three(without[name])];
    const degrees = Math.abs(((direction(now) - direction(before) + 540) % 360) - 180);
    return `${NAMES[name]}'s average is ${written(size(now) / size(before), 2)} times as long, ${degrees < 0.05 ? "in the same direction" : `turned by ${written(degrees, 1)}°`}`;
  });
  return `${ERRORS[noise]} Beside a verifier that is always right, ${each.join("; ")}.`;
}

export function Breaks({ state, set }: Scene): JSX.Element {
  const gap = TABLES.gaps[state.noise]![state.chips]!;
  const idle = (state.chips & 4) !== 0 && (state.chips & 2) === 0;
  return (
    <Frame number={6} title="What breaks it" prose={<>
      <p>One step of the plain gradient: QAE's average (K = 0.4) and GRPO's lie on one line. Trainers add more. Switch on
        what yours adds, and see the gap that opens.</p>
      <p>Whatever weighs the responses of a group differently can turn the average. A factor that all groups share cannot.</p></>}>
      <Picture label={`Average arrows of GRPO and QAE: ${gapWords(state.chips, state.noise)}`} height={(w) => (w < 500 ? 260 : 300)}>
        {(width, height) => {
          const centre: [number, number] = [width / 2, height * 0.62];
          const reach = height * 0.46;
          const here = flat(POLICY);
          const tip = (to: Three, length: number): [number, number] => {
            const angle = (direction(to) * Math.PI) / 180;
            return [centre[0] + length * Math.cos(angle), centre[1] - length * Math.sin(angle)];
          };
          const [grpo, qae] = [three(gap.grpo), three(gap.qae)];
          return (<>
            {CORNERS.map((corner, i) => {
              const [dx, dy] = [corner[0] - here[0], corner[1] - here[1]];
              const far = Math.hypot(dx, dy);
              const to = [centre[0] + (dx / far) * reach * 1.15, centre[1] - (dy / far) * reach * 1.15] as const;
              return (
                <g key={i}><line class="grid" x1={centre[0]} y1={centre[1]} x2={to[0]} y2={to[1]} />
                  <text x={to[0]} y={to[1] + (i === 0 ? -6 : 18)} text-anchor={["start", "middle", "end"][i]}>{["to correct", "to wrong, short", "to wrong, long"][i]}</text></g>
              );
            })}
            <Arrow from={centre} to={tip(grpo, reach)} stroke={colour("grpo")} width={7} />
            <Arrow from={centre} to={tip(qae, reach * gap.speed)} stroke={colour("qae")} width={4} dashed={dash("qae")} />
            <circle cx={centre[0]} cy={centre[1]} r={6} fill={colour("baseline")} />
          </>);
        }}
      </Picture>
      <Legend items={[{ sign: "line", look: "grpo", text: "GRPO" }, { sign: "line", look: "qae", text: "QAE; GRPO's size is 1", dashed: "dashed" }]} />
      <ul class="chips">
        {CHIPS.map(([name, what], i) => (
          <li key={name}><Toggle on={(state.chips & (1 << i)) !== 0} set={() => { set({ chips: state.chips ^ (1 << i) }); }}>{name}</Toggle>
            <span>{what} <em>Alone: {gapWords(1 << i, state.noise)}.</em></span></li>
        ))}
      </ul>
      <Choice label="Verifier of this step" value={state.noise} options={VERIFIERS.slice(0, 3).map((name, i) => [i, name] as const)} set={(to) => { set({ noise: to }); }} />
      <Said>{state.chips === 0 ? "Nothing added" : CHIPS.filter((_, i) => state.chips & (1 << i)).map(([name]) => name).join(" + ")}: {gapWords(state.chips, state.noise)}.
        {idle ? " The clip does nothing in a first step: there π/π_old is 1." : ""}
        {state.noise > 0 ? ` ${noiseWords(state.chips, state.noise)}` : ""}</Said>
    </Frame>
  );
}
