import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig(
  { ignores: [".made/"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [typescript.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // Places are computed; tsc's noUncheckedIndexedAccess has them all said.
      "@typescript-eslint/no-non-null-assertion": "off",
      // node:test's functions return promises that nobody waits for.
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [{ from: "package", name: ["test", "describe", "it"], package: "node:test" }] }],
    },
  },
  { files: ["build.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly" } } },
);
