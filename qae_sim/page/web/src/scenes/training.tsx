// Scene 8: three trainings side by side, and what if K changes now. Scene 9: the doors.

import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { GROUP, type Moment, PROMPTS, STEPS, type Summary, TRAINERS, type Trainer, correctOf, opened, silent, softmax, success, summary, training } from "../bandit.ts";
import { VERIFIERS } from "../arrows.ts";
import { type Name, colour, dash } from "../looks.ts";
import { written } from "../numbers.ts";
import { Choice, Frame, Picture, Said, type Scene, Slider } from "../parts.tsx";
import { K_GRID } from "../state.ts";

const K = 0.4;
const NAMES: Record<Trainer, string> = { grpo: "GRPO", qae: "QAE", ha_dw: "HA-DW" };

const BORDERS: Partial<Record<Name, string>> = { qae: "dashed", ha_dw: "dotted" };

interface Run { key: string; name: string; trainer: Trainer; look: Name; moments: Moment[]; path: Summary[]; k: (step: number) => number }

function made(run: Omit<Run, "path">): Run {
  return { ...run, path: run.moments.map(summary) };
}

const base = (errs: number): Run[] => TRAINERS.map((trainer) => made({
  key: trainer, name: NAMES[trainer], trainer, look: trainer, moments: training(trainer, K, STEPS, K, [], errs), k: () => K,
}));

const BASE = base(0);

/** A prompt and the responses that its bandit can give, the correct ones first. */
export function question(prompt: number): { text: string; answers: string[] } {
  const [a, b] = [12 + ((prompt * 17) % 71), 11 + ((prompt * 29) % 67)];
  const sum = a + b;
  const wrong = [sum - 10, sum + 1, sum + 10, sum - 1, sum + 100];
  return { text: `${a} + ${b}`, answers: [...(correctOf(prompt) === 2 ? [`${sum}`, `= ${sum}`] : [`${sum}`]), ...wrong.map(String)].slice(0, 6) };
}

function Tiles({ run, step, prompt, errs, set }: { run: Run; step: number; prompt: number; errs: number; set: (prompt: number) => void }): JSX.Element {
  const moment = run.moments[step]!;
  const groups = moment.logits.map((_, i) => opened(moment, run.trainer, run.k(step), i, step, errs));
  const quiet = groups.filter((group) => silent(group)).length;
  return (
    <figure class="run">
      <figcaption><span class="line" style={{ color: colour(run.look), borderTopStyle: BORDERS[run.look] ?? "solid" }} />{run.name}</figcaption>
      <svg viewBox="0 0 120 80" role="img" aria-label={`${run.name} at step ${step}: mean success rate ${written(run.path[step]!.success, 2)}, ${quiet} of ${PROMPTS} prompts silent`}>
        {moment.logits.map((z, i) => {
          const p = success(softmax(z), i);
          const [x, y] = [(i % 6) * 20, Math.floor(i / 6) * 20];
          return (
            <g key={i} onClick={() => { set(i); }}>
              <title>{`Prompt ${i + 1}: success rate ${written(p, 2)}${silent(groups[i]!) ? ", silent" : ""}`}</title>
              <rect x={x + 1} y={y + 1} width={18} height={18} rx={3} class="tile" style={{ "--p": `${Math.round(p * 100)}%` }} />
              {!silent(groups[i]!) && <circle cx={x + 10} cy={y + 10} r={3} class="speaks" />}
              {i === prompt && <rect x={x + 1} y={y + 1} width={18} height={18} rx={3} class="picked" />}
            </g>
          );
        })}
      </svg>
      <span class="quiet">{quiet} of {PROMPTS} silent</span>
    </figure>
  );
}

function Curves({ runs, step }: { runs: Run[]; step: number }): JSX.Element {
  return (
    <Picture label="Mean success rate, and mean entropy (how spread out the policies are), of all prompts against the step" height={(w) => (w < 500 ? 150 : 130)}>
      {(width, height) => (["success", "entropy"] as const).map((what, place) => {
        const left = place * (width / 2) + 34;
        const x = scaleLinear().domain([0, STEPS]).range([left, (place + 1) * (width / 2) - 12]);
        const top = what === "success" ? 1 : 1.5;
        const y = scaleLinear().domain([0, top]).range([height - 24, 22]);
        return (
          <g key={what}>
            <text x={left} y={12}>{what === "success" ? "success rate" : "entropy (spread)"}</text>
            {[0, top / 2, top].map((v) => <g key={v}><line class="grid" x1={left} x2={x(STEPS)} y1={y(v)} y2={y(v)} /><text class="small" x={left - 5} y={y(v) + 4} text-anchor="end">{v}</text></g>)}
            {[0, 30, 60].map((t) => <text key={t} class="small" x={x(t)} y={height - 8} text-anchor="middle">{t}</text>)}
            <line x1={x(step)} x2={x(step)} y1={22} y2={height - 24} stroke={colour("muted")} />
            {runs.map((run) => {
              const path = (to: number): string => line<Summary>((_, t) => x(t), (s) => y(s[what]))(run.path.slice(0, to + 1))!;
              return (
                <g key={run.key} fill="none" stroke={colour(run.look)} stroke-dasharray={dash(run.look)}>
                  <path d={path(STEPS)} stroke-width={1.5} stroke-opacity={0.45} />
                  <path d={path(step)} stroke-width={3.5} />
                </g>
              );
            })}
          </g>
        );
      })}
    </Picture>
  );
}

