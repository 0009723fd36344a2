// The page without a browser: what it shows before its script runs, and where it does not.

import { renderToString } from "preact-render-to-string";
import { App } from "./app.tsx";
import { FIRST } from "./state.ts";

export const still = (site: boolean): string => renderToString(<App state={FIRST} set={() => undefined} site={site} />);
