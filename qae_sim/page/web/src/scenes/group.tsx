// Scenes 0 to 4: one group, its rewards, a baseline, σ, the quantile, the gate.

import { scaleBand, scaleLinear } from "d3-scale";
import type { JSX } from "preact";
import { advantages, deviation, equal, mean, pair, quantile, rank, standardised } from "../advantages.ts";
import { colour, dash } from "../looks.ts";
import { written } from "../numbers.ts";
import { Choice, Frame, Handle, Legend, Picture, Said, type Scene, Slider } from "../parts.tsx";
import { B_GRID, K_GRID, rewardsOf } from "../state.ts";
import { TABLES } from "../tables.ts";

const SIDES = [
  { sign: "box", look: "correct", text: "winners" }, { sign: "box", look: "wrong", text: "losers" }, { sign: "box", look: "muted", text: "silent: exactly 0" },
] as const;
const TEN = TABLES.responses.map((_, i) => i);

/** The ten responses with their rewards; a winner lights up. */
function Cards({ r }: { r: string }): JSX.Element {
  return (
    <ol class="cards">
      {TABLES.responses.map((response, i) => (
        <li key={i} class={r[i] === "1" ? "correct" : ""} style={{ "--i": i }}>
          <span class="steps">{response.text}</span>
          <span class="answer">{response.answer}</span>
          <span class="mark">{r[i] === "1" ? "✓ 1" : "✗ 0"}</span>
        </li>
      ))}
    </ol>
  );
}

export function Title({ state }: Scene): JSX.Element {
  return (
    <header class="scene title" id="scene-0">
      <div class="words">
        <h1>One group, one number</h1>
        <p>A small language model was given the <b>prompt</b> <b class="whole">{TABLES.prompt} = ?</b> ten times. Each <b>response</b> adds
          column by column, from the right. A verifier looks at the sum alone: 1 if it is correct, 0 if not. How strongly
          should training push each of the ten?</p>
        <p class="quiet">Scroll, and drag what has a handle.</p>
      </div>
      <Cards r={state.r} />
    </header>
  );
}

/** Bars from a zero line, one for each response, with their numbers; what is exactly 0 is a grey stub. */
function Bars({ values, rewards, x, width, y, digits, ghost }: {
  values: readonly number[]; rewards: readonly number[]; x: (i: number) => number; width: number; y: (v: number) => number;
  digits: number; ghost?: readonly number[];
}): JSX.Element {
  const small = width < 34;
  return (
    <g>
      {values.map((value, i) => {
        const name = value === 0 ? "muted" : rewards[i]! > 0 ? "correct" : "wrong";
        const up = value > 0 || (value === 0 && rewards[i]! > 0);
        const tip = y(value);
        return (
          <g key={i}>
            <rect x={x(i)} width={width} y={Math.min(tip, y(0)) - (value === 0 ? 2 : 0)} height={value === 0 ? 4 : Math.abs(tip - y(0))}
              fill={colour(name)} />
            {ghost && <line x1={x(i) - 2} x2={x(i) + width + 2} y1={y(ghost[i]!)} y2={y(ghost[i]!)} stroke={colour("grpo")} stroke-width="3" />}
            <text class={small ? "small" : ""} x={x(i) + width / 2} y={up ? Math.min(tip, y(ghost ? Math.max(ghost[i]!, 0) : 0)) - 6 : Math.max(tip, y(ghost ? Math.min(ghost[i]!, 0) : 0)) + 15}
              text-anchor="middle">{written(value, small ? 1 : digits, true)}</text>
          </g>
        );
      })}
    </g>
  );
}

/** What a verifier got wrong that gave these rewards. */
function errors(r: string): string {
  const wrong = TEN.filter((i) => (r[i] === "1") !== TABLES.responses[i]!.correct);
  if (wrong.length === 0) return "";
  const named = (reward: string): string => wrong.filter((i) => r[i] === reward).map((i) => i + 1).join(", ");
  const [positive, negative] = [named("1"), named("0")];
  return `${positive && ` Wrong, yet rewarded (a false positive): ${positive}.`}${negative && ` Correct, yet not rewarded (a false negative): ${negative}.`}`;
}

