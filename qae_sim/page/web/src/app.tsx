import { Component, type FunctionComponent, type JSX } from "preact";
import { variables } from "./looks.ts";
import type { Scene } from "./parts.tsx";
import { Arrows, Breaks } from "./scenes/arrows.tsx";
import { Baseline, Gate, Quantile, Sigma, Title } from "./scenes/group.tsx";
import { Anchor, Atlas } from "./scenes/history.tsx";
import { Doors, Trainings } from "./scenes/training.tsx";
import type { State } from "./state.ts";

/** The scenes in order, each with the parts of the state that it shows. */
const PARTS: [FunctionComponent<Scene>, (keyof State)[]][] = [
  [Title, ["r"]], [Baseline, ["r", "b"]], [Sigma, ["r", "near"]], [Quantile, ["r", "k"]], [Gate, ["k"]],
  [Arrows, ["k", "rule", "groups", "fixed", "half", "verifier"]], [Breaks, ["chips", "noise"]], [Anchor, ["anchor", "batch", "blind"]], [Atlas, ["dot"]],
  [Trainings, ["step", "turn", "after", "prompt", "errs"]], [Doors, []],
];

/** Draws a scene again only if something that it shows has changed, so that a drag moves one picture and not eleven. */
class Kept extends Component<Scene & { part: FunctionComponent<Scene>; of: (keyof State)[] }> {
  override shouldComponentUpdate(next: Scene): boolean {
    return this.props.of.some((name) => next.state[name] !== this.props.state[name]);
  }

  override render(): JSX.Element {
    const { part: Part, state, set, site } = this.props;
    return <Part state={state} set={set} site={site} />;
  }
}

export function App(scene: Scene): JSX.Element {
  return (<>
    <style dangerouslySetInnerHTML={{ __html: variables() }} />
    <main>{PARTS.map(([part, of], i) => <Kept key={i} part={part} of={of} {...scene} />)}</main>
  </>);
}
