// Native and Wasm give the same bytes: asks the module what the native engine was asked, and compares.
//
//   node sim-wasm/test/parity.mjs <folder> [--pkg <pkg>] [--dump]
//   node sim-wasm/test/parity.mjs <folder> --bench <seconds>
//
// <folder> holds `<case>.pathglass` (a sealed snapshot) and `<case>.jsonl`, a line a flow:
// `{"id", "request", "sha256", "json"}`, or `{"id", "request", "error"}` where the question is refused.
// Each flow is asked twice: of the whole snapshot, and of one that is supplied in ranges.
// --dump prints each verdict; --bench prints `{"flows", "diagnoses", "seconds", "perSecond"}` instead of comparing.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { load } from "./module.mjs";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { pkg: { type: "string" }, dump: { type: "boolean" }, bench: { type: "string" } },
});
const [folder] = positionals;
if (!folder) throw new Error("name the folder of questions: see the head of parity.mjs");
const { Snapshot, SnapshotReader } = await load(values.pkg);

const cases = (await readdir(folder)).filter((name) => name.endsWith(".jsonl")).sort();
if (cases.length === 0) throw new Error(`\`${folder}\` has no .jsonl file`);

async function read(name) {
  const lines = (await readFile(join(folder, name), "utf8")).split("\n").filter(Boolean);
  const bytes = await readFile(join(folder, `${basename(name, ".jsonl")}.pathglass`));
  return { bytes, questions: lines.map((line) => JSON.parse(line)) };
}

/** What the module says: the verdict's JSON, or the message of its refusal. */
function answer(ask) {
  try {
    return { json: ask() };
  } catch (error) {
    if (error.kind !== "flow" && error.kind !== "snapshot") throw error;
    return { error: error.message };
  }
}

/** Asks a reader, supplying what it needs from `bytes`. */
function supplied(reader, bytes, request) {
  for (;;) {
    const json = reader.diagnoseJson(request);
    if (json !== undefined) return json;
    for (const { start, end } of reader.needs()) reader.supply(start, bytes.subarray(start, end));
  }
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const short = (text) => (text.length > 4000 ? `${text.slice(0, 4000)}…` : text);

async function compare() {
  let [passed, failed] = [0, 0];
  for (const name of cases) {
    const { bytes, questions } = await read(name);
    const snapshot = Snapshot.open(bytes);
    const reader = SnapshotReader.open(bytes.length);
    for (const { id, request, sha256: wanted, json, error } of questions) {
      const ways = {
        whole: answer(() => snapshot.diagnoseJson(request)),
        "in ranges": answer(() => supplied(reader, bytes, request)),
      };
      if (values.dump) console.log(ways.whole.json ?? ways.whole.error);
      for (const [way, got] of Object.entries(ways)) {
        const same = got.json === undefined ? got.error === error : sha256(got.json) === wanted;
        if (same) passed++;
        else {
          failed++;
          console.error(`${basename(name, ".jsonl")} ${id} (${way})\n  native: ${short(json ?? `refused: ${error}`)}\n  Wasm:   ${short(got.json ?? `refused: ${got.error}`)}`);
        }
      }
    }
    snapshot.free();
    reader.free();
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

/** Diagnoses every flow over and over, snapshots opened before; parses are kept, as in a page. */
async function bench(seconds) {
  const asks = [];
  for (const name of cases) {
    const { bytes, questions } = await read(name);
    const snapshot = Snapshot.open(bytes);
    for (const { request, error } of questions) {
      if (error === undefined) asks.push(() => snapshot.diagnoseJson(request));
    }
  }
  for (const ask of asks) ask();
  const start = performance.now();
  let diagnoses = 0;
  while (performance.now() - start < seconds * 1000) asks[diagnoses++ % asks.length]();
  const spent = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ flows: asks.length, diagnoses, seconds: spent, perSecond: diagnoses / spent }));
}

await (values.bench === undefined ? compare() : bench(Number(values.bench)));
