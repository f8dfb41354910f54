// The simulator's worker: keeps one snapshot open and answers questions about it, one after the other.
import init, { panicForTest, SnapshotReader } from "pathglass-wasm";
import { EngineError, errorInfo, type Answer, type Calls, type Question } from "./protocol.js";
import { openSource, type Bytes } from "./source.js";

const ready = init();
let reader: SnapshotReader | undefined;
let bytes: Bytes | undefined;

/** Asks until the reader has all the bytes that the answer needs. */
async function ask<T>(question: (reader: SnapshotReader) => T | undefined): Promise<T> {
  if (!reader || !bytes) throw new EngineError({ kind: "snapshot", message: "no snapshot is open" });
  for (;;) {
    const answer = question(reader);
    if (answer !== undefined) return answer;
    const source = bytes;
    const parts = await Promise.all(
      reader.needs().map(async ({ start, end }) => ({ start, data: await source.read(start, end) })),
    );
    for (const { start, data } of parts) reader.supply(start, data);
  }
}

const handlers: { [K in keyof Calls]: (argument: Calls[K]["argument"]) => Promise<Calls[K]["answer"]> } = {
  async open({ source, options }) {
    reader?.free();
    reader = undefined;
    bytes = await openSource(source);
    reader = SnapshotReader.open(bytes.length, options);
    return ask((reader) => reader.info());
  },
  objects: () => ask((reader) => reader.objects()),
  ports: (object) => ask((reader) => reader.ports(object)),
  diagnose: (request) => ask((reader) => reader.diagnose(request)),
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

let last: Promise<void> = Promise.resolve();
self.addEventListener("message", ({ data }: MessageEvent<Question>) => {
  last = last.then(async () => self.postMessage(await answer(data)));
});
