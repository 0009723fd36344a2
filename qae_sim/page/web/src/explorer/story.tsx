// A scene of the page "One group, one number" inside a lesson. Works without a kernel; a shadow keeps both styles apart.

import { type FunctionComponent, type JSX, render } from "preact";
import { useState } from "preact/hooks";
import style from "../../../page.css";
import { variables } from "../looks.ts";
import type { Scene } from "../parts.tsx";
import { Arrows, Breaks } from "../scenes/arrows.tsx";
import { Gate, Quantile, Sigma, Ten, Twice } from "../scenes/group.tsx";
import { type State, parsed } from "../state.ts";

export interface Told { scene: string; state: string }

const SCENES: Record<string, FunctionComponent<Scene>> = {
  ten: Ten, twice: Twice, sigma: Sigma, quantile: Quantile, gate: Gate, arrows: Arrows, breaks: Breaks,
};

/** In a lesson a scene is as high as it is, and stands beside no other one. */
const IN_LESSON = `
.scene { min-height: 0; padding: 4px; max-width: 1100px; grid-template-columns: minmax(200px, 15em) minmax(0, 1fr); gap: 8px 28px; }
.alone { grid-template-columns: minmax(0, 1fr); max-width: 800px; }
.ten { grid-template-columns: minmax(0, 5fr) minmax(0, 7fr); }
.cards { gap: 6px; }
.cards li { padding: 4px 8px; }
.cards .steps { font-size: 0.72rem; }
.cards .answer { font-size: 1.2rem; }
p { margin: 0 0 6px; }
h2 { font-size: 1.25rem; }
@media (max-width: 760px) { .scene { grid-template-columns: minmax(0, 1fr); } .cards .steps { font-size: 0.75rem; } }
`;

function Shown({ of: Part, first }: { of: FunctionComponent<Scene>; first: State }): JSX.Element {
  const [state, setState] = useState(first);
  return <Part state={state} site={false} set={(change) => { setState((before) => ({ ...before, ...change })); }} />;
}

export function story(root: HTMLElement, told: Told): void {
  root.classList.add("qae-quiz");
  const inside = root.shadowRoot ?? root.attachShadow({ mode: "open" });
  render(<div class="live">
    <style dangerouslySetInnerHTML={{ __html: variables(":host") + style + IN_LESSON }} />
    <Shown of={SCENES[told.scene]!} first={parsed(told.state)} />
  </div>, inside);
}
