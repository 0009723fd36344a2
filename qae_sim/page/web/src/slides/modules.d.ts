declare module "reveal.js/plugin/notes/notes.esm.js" {
  import type { PluginDefinition } from "reveal.js";
  const Notes: () => PluginDefinition;
  export default Notes;
}
