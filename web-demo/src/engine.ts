// The page's end of the worker: calls as promises, and a fresh worker after an internal error.
import type { FlowRequest, Objects, OpenOptions, Port, SnapshotInfo, Verdict } from "pathglass-wasm";
import { EngineError, type Answer, type Calls, type SnapshotSource } from "./protocol.js";

interface Pending {
  resolve(value: unknown): void;
  reject(error: EngineError): void;
}

/** The simulator, in its worker. A panic or trap there ends that worker, never the page. */
export class Engine {
  #worker: Worker | undefined;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #opened: Calls["open"]["argument"] | undefined;
  readonly #workerUrl: URL;

  constructor(workerUrl: URL) {
    this.#workerUrl = workerUrl;
  }

  async open(source: SnapshotSource, options: OpenOptions): Promise<SnapshotInfo> {
    this.#opened = undefined;
    const info = await this.#send("open", { source, options });
    this.#opened = { source, options };
    return info;
  }

  objects(): Promise<Objects> {
    return this.#call("objects", null);
  }

  ports(object: string): Promise<Port[]> {
    return this.#call("ports", object);
  }

  diagnose(request: FlowRequest): Promise<Verdict> {
    return this.#call("diagnose", request);
  }

  panicForTest(): Promise<never> {
    return this.#call("panicForTest", null);
  }

  /** Ends whatever runs. The next call starts a new worker and opens the same snapshot there. */
  stop(reason: string): void {
    this.#worker?.terminate();
    this.#worker = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(new EngineError({ kind: "internal", message: reason }));
  }

  async #call<K extends keyof Calls>(call: K, argument: Calls[K]["argument"]): Promise<Calls[K]["answer"]> {
    if (!this.#worker && this.#opened) await this.#send("open", this.#opened);
    return this.#send(call, argument);
  }

  #send<K extends keyof Calls>(call: K, argument: Calls[K]["argument"]): Promise<Calls[K]["answer"]> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      worker.postMessage({ id, call, argument });
    });
  }

  #start(): Worker {
    const worker = new Worker(this.#workerUrl, { type: "module", name: "pathglass" });
    worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const pending = this.#pending.get(data.id);
      this.#pending.delete(data.id);
      if ("value" in data) return pending?.resolve(data.value);
      pending?.reject(new EngineError(data.error));
      if (data.error.kind === "internal") this.stop(data.error.message);
    });
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.stop(event.message || "the simulator could not be loaded");
    });
    return worker;
  }
}