function Flips({ state, set }: Scene): JSX.Element {
  return (
    <div class="flips" role="group" aria-label="Rewards: press one to change it">
      {TEN.map((i) => (
        <button key={i} type="button" aria-pressed={state.r[i] === "1"} aria-label={`Response ${i + 1}: reward ${state.r[i]}`}
          onClick={() => { set({ r: state.r.slice(0, i) + (state.r[i] === "1" ? "0" : "1") + state.r.slice(i + 1) }); }}>
          {state.r[i] === "1" ? "✓" : "✗"}
        </button>
      ))}
    </div>
  );
}

/** Rewards, a baseline that can be dragged across them, and what lies between. */
function Deviations(scene: Scene): JSX.Element {
  const { state, set } = scene;
  const rewards = rewardsOf(state);
  const values = rewards.map((r) => r - state.b);
  const sum = values.reduce((a, b) => a + b, 0);
  const correct = rewards.filter((r) => r > 0).length;
  return (<>
    <Picture label="Ten rewards, a baseline across them, and the advantages between" height={(w) => (w < 500 ? 260 : 360)}>
      {(width, height) => {
        const x = scaleBand<number>().domain(TEN).range([34, width - 4]).padding(0.25);
        const y = scaleLinear().domain([-0.3, 1.2]).range([height - 8, 8]);
        const reward = scaleLinear().domain([0, 1]).range([y(0), y(1)]);
        return (<>
          {[0, 1].map((value) => (
            <g key={value}><line class="grid" x1={30} x2={width} y1={y(value)} y2={y(value)} /><text x={24} y={y(value) + 5} text-anchor="end">{value}</text></g>
          ))}
          {TEN.map((i) => {
            const [from, to] = [y(state.b), y(rewards[i]!)];
            return (
              <g key={i}>
                <circle cx={x(i)! + x.bandwidth() / 2} cy={to} r={6} fill={colour(rewards[i]! > 0 ? "correct" : "wrong")} />
                <line x1={x(i)! + x.bandwidth() / 2} x2={x(i)! + x.bandwidth() / 2} y1={from} y2={to} stroke={colour(rewards[i]! > 0 ? "correct" : "wrong")} stroke-width={5} />
                <text class={x.bandwidth() < 34 ? "small" : ""} x={x(i)! + x.bandwidth() / 2} y={rewards[i]! > 0 ? to - 12 : to + 24} text-anchor="middle">
                  {written(values[i]!, 2, true).replace(/^([+−])0/, "$1")}</text>
              </g>
            );
          })}
          <Handle along="y" at={[0, y(state.b)]} value={state.b} grid={B_GRID} label="Baseline b" said={`b = ${written(state.b, 2)}`}
            toValue={(pixels) => reward.invert(pixels)} set={(b) => { set({ b }); }}>
            <rect class="grab" x={26} y={y(state.b) - 22} width={width - 26} height={44} />
            <line x1={30} x2={width} y1={y(state.b)} y2={y(state.b)} stroke={colour("baseline")} stroke-width={3} />
            <circle class="knob" cx={width - 14} cy={y(state.b)} r={9} />
            <text x={width - 30} y={y(state.b) + (state.b > 0.8 ? 22 : -8)} text-anchor="end" class="strong">b = {written(state.b, 2)}</text>
          </Handle>
        </>);
      }}
    </Picture>
    <Flips {...scene} />
    <Said>{correct} of 10 correct: the mean reward is {written(correct / 10, 1)}. With b = {written(state.b, 2)} the ten advantages sum
      to {written(sum, 2, true)}{Math.abs(sum) < 1e-9 ? ", because b is the mean" : ""}.{errors(state.r)}</Said>
  </>);
}

export function Baseline(scene: Scene): JSX.Element {
  return (
    <Frame number={1} title="Subtract a baseline" prose={<>
      <p>The <b>reward</b> r is 1 or 0. The <b>baseline</b> b is what was to be expected. Their difference r − b is the
        simplest <b>advantage</b>: positive pushes a response up, negative pushes it down.</p>
      <p>Drag the line: where do the ten advantages sum to zero? Press ✓ or ✗: what does a wrong verdict do?</p></>}>
      <Deviations {...scene} />
    </Frame>
  );
}

/** The ten responses beside their rewards. */
export function Ten(scene: Scene): JSX.Element {
  return (
    <section class="scene ten" aria-label="Ten responses to one prompt">
      <div><p>Prompt: <b class="whole">{TABLES.prompt} = ?</b> Ten responses, which add column by column from the right:</p>
        <Cards r={scene.state.r} /></div>
      <div class="figure"><Deviations {...scene} /></div>
    </section>
  );
}