function Opened({ runs, step, prompt, errs }: { runs: Run[]; step: number; prompt: number; errs: number }): JSX.Element {
  const { text, answers } = question(prompt);
  return (<>
    <table class="step">
      <caption>Step {step}, prompt {prompt + 1}: {text} = ?</caption>
      <thead><tr><th scope="col">baseline b</th>{Array.from({ length: GROUP }, (_, i) => <th key={i} scope="col"><span class="far">response </span>{i + 1}</th>)}</tr></thead>
      <tbody>
        {runs.map((run) => {
          const group = opened(run.moments[step]!, run.trainer, run.k(step), prompt, step, errs);
          return (
            <tr key={run.key}>
              <th scope="row">{run.name}<br />{written(group.baseline, 2)}</th>
              {group.responses.map((response, i) => (
                <td key={i} class={group.advantages[i] === 0 ? "silent" : group.rewards[i] === 1 ? "correct" : "wrong"}>
                  {answers[response]} {group.rewards[i] === 1 ? "✓" : "✗"}{(group.rewards[i] === 1) === response < correctOf(prompt) ? "" : "?"}<br />{written(group.advantages[i]!, 1, true)}
                </td>
              ))}
            </tr>
          );
        })}
      </tbody>
    </table>
    <details><summary>What this step does to the policy</summary>
      <table class="step">
        <caption>Probability of each response, before and after step {step}</caption>
        <thead><tr><th scope="col" />{answers.map((answer, i) => <th key={answer} scope="col">{answer} {i < correctOf(prompt) ? "✓" : "✗"}</th>)}</tr></thead>
        <tbody>
          {runs.map((run) => {
            const [before, after] = [step, step + 1].map((t) => softmax(run.moments[t]!.logits[prompt]!)) as [number[], number[]];
            return (
              <tr key={run.key}><th scope="row">{run.name}</th>
                {before.map((p, i) => {
                  const moved = Math.abs(after[i]! - p) < 5e-4 ? "silent" : after[i]! > p ? "correct" : "wrong";
                  return <td key={i} class={moved}>{written(p, 3)}<br />→ {written(after[i]!, 3)}</td>;
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
      <p class="quiet">Each step adds 0.3 times the group's average gradient to the logits. HA-DW has λ = 1 and, as anchor, the
        mean reward of the last ten batches.</p>
    </details>
  </>);
}

/** One of them alone, by GRPO: what a training is. */
export function Training({ state, set }: Scene): JSX.Element {
  const run = BASE[0]!;
  const now = run.path[state.step]!;
  return (
    <section class="scene" aria-label="A training">
      <div class="figure">
        <div class="runs"><Tiles run={run} step={state.step} prompt={state.prompt} errs={0} set={(prompt) => { set({ prompt }); }} /></div>
        <Curves runs={[run]} step={state.step} />
        <Slider label="step" value={state.step} grid={{ low: 0, high: STEPS - 1, step: 1 }} said={String(state.step)} set={(step) => { set({ step }); }} />
        <Opened runs={[run]} step={state.step} prompt={state.prompt} errs={0} />
        <Said>Step {state.step}: mean success rate {written(now.success, 2)}, mean entropy {written(now.entropy, 2)}.</Said>
      </div>
    </section>
  );
}

export function Trainings({ state, set }: Scene): JSX.Element {
  const turned = state.turn < STEPS;
  const { errs } = state;
  const plain = useMemo(() => (errs === 0 ? BASE : base(errs)), [errs]);
  const other = useMemo<Run | null>(() => (turned ? made({
    key: "turned", name: `K = ${written(state.after, 2)} from ${state.turn} on`, trainer: "qae", look: "baseline",
    moments: training("qae", K, state.turn, state.after, plain[1]!.moments, errs), k: (step) => (step >= state.turn ? state.after : K),
  }) : null), [turned, state.turn, state.after, plain]);
  const runs = useMemo(() => (other ? [...plain, other] : plain), [plain, other]);
  const [playing, setPlaying] = useState(false);
  const step = state.step;
  useEffect(() => {
    if (!playing) return;
    const waiting = setTimeout(() => {
      if (step + 1 < STEPS) set({ step: step + 1 });
      else setPlaying(false);
    }, matchMedia("(prefers-reduced-motion: reduce)").matches ? 700 : 130);
    return () => { clearTimeout(waiting); };
  }, [playing, step]);
  const rates = plain.map((run) => written(run.path[step]!.success, 2));
  return (
    <Frame number={8} title="Three trainings" prose={<>
      <p>24 prompts, each with a policy of its own over six responses (a <b>bandit</b>). GRPO, QAE (K = 0.4) and HA-DW see
        the same random numbers. A tile is a prompt: the fuller its colour, the higher its success rate. A dot: its group
        speaks.</p>
      <p>Press Play. How much do they differ? And if K changed now?</p></>}>
      <div class="runs">{runs.map((run) => <Tiles key={run.key} run={run} step={step} prompt={state.prompt} errs={errs} set={(prompt) => { set({ prompt }); }} />)}</div>
      <Curves runs={runs} step={step} />
      <div class="bar">
        <button type="button" aria-pressed={playing} onClick={() => { if (!playing && step === STEPS - 1) set({ step: 0 }); setPlaying(!playing); }}>{playing ? "Pause" : "Play"}</button>
        <Slider label="step" value={step} grid={{ low: 0, high: STEPS - 1, step: 1 }} said={String(step)} set={(to) => { setPlaying(false); set({ step: to }); }} />
        <Slider label="prompt" value={state.prompt} grid={{ low: 0, high: PROMPTS - 1, step: 1 }} said={String(state.prompt + 1)} set={(to) => { set({ prompt: to }); }} />
        <Slider label="K from now on" value={state.after} grid={K_GRID} said={written(state.after, 2)} set={(to) => { set(turned ? { after: to } : { after: to, turn: step }); }} />
        <button type="button" aria-pressed={turned} onClick={() => { set({ turn: turned ? STEPS : step }); }}>{turned ? "Take K back" : "Change K at this step"}</button>
        <Choice label="Verifier" value={errs} options={VERIFIERS.slice(0, 3).map((name, i) => [i, name] as const)} set={(to) => { set({ errs: to }); }} />
      </div>
      <Opened runs={runs} step={step} prompt={state.prompt} errs={errs} />
      <Said>Step {step}: mean success rate {rates[0]} (GRPO), {rates[1]} (QAE), {rates[2]} (HA-DW){other ? `, ${written(other.path[step]!.success, 2)} (${other.name})` : ""}.{errs > 0 ? " A ? marks a wrong verdict." : ""}</Said>
    </Frame>
  );
}

const DOORS = [
  ["The lessons", "With sliders, exercises and checks.", "lessons.html", "qae-sim lab"],
  ["Your own log", "What your run's rewards and advantages say.", "guides/logs.html", "qae-sim inspect --help"],
  ["TRL", "These estimators in TRL's GRPO trainer.", "guides/trl.html", "from qae_sim.engines import trl"],
  ["verl", "These estimators in verl.", "guides/verl.html", "from qae_sim.engines import verl"],
  ["The claims", "What the papers say, and whether it holds.", "claims/index.html", "qae-sim verify"],
] as const;

export function Doors({ site }: Scene): JSX.Element {
  const [copied, setCopied] = useState("");
  const copy = (): void => {
    const link = location.href;
    // Where there is no clipboard, as on a page without a certificate, the link is shown instead.
    Promise.resolve().then(() => navigator.clipboard.writeText(link)).then(() => { setCopied("copied"); }, () => { setCopied(link); });
  };
  return (
    <section class="scene doors" id="scene-9" aria-labelledby="title-9">
      <div class="words"><h2 id="title-9">What is left</h2>
        <p>A baseline cancels on average. What is left is noise, speed, the net push of advantages that do not sum to zero,
          the optimizer, the clip, length, and credit inside a response. Now see it in your own training.</p>
        <p class="bar"><button type="button" onClick={copy}>Copy a link to what you have set</button> <output>{copied}</output></p></div>
      <ul class="figure">
        {DOORS.map(([name, what, page, command]) => (
          <li key={name}>{site ? <a href={page}>{name}</a> : <b>{name}</b>}<br />{what}{!site && <><br /><code>{command}</code></>}</li>
        ))}
      </ul>
    </section>
  );
}
