// The simulator's worker: keeps one snapshot open and answers questions about it, one after the other.
import init, { isEncrypted, panicForTest, Snapshot, SnapshotReader } from "pathglass-wasm";
import { EngineError, errorInfo, type Answer, type Calls, type Question } from "./protocol.js";
import { openSource, type Bytes } from "./source.js";

declare module "pathglass-wasm" {
  /** Panics. The module exports it without a type, since it is there for tests only. */
  export function panicForTest(): never;
}

type Handle = { whole: Snapshot } | { reader: SnapshotReader; bytes: Bytes };

const ready = init();
let open: Handle | undefined;

/** Asks until the reader has all the bytes that the answer needs. */
async function ask<T>(question: (handle: Snapshot | SnapshotReader) => T | undefined): Promise<T> {
  if (!open) throw new EngineError({ kind: "snapshot", message: "no snapshot is open" });
  if ("whole" in open) return question(open.whole)!;
  const { reader, bytes } = open;
  for (;;) {
    const answer = question(reader);
    if (answer !== undefined) return answer;
    const parts = reader.needs().map(async ({ start, end }) => ({ start, data: await bytes.read(start, end) }));
    for (const { start, data } of await Promise.all(parts)) reader.supply(start, data);
  }
}

const handlers: { [K in keyof Calls]: (argument: Calls[K]["argument"]) => Promise<Calls[K]["answer"]> } = {
  async open({ source, options }) {
    if (open) ("whole" in open ? open.whole : open.reader).free();
    open = undefined;
    const bytes = await openSource(source);
    // An encrypted file has no parts that could be read by themselves.
    open = isEncrypted(await bytes.read(0, Math.min(64, bytes.length)))
      ? { whole: Snapshot.open(await bytes.read(0, bytes.length), options) }
      : { reader: SnapshotReader.open(bytes.length, options), bytes };
    return ask((handle) => handle.info());
  },
  objects: () => ask((handle) => handle.objects()),
  ports: (object) => ask((handle) => handle.ports(object)),
  diagnose: (request) => ask((handle) => handle.diagnose(request)),
  async panicForTest() {
    return panicForTest();
  },
};

async function answer({ id, call, argument }: Question): Promise<Answer> {
  try {
    await ready;
    const handler = handlers[call] as (argument: unknown) => Promise<unknown>;
    return { id, value: await handler(argument) };
  } catch (thrown) {
    return { id, error: errorInfo(thrown) };
  }
}

// TypeScript's DOM library knows this scope as a Window only.
const scope = self as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<Question>) => void): void;
  postMessage(answer: Answer): void;
};
let last: Promise<void> = Promise.resolve();
scope.addEventListener("message", ({ data }) => {
  last = last.then(async () => scope.postMessage(await answer(data)));
});
