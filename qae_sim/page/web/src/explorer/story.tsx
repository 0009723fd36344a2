// A scene of the page "One group, one number" inside a lesson. Works without a kernel; a shadow keeps both styles apart.

import { type FunctionComponent, type JSX, render } from "preact";
import { useEffect, useState } from "preact/hooks";
import style from "../../../page.css";
import { variables } from "../looks.ts";
import type { Scene } from "../parts.tsx";
import { Arrows, Breaks } from "../scenes/arrows.tsx";
import { Training, Trainings } from "../scenes/training.tsx";
import { Gate, Quantile, Sigma, Ten, Twice } from "../scenes/group.tsx";
import { type State, parsed } from "../state.ts";

/** A scene, the state in which it is shown, and states through which it comes there by itself. */
export interface Told { scene: string; state: string; frames: string[]; every: number }

const SCENES: Record<string, FunctionComponent<Scene>> = {
  ten: Ten, twice: Twice, sigma: Sigma, quantile: Quantile, gate: Gate, arrows: Arrows, breaks: Breaks, training: Training, trainings: Trainings,
};

/** In a lesson the scene's own words stay away, for the lesson has its own, and it is as high as it is. */
const IN_LESSON = `
.scene { min-height: 0; padding: 4px; max-width: 1100px; grid-template-columns: minmax(0, 1fr); gap: 8px 28px; }
.words { display: none; }
.figure { max-width: 760px; }
.ten { grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); }
.cards { gap: 6px; }
.cards li { padding: 4px 8px; }
.cards .steps { font-size: 0.72rem; }
.runs { display: flex; }
.cards .answer { font-size: 1.2rem; }
p { margin: 0 0 6px; }
/* A slide is wider than high: controls stand beside the picture. And what the last row could not read stays away. */
.slide :is(#scene-5, #scene-6) .figure { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 14px; max-width: none; align-content: center; }
.slide :is(#scene-5, #scene-6) .picture { grid-row: 1 / span 9; }
.slide :is(.legend, .chips, .quiet, figcaption, p, label, button) { font-size: 1rem; }
.slide svg :is(text, text.small) { font-size: 16px; }
.slide .ten { grid-template-columns: minmax(0, 1fr) minmax(0, 3fr); }
.slide :is(.cards .steps, .chips span, .step, details) { display: none; }
.slide .chips li { grid-template-columns: 1fr; }
@media (max-width: 760px) { .scene { grid-template-columns: minmax(0, 1fr); } .cards .steps { font-size: 0.75rem; } }
`;

function Shown({ told, inside }: { told: Told; inside: ShadowRoot }): JSX.Element {
  const [state, setState] = useState(() => parsed(told.state));
  const set = (change: Partial<State>): void => { setState((before) => ({ ...before, ...change })); };
  const [moving, setMoving] = useState(told.frames.length > 0 && !matchMedia("(prefers-reduced-motion: reduce)").matches);
  useEffect(() => {
    if (!moving) return;
    let place = 0;
    const step = (): void => {
      // Of what is said twice, the first counts.
      setState(parsed([told.frames[place] ?? "", told.state].join("&")));
      if (place === told.frames.length) setMoving(false);
      place += 1;
    };
    step();
    const timer = setInterval(step, told.every);
    const stop = (): void => { setMoving(false); };
    const touches = ["pointerdown", "keydown", "focusin"] as const;
    touches.forEach((event) => { inside.addEventListener(event, stop, { capture: true }); });
    return () => {
      clearInterval(timer);
      touches.forEach((event) => { inside.removeEventListener(event, stop, { capture: true }); });
    };
  }, [moving]);
  const Part = SCENES[told.scene]!;
  // What moves by itself is not read out.
  return <div class={inside.host.closest(".reveal") ? "live slide" : "live"} aria-busy={moving}><Part state={state} set={set} site={false} /></div>;
}

export function story(root: HTMLElement, told: Told): void {
  root.classList.add("qae-quiz");
  root.replaceChildren();
  const inside = root.shadowRoot ?? root.attachShadow({ mode: "open" });
  render(<>
    <style dangerouslySetInnerHTML={{ __html: variables(":host") + style + IN_LESSON }} />
    <Shown told={told} inside={inside} />
  </>, inside);
}
