// Runs Python beside the page: loads Pyodide, each file checked by its hash and kept for the next visit, and hands the
// page's messages to the package.

import { CACHE, type FromWorker, type Pinned, type Progress, type Setup, type ToWorker } from "./setup.ts";

interface Pyodide {
  loadPackage: (names: string[], options: object) => Promise<unknown>;
  unpackArchive: (content: ArrayBuffer, format: "wheel") => void;
  pyimport: (name: string) => Messages;
  loadedPackages: Record<string, string>;
  makeMemorySnapshot: () => Uint8Array;
  FS: { mkdirTree: (path: string) => void; writeFile: (path: string, bytes: Uint8Array) => void };
}
interface Messages {
  load_when_imported: (names: string[]) => void;
  answer: (message: string) => { toJs: () => [string, Uint8Array]; destroy: () => void };
}
/** What of a worker's global scope is used: the types of pages know nothing of it. */
interface Scope {
  fetch: typeof fetch;
  importScripts: (address: string) => void;
  loadPyodide: (options: object) => Promise<Pyodide>;
  postMessage: (message: FromWorker, transfer?: Transferable[]) => void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  location: Location;
}
const scope = globalThis as unknown as Scope;
const here = new URL(".", scope.location.href);
const native = scope.fetch.bind(scope);

const QUIET = { messageCallback: () => undefined };

let loaded = 0;
let total = 0;
const say = (progress: Progress): void => { scope.postMessage({ kind: "progress", progress }); };
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** A file from the last visit, or from the network if it is the one that is meant. */
async function pinned(address: string, { integrity, bytes }: Pinned): Promise<Response> {
  const kept = await caches.open(CACHE).catch(() => null); // some browsers keep nothing in private windows
  const name = `${address}?${integrity}`; // another version is another entry
  let found = await kept?.match(name, { ignoreVary: true });
  if (!found) {
    found = await native(address, { integrity });
    if (!found.ok) throw new Error(`${address} answered ${found.status}`);
    await kept?.put(name, found.clone()).catch(() => undefined); // there may be no room
  }
  loaded += bytes;
  if (total) say({ text: `Python is being loaded: ${megabytes(loaded)} of ${megabytes(total)} MB`, share: loaded / total });
  return found;
}

const blob = async (response: Response): Promise<string> => URL.createObjectURL(await response.blob());

async function start(): Promise<Pyodide> {
  const setup = await (await native(new URL("setup.json", here))).json() as Setup;
  const pyodideAt = new URL(setup.pyodide, here);
  const known = new Map<string, Pinned>([
    ...setup.files.map((file): [string, Pinned] => [new URL(file.name, pyodideAt).href, file]),
    ...[setup.lock, ...setup.wheels].map((file): [string, Pinned] => [new URL(file.name, here).href, file]),
  ]);
  total = [...known.values()].reduce((sum, file) => sum + file.bytes, 0);
  say({ text: "Python is being loaded", share: 0 });
  // All at once, and before Pyodide asks for them: it does not say when one is refused.
  const ready = new Map(await Promise.all([...known].filter(([, { bytes }]) => bytes > 0)
    .map(async ([address, file]): Promise<[string, Response]> => [address, await pinned(address, file)])));
  scope.fetch = (input, init) => {
    const address = new URL(input instanceof Request ? input.url : input, here).href;
    const file = known.get(address);
    const found = ready.get(address);
    ready.delete(address);
    return found ? Promise.resolve(found) : file ? pinned(address, file) : native(input, init);
  };
  const get = (name: string): Promise<Response> => scope.fetch(new URL(name, pyodideAt));
  const wheels = [...Object.values(setup.packages).map((name) => get(name)), ...setup.wheels.map(({ name }) => scope.fetch(new URL(name, here)))]
    .map(async (found) => (await found).arrayBuffer());
  for (const script of await Promise.all(["pyodide.js", "pyodide.asm.js"].map(async (name) => blob(await get(name))))) scope.importScripts(script);
  const pyodide = await started({ indexURL: pyodideAt.href, lockFileURL: new URL(setup.lock.name, here).href }, known);
  for (const wheel of wheels) pyodide.unpackArchive(await wheel, "wheel");
  // Pyodide would load every compiled module of these; the half that is imported takes half the time.
  for (const name of Object.keys(setup.packages)) pyodide.loadedPackages[name] = "default channel";
  total = 0;
  say({ text: "Python is being started", share: 1 });
  const messages = pyodide.pyimport("qae_sim.explorers.messages");
  messages.load_when_imported(setup.onDemand);
  void forget(known);
  return pyodide;
}

/**
 * Python, started, or brought back as it was when it had been started at the first visit: that is two seconds less.
 * Pyodide's versions are pinned, and so are these options, which it has for its makers' own use.
 */
async function started(options: object, known: Map<string, Pinned>): Promise<Pyodide> {
  const kept = await caches.open(CACHE).catch(() => null);
  const place = new URL("started", here).href;
  const of = [...known.values()].find(({ name }) => name === "pyodide.asm.wasm")!;
  known.set(place, of);
  const name = `${place}?${of.integrity}`;
  const before = await kept?.match(name);
  if (before) {
    try {
      return await scope.loadPyodide({ ...options, _loadSnapshot: before.arrayBuffer() });
    } catch {
      await kept!.delete(name); // it starts like at a first visit
    }
  }
  const pyodide = await scope.loadPyodide({ ...options, _makeSnapshot: kept !== null });
  await kept?.put(name, new Response(pyodide.makeMemorySnapshot() as Uint8Array<ArrayBuffer>)).catch(() => undefined);
  return pyodide;
}

/** What earlier versions of the site have kept. */
async function forget(known: ReadonlyMap<string, Pinned>): Promise<void> {
  const kept = await caches.open(CACHE);
  for (const request of await kept.keys()) {
    const [address, integrity] = request.url.split("?sha256-");
    if (integrity && known.get(address!)?.integrity !== `sha256-${integrity}`) await kept.delete(request);
  }
}

let running: Promise<Pyodide> | undefined;

async function answer({ id, message, files }: ToWorker): Promise<void> {
  running ??= start();
  const pyodide = await running;
  for (const { path, bytes } of files ?? []) {
    pyodide.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
    pyodide.FS.writeFile(path, bytes);
  }
  const messages = pyodide.pyimport("qae_sim.explorers.messages");
  for (;;) {
    const pair = messages.answer(JSON.stringify(message));
    const [told, data] = pair.toJs();
    pair.destroy();
    const needs = told.startsWith('{"needs"') ? (JSON.parse(told) as { needs: string }).needs : null;
    if (needs === null) {
      say({ text: "", share: null });
      scope.postMessage({ kind: "answer", id, told, data }, [data.buffer as ArrayBuffer]);
      return;
    }
    say({ text: `Python is loading ${needs}`, share: null });
    await pyodide.loadPackage([needs], QUIET);
  }
}

/** One message at a time, in order: an answer may have to wait for a package. */
let last = Promise.resolve();
scope.onmessage = ({ data }) => {
  last = last.then(() => answer(data)).catch((error: unknown) => {
    say({ text: "", share: null });
    scope.postMessage({ kind: "failed", id: data.id, why: error instanceof Error ? error.message : String(error) });
  });
};
