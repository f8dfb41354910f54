// The Wasm half of `pathglass-bench`: the same questions in the same order, timed in the same way.
//   node tests/node/bench.mjs <folder of .pathglass and .jsonl> <seconds>
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { load } from "../../sim-wasm/test/module.mjs";

const [folder, seconds] = process.argv.slice(2);
const { Snapshot } = await load();

const cases = [];
for (const name of (await readdir(folder)).filter((name) => name.endsWith(".jsonl")).sort()) {
  const lines = (await readFile(join(folder, name), "utf8")).split("\n").filter(Boolean);
  const requests = lines.map((line) => JSON.parse(line)).filter(({ error }) => error === undefined).map(({ request }) => request);
  const bytes = await readFile(join(folder, `${basename(name, ".jsonl")}.pathglass`));
  if (requests.length > 0) cases.push({ bytes, requests });
}

// The browser compiles the module once: what is timed is the engine, not the compiler.
Snapshot.open(cases[0].bytes).diagnoseJson(cases[0].requests[0]);
let start = performance.now();
for (const one of cases) {
  one.snapshot = Snapshot.open(one.bytes);
  one.snapshot.diagnoseJson(one.requests[0]);
}
const cold = cases.length / ((performance.now() - start) / 1000);

for (const { snapshot, requests } of cases) for (const request of requests) snapshot.diagnoseJson(request);
start = performance.now();
let diagnoses = 0;
const limit = Number(seconds) * 1000;
measure: for (;;) {
  for (const { snapshot, requests } of cases) {
    for (const request of requests) {
      snapshot.diagnoseJson(request);
      diagnoses++;
      if (performance.now() - start >= limit) break measure;
    }
  }
}
const warm = diagnoses / ((performance.now() - start) / 1000);
console.log(JSON.stringify({ warm, cold, diagnoses }));
