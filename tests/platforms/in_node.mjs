// Runs cases.py in Pyodide. Arguments: folder of Pyodide, folder with the package's wheels and our files, packages.
import { readdirSync, readFileSync } from "node:fs";

const [pyodideFolder, folder, ...packages] = process.argv.slice(2);
const { loadPyodide } = await import(`${pyodideFolder}/pyodide.mjs`);
try {
  const pyodide = await loadPyodide({ indexURL: pyodideFolder });
  await pyodide.loadPackage(packages, { messageCallback: () => {} });
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".whl"))) {
    pyodide.unpackArchive(new Uint8Array(readFileSync(`${folder}/${name}`)), "wheel");
  }
  pyodide.FS.mkdirTree("/cases");
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: folder }, "/cases");
  await pyodide.runPythonAsync(`
import runpy, sys
sys.path.insert(0, "/cases")
sys.stdin = open("/cases/names.json")
sys.argv = ["cases.py", "/cases/result"]
runpy.run_path("/cases/cases.py", run_name="__main__")
`);
} catch (error) {
  console.error(error.message); // Node would print the line of source it came from, which is a million letters long
  process.exitCode = 1;
}
