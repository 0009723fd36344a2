import type { JSX } from "preact";
import { variables } from "./looks.ts";
import type { Scene } from "./parts.tsx";
import { Baseline, Gate, Quantile, Sigma, Title } from "./scenes/group.tsx";

export function App(scene: Scene): JSX.Element {
  return (<>
    <style dangerouslySetInnerHTML={{ __html: variables() }} />
    <main>
      <Title {...scene} />
      <Baseline {...scene} />
      <Sigma {...scene} />
      <Quantile {...scene} />
      <Gate {...scene} />
    </main>
  </>);
}