/** The same ten rewards under the mean and under the K-quantile, both over σ. */
export function Twice(scene: Scene): JSX.Element {
  const { state } = scene;
  const rewards = rewardsOf(state);
  const rows = [
    { title: "baseline: the mean", values: advantages("grpo", rewards, state.k) },
    { title: `baseline: the ${written(state.k, 1)}-quantile`, values: advantages("qae", rewards, state.k) },
  ] as const;
  const told = ({ values }: { values: readonly number[] }): string => {
    const [winner, loser] = [values[state.r.indexOf("1")], values[state.r.indexOf("0")]];
    return [winner === undefined ? "" : `a winner ${written(winner, 2, true)}`, loser === undefined ? "" : `a loser ${written(loser, 2, true)}`]
      .filter((part) => part !== "").join(", ");
  };
  return (
    <section class="scene" aria-label="The same rewards under two baselines">
      <div class="figure">
        <Picture label="Advantages of the ten responses, by two baselines" height={() => 350}>
          {(width) => rows.map(({ title, values }, row) => {
            const x = scaleBand<number>().domain(TEN).range([34, width - 4]).padding(0.25);
            const y = scaleLinear().domain([-4.2, 3.8]).range([175 * (row + 1) - 6, 175 * row + 22]);
            return (
              <g key={row}>
                <text class="strong" x={width - 4} y={175 * row + 34} text-anchor="end">{title}</text>
                {[-3, 0, 3].map((value) => (
                  <g key={value}><line class="grid" x1={30} x2={width} y1={y(value)} y2={y(value)} /><text x={26} y={y(value) + 5} text-anchor="end">{written(value, 0)}</text></g>
                ))}
                <Bars values={values} rewards={rewards} x={(i) => x(i)!} width={x.bandwidth()} y={y} digits={2} />
              </g>
            );
          })}
        </Picture>
        <Legend items={SIDES} />
        <Flips {...scene} />
        <Said>{equal(rewards) ? "All rewards are equal: every advantage is 0 under both baselines."
          : `The mean gives ${told(rows[0])}; the quantile gives ${told(rows[1])}.`}{errors(state.r)}</Said>
      </div>
    </section>
  );
}

export function Sigma(scene: Scene): JSX.Element {
  const { state, set } = scene;
  const near = state.near > 0;
  const rewards = near ? [1, 1, 1, 1 + 10 ** -state.near] : rewardsOf(state);
  const places = rewards.map((_, i) => i);
  const sigma = deviation(rewards);
  const values = standardised(rewards, mean(rewards));
  const trainers = standardised(rewards, mean(rewards), 1);
  const plain = rewards.map((r) => r - mean(rewards));
  const best = Math.max(...values);
  return (
    <Frame number={2} title="Divide by the spread" prose={<>
      <p>GRPO takes the mean as baseline and divides by σ, the standard deviation of the group's rewards. With success
        rate p = 0.1, σ = √(p(1 − p)) = 0.3: the winner gets (1 − p)/σ = 3, each loser −p/σ = −⅓.</p>
      <p>But σ also enlarges what is almost nothing.</p></>}>
      <Picture label="Advantages before and after division by the standard deviation" height={(w) => (w < 500 ? 270 : 360)}>
        {(width, height) => {
          const x = scaleBand<number>().domain(places).range([40, width - 4]).padding(near ? 0.5 : 0.25);
          const y = scaleLinear().domain([-4.2, 3.8]).range([height - 8, 14]);
          return (<>
            {[-3, 0, 3].map((value) => (
              <g key={value}><line class="grid" x1={36} x2={width} y1={y(value)} y2={y(value)} /><text x={30} y={y(value) + 5} text-anchor="end">{written(value, 0)}</text></g>
            ))}
            <Bars values={values} rewards={rewards.map((_, i) => (values[i]! > 0 ? 1 : 0))} x={(i) => x(i)!} width={x.bandwidth()} y={y} digits={2} />
            {plain.map((value, i) => <line key={i} x1={x(i)! - 3} x2={x(i)! + x.bandwidth() + 3} y1={y(value)} y2={y(value)} stroke={colour("baseline")} stroke-width={2} />)}
          </>);
        }}
      </Picture>
      <Legend items={[{ sign: "line", look: "baseline", text: "r − mean" }, { sign: "box", look: "correct", text: "(r − mean)/σ, positive" }, { sign: "box", look: "wrong", text: "negative" }]} />
      <Choice label="Rewards" value={near ? 1 : 0} set={(to) => { set({ near: to === 0 ? 0 : 5 }); }} options={[[0, "the ten"], [1, "nearly equal"]]} />
      {near
        ? <Slider label="difference" value={state.near} grid={{ low: 1, high: 6, step: 1 }} said={written(10 ** -state.near, state.near)} set={(to) => { set({ near: to }); }} />
        : <Flips {...scene} />}
      <Said>{near
        ? `Rewards 1, 1, 1, ${written(rewards[3]!, state.near)}: σ = ${sigma.toPrecision(2)}, and still the best response gets ${written(best, 2, true)}, the others ${written(values[0]!, 2, true)}. The size of the difference does not matter.`
        : sigma === 0 ? "All rewards are equal: σ is 0, and every advantage is 0. This group teaches nothing."
        : `σ = ${written(sigma, 2)}: winners get ${written(best, 2, true)}, losers ${written(Math.min(...values), 2, true)}. Trainers put G − 1 into σ: ${written(Math.max(...trainers), 2, true)}, ${written(Math.min(...trainers), 2, true)}.${errors(state.r)}`}</Said>
    </Frame>
  );
}

