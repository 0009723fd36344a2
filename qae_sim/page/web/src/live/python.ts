// The page's side of Python: one worker for all that a page asks, started when something is first asked.

import { CACHE, type FromWorker, type Progress, type ToWorker } from "./setup.ts";

export interface Answer<T> { told: T; data: DataView }
interface Waiting { resolve: (answer: Answer<unknown>) => void; reject: (error: Error) => void }

/** How long pages wait for the service worker, which visits without a network need, before Python starts without it. */
const PATIENCE = 2000;

export class Python {
  private worker: Worker | null = null;
  private count = 0;
  private readonly waiting = new Map<number, Waiting>();
  private readonly listeners = new Set<(progress: Progress) => void>();

  /** The address of the folder `live` of the site. */
  constructor(private readonly base: URL) {}

  /** Asks Python for something; the promise is rejected if Python cannot be loaded, or is stopped. */
  async ask<T>(message: Record<string, unknown>, files: ToWorker["files"] = []): Promise<Answer<T>> {
    await this.keepPages();
    this.worker ??= this.start();
    this.count += 1;
    const id = this.count;
    const answer = new Promise<Answer<unknown>>((resolve, reject) => { this.waiting.set(id, { resolve, reject }); });
    this.worker.postMessage({ id, message, files } satisfies ToWorker, files.map(({ bytes }) => bytes.buffer as ArrayBuffer));
    return answer as Promise<Answer<T>>;
  }

  onProgress(listener: (progress: Progress) => void): void {
    this.listeners.add(listener);
  }

  /** Ends what Python is doing; it starts anew when something is asked. */
  stop(why = "Stopped."): void {
    this.worker?.terminate();
    this.worker = null;
    this.tell({ text: "", share: null });
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    waiting.forEach(({ reject }) => { reject(new Error(why)); });
  }

  private tell(progress: Progress): void {
    this.listeners.forEach((listener) => { listener(progress); });
  }

  private start(): Worker {
    const worker = new Worker(new URL("python.js", this.base));
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "progress") {
        this.tell(data.progress);
        return;
      }
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.kind === "answer") waiting?.resolve({ told: JSON.parse(data.told) as unknown, data: new DataView(data.data.buffer, data.data.byteOffset, data.data.byteLength) });
      else {
        waiting?.reject(new Error(data.why));
        this.stop(data.why); // it may be half loaded
      }
    };
    worker.onerror = (event) => {
      event.preventDefault();
      this.stop(event.message || "the script that runs Python cannot be loaded");
    };
    return worker;
  }

  private kept: Promise<void> | undefined;

  /** Lets the service worker keep this page and what it has loaded. */
  private keepPages(): Promise<void> {
    const service = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker; // none without a secure context
    this.kept ??= service === undefined ? Promise.resolve() : Promise.race([this.register(service), new Promise<void>((done) => { setTimeout(done, PATIENCE); })]);
    return this.kept;
  }

  private async register(service: ServiceWorkerContainer): Promise<void> {
    try {
      await service.register(new URL("../service.js", this.base));
      await service.ready;
      if (!service.controller) await new Promise((done) => { service.addEventListener("controllerchange", done, { once: true }); });
      const loaded = performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.startsWith(location.origin));
      const kept = await caches.open(CACHE);
      await Promise.all([location.href.split("#")[0]!, ...loaded].map((address) => kept.add(address)));
    } catch {
      // Python runs nevertheless; there will be no visit without a network.
    }
  }
}

/** Whether this page is part of a site that has Python, and why it cannot run here if it cannot. */
export function pythonHere(): { python: Python | null; why: string } {
  const folder = document.documentElement.dataset["live"];
  if (folder === undefined) return { python: null, why: "" };
  if (!location.protocol.startsWith("http")) return { python: null, why: "Browsers run Python only in pages from a web server, and this one is a file. With Python installed: python -m http.server in the folder of the site." };
  const missing = [["Worker", "workers"], ["WebAssembly", "WebAssembly"], ["BigInt64Array", "integers of 64 bits"], ["caches" in globalThis || !isSecureContext ? "Map" : "caches", "caches"]]
    .filter(([name]) => !(name! in globalThis)).map(([, said]) => said!);
  if (missing.length) return { python: null, why: `This browser is too old to run Python (it lacks ${missing.join(", ")}): a newer one can move everything.` };
  return { python: new Python(new URL(folder, location.href)), why: "" };
}
