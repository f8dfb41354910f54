// What the page and its worker say to each other.
import type { ErrorInfo, FlowRequest, Objects, OpenOptions, Port, SnapshotInfo, Verdict } from "pathglass-wasm";

/** Where a snapshot's bytes come from. */
export type SnapshotSource = { blob: Blob } | { url: string };

/** Every question, with its argument and its answer. */
export interface Calls {
  open: { argument: { source: SnapshotSource; options: OpenOptions }; answer: SnapshotInfo };
  objects: { argument: null; answer: Objects };
  ports: { argument: string; answer: Port[] };
  diagnose: { argument: FlowRequest; answer: Verdict };
  /** Lets a test see what a panic does to the page. */
  panicForTest: { argument: null; answer: never };
}

export type Question = { [K in keyof Calls]: { id: number; call: K; argument: Calls[K]["argument"] } }[keyof Calls];

export type Answer = { id: number; value: unknown } | { id: number; error: ErrorInfo };

/** An answer that is an error, as the page's code meets it. */
export class EngineError extends Error {
  readonly kind: ErrorInfo["kind"];
  readonly field: string | undefined;

  constructor({ kind, field, message }: ErrorInfo) {
    super(message);
    this.name = "EngineError";
    this.kind = kind;
    this.field = field;
  }
}

/** Anything thrown, as what a page can show. What has no kind is a fault of ours: a trap, a stack overflow. */
export function errorInfo(thrown: unknown): ErrorInfo {
  if (thrown instanceof Error) {
    const { kind, field } = thrown as Partial<ErrorInfo>;
    if (kind === "flow" || kind === "snapshot" || kind === "internal") {
      return { kind, message: thrown.message, ...(field === undefined ? {} : { field }) };
    }
    return { kind: "internal", message: `${thrown.name}: ${thrown.message}` };
  }
  return { kind: "internal", message: String(thrown) };
}