/** The same rewards with another number of correct ones: the first wrong ones become correct, the last correct ones wrong. */
function withCorrect(r: string, to: number): string {
  let now = r;
  while (rewardCount(now) < to) now = now.replace("0", "1");
  while (rewardCount(now) > to) now = now.slice(0, now.lastIndexOf("1")) + "0" + now.slice(now.lastIndexOf("1") + 1);
  return now;
}

const rewardCount = (r: string): number => r.split("1").length - 1;

export function Quantile({ state, set }: Scene): JSX.Element {
  const correct = rewardCount(state.r);
  const rewards = rewardsOf(state).sort((a, b) => a - b);
  const b = quantile(rewards, state.k);
  const values = advantages("qae", rewards, state.k);
  const ghost = advantages("grpo", rewards, state.k);
  const place = rank(state.k, 10);
  const all = rewards.every((r) => r === rewards[0]);
  const losers = b === 0;
  return (
    <Frame number={3} title="A place in the row" prose={<>
      <p>Sort the ten rewards. QAE's baseline is the <b>K-quantile</b>: walk the share K of the row and take the reward
        that stands there. It is a reward of the group, so here it is 0 or 1.</p>
      <p>Drag K. Whoever has exactly this reward gets the advantage 0 and falls <b>silent</b>.</p></>}>
      <Picture label="The sorted rewards with K as a place in the row, and the advantages below" height={(w) => (w < 500 ? 340 : 400)}>
        {(width, height) => {
          const x = scaleBand<number>().domain(TEN).range([40, width - 12]).paddingInner(0.2);
          const y = scaleLinear().domain([-4.2, 3.8]).range([height - 14, 96]);
          const along = scaleLinear().domain([0, 1]).range([40, width - 12]);
          const at = along(state.k);
          return (<>
            {rewards.map((r, i) => (
              <g key={i}>
                <rect x={x(i)} width={x.bandwidth()} y={34} height={30} rx={4} fill={colour(r > 0 ? "correct" : "wrong")}
                  stroke={i === place - 1 ? colour("baseline") : "none"} stroke-width={4} />
                <text class="on" x={x(i)! + x.bandwidth() / 2} y={54} text-anchor="middle">{r}</text>
              </g>
            ))}
            {[-3, 0, 3].map((value) => (
              <g key={value}><line class="grid" x1={36} x2={width} y1={y(value)} y2={y(value)} /><text x={30} y={y(value) + 5} text-anchor="end">{written(value, 0)}</text></g>
            ))}
            <Bars values={values} rewards={rewards} x={(i) => x(i)!} width={x.bandwidth()} y={y} digits={2} ghost={ghost} />
            <Handle along="x" at={[at, 20]} value={state.k} grid={K_GRID} label="K, a place in the sorted row" said={`K = ${written(state.k, 2)}`}
              toValue={(pixels) => along.invert(pixels)} set={(k) => { set({ k }); }}>
              <rect class="grab" x={at - 24} y={0} width={48} height={76} />
              <path d={`M${at},22V32M${at},66V74`} stroke={colour("qae")} stroke-width={4} />
              <circle class="knob" cx={at} cy={72} r={9} />
              <text class="strong" x={Math.min(Math.max(at, 40), width - 42)} y={18} text-anchor="middle">K = {written(state.k, 2)}</text>
            </Handle>
          </>);
        }}
      </Picture>
      <Legend items={[...SIDES, { sign: "line", look: "grpo", text: "GRPO, for comparison" }]} />
      <Slider label="correct responses" value={correct} grid={{ low: 0, high: 10, step: 1 }} said={`${correct} of 10`}
        set={(to) => { set({ r: withCorrect(state.r, to) }); }} />
      <Said>{all ? "All rewards are equal: everybody is silent, whatever K is."
        : `Place ${place} of 10 holds the reward ${b}. ${losers ? "Losers" : "Winners"} are silent; ${losers ? "winners get" : "losers get"} ${written(losers ? values[9]! : values[0]!, 2, true)} instead of GRPO's ${written(losers ? ghost[9]! : ghost[0]!, 2, true)}.`}</Said>
    </Frame>
  );
}

