import type { JSX } from "preact";
import { variables } from "./looks.ts";
import type { Scene } from "./parts.tsx";
import { Arrows, Breaks } from "./scenes/arrows.tsx";
import { Baseline, Gate, Quantile, Sigma, Title } from "./scenes/group.tsx";
import { Anchor, Atlas } from "./scenes/history.tsx";
import { Doors, Trainings } from "./scenes/training.tsx";

const SCENES = [Title, Baseline, Sigma, Quantile, Gate, Arrows, Breaks, Anchor, Atlas, Trainings, Doors];

export function App(scene: Scene): JSX.Element {
  return (<>
    <style dangerouslySetInnerHTML={{ __html: variables() }} />
    <main>{SCENES.map((Part, i) => <Part key={i} {...scene} />)}</main>
  </>);
}
