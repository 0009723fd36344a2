// Bundles the page, the explorers and the slides. `node build.mjs` writes ../built/ and the built/ of explorers and teaching,
// which are committed and travel in the package;
// `node build.mjs --tests` writes the unit tests to .made/, for Node's own test runner.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const made = join(here, ".made");
const explorers = join(here, "..", "..", "explorers", "built");
const teaching = join(here, "..", "..", "teaching", "built");
const common = { bundle: true, target: "es2022", logLevel: "warning", absWorkingDir: here, jsx: "automatic", jsxImportSource: "preact", loader: { ".css": "text" } };

async function forNode(names, folder) {
  await build({ ...common, entryPoints: names, outdir: folder, outExtension: { ".js": ".cjs" }, platform: "node", format: "cjs" });
}

rmSync(made, { recursive: true, force: true });
mkdirSync(made);
if (process.argv.includes("--tests")) {
  const tests = readdirSync(join(here, "test")).filter((name) => /\.test\.tsx?$/.test(name));
  await forNode(tests.map((name) => `test/${name}`), ".made");
} else {
  const built = join(here, "..", "built");
  mkdirSync(built, { recursive: true });
  await build({ ...common, entryPoints: ["src/main.tsx"], outfile: join(built, "page.js"), minify: true, format: "iife", charset: "utf8", legalComments: "none" });
  // Explorers, questions, derivations and scenes of the lessons: in a notebook as modules, in written lessons as one script.
  const explorer = { ...common, minify: true, charset: "utf8", legalComments: "none" };
  await build({ ...explorer, entryPoints: { view: "src/explorer/widget.ts", quiz: "src/explorer/question.ts", derivation: "src/explorer/derivation.ts", scene: "src/explorer/scene.ts" }, outdir: explorers, format: "esm" });
  await build({ ...explorer, entryPoints: { lesson: "src/explorer/lesson.ts", python: "src/live/worker.ts", service: "src/live/service.ts" }, outdir: explorers, format: "iife" });
  await build({ ...explorer, entryPoints: { slides: "src/slides/slides.ts" }, outdir: teaching, format: "iife", legalComments: "inline" });
  // The same pictures without a browser: what the page shows where JavaScript does not run.
  await forNode(["src/still.tsx", "src/answers.ts"], ".made");
  const { still } = createRequire(import.meta.url)("./.made/still.cjs");
  for (const place of ["alone", "site"]) writeFileSync(join(built, `still-${place}.html`), still(place === "site"));
}
