// The service worker: pages and scripts that were seen once are there without a network. With one, the network's count.

import { CACHE } from "./setup.ts";

interface FetchEvent extends Event { request: Request; respondWith: (answer: Promise<Response>) => void }
interface ExtendableEvent extends Event { waitUntil: (promise: Promise<unknown>) => void }
interface Scope {
  addEventListener: ((type: "fetch", listener: (event: FetchEvent) => void) => void) & ((type: "install" | "activate", listener: (event: ExtendableEvent) => void) => void);
  skipWaiting: () => Promise<void>;
  clients: { claim: () => Promise<void> };
  location: Location;
  registration: { scope: string };
}
const scope = globalThis as unknown as Scope;

scope.addEventListener("install", (event) => { event.waitUntil(scope.skipWaiting()); });
scope.addEventListener("activate", (event) => { event.waitUntil(scope.clients.claim()); });

async function fresh(request: Request): Promise<Response> {
  const kept = await caches.open(CACHE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (error) {
    const before = await kept.match(request, { ignoreSearch: true, ignoreVary: true });
    if (before) return before;
    throw error;
  }
}

scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const inside = request.url.startsWith(scope.registration.scope) ? request.url.slice(scope.registration.scope.length) : null;
  // Wheels and Pyodide are kept by the worker that runs Python, JupyterLite keeps itself.
  if (request.method !== "GET" || inside === null || /^(lite|pyodide)\/|\.whl$|pyodide-lock\.json$/.test(inside)) return;
  event.respondWith(fresh(request));
});