export function Gate({ state, set }: Scene): JSX.Element {
  const counts = [0, ...TEN.map((i) => i + 1)];
  const place = rank(state.k, 10);
  const flip = 10 - place; // the largest number of correct responses at which the place holds a 0
  const pairs = counts.map((c) => pair("qae", c, 10, state.k));
  return (
    <Frame number={4} title="A gate" prose={<>
      <p>Now every group that ten responses can make, from none correct to all. QAE is a gate: where the success rate of
        this group is at most 1 − K, only winners speak; above, only losers.</p>
      <p>GRPO lets both speak, everywhere.</p></>}>
      <Picture label="For each number of correct responses, the advantages of winners and losers under QAE" height={(w) => (w < 500 ? 300 : 380)}>
        {(width, height) => {
          const x = scaleBand<number>().domain(counts).range([34, width - 4]).paddingInner(0.2);
          const y = scaleLinear().domain([-4.2, 4]).range([height - 50, 36]);
          const gate = (x(Math.min(flip, 10))! + x.bandwidth() + x.step() * 0.1);
          const span = scaleLinear().domain([1, 0]).range([x(0)! + x.bandwidth() / 2, x(10)! + x.bandwidth() / 2]);
          return (<>
            {[-3, 0, 3].map((value) => (
              <g key={value}><line class="grid" x1={30} x2={width} y1={y(value)} y2={y(value)} /><text x={26} y={y(value) + 5} text-anchor="end">{written(value, 0)}</text></g>
            ))}
            {counts.map((c) => {
              const { correct, wrong } = pairs[c]!;
              return (
                <g key={c}>
                  {c > 0 && <Bars values={[correct]} rewards={[1]} x={() => x(c)!} width={x.bandwidth()} y={y} digits={2} />}
                  {c < 10 && <Bars values={[wrong]} rewards={[0]} x={() => x(c)!} width={x.bandwidth()} y={y} digits={2} />}
                  <text x={x(c)! + x.bandwidth() / 2} y={height - 26} text-anchor="middle">{c}</text>
                </g>
              );
            })}
            <text x={(width + 30) / 2} y={height - 6} text-anchor="middle">correct responses of ten</text>
            <Handle along="x" at={[gate, 20]} value={state.k} grid={K_GRID} label="K, which moves the gate" said={`K = ${written(state.k, 2)}`}
              toValue={(pixels) => span.invert(pixels)} set={(k) => { set({ k }); }}>
              <rect class="grab" x={gate - 22} y={0} width={44} height={height - 40} />
              <line x1={gate} x2={gate} y1={20} y2={height - 44} stroke={colour("qae")} stroke-width={4} stroke-dasharray={dash("qae")} />
              <text class="strong" x={Math.min(Math.max(gate, 40), width - 40)} y={14} text-anchor="middle">K = {written(state.k, 2)}</text>
              <circle class="knob" cx={gate} cy={30} r={9} />
            </Handle>
          </>);
        }}
      </Picture>
      <Legend items={SIDES} />
      <Slider label="K" value={state.k} grid={K_GRID} said={written(state.k, 2)} set={(k) => { set({ k }); }} />
      <Said>K = {written(state.k, 2)}: {flip > 0 ? `with up to ${flip} correct, losers are silent` : "losers are never the silent ones"}
        {flip < 9 ? `${flip > 0 ? "; from" : ": from"} ${flip + 1} on, winners are` : ""}. With 0 or 10 correct, everybody is.</Said>
    </Frame>
  );
}

