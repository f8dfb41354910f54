// The Wasm half of the large clusters: the same questions in the same order, timed in the same way.
//   node tests/node/large.mjs <folder with cluster.pathglass and flows.json> <warm-up questions>
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { load } from "../../sim-wasm/test/module.mjs";

const [folder, warmUp] = process.argv.slice(2);
const { Snapshot } = await load();
const bytes = await readFile(join(folder, "cluster.pathglass"));
const flows = JSON.parse(await readFile(join(folder, "flows.json"), "utf8"));

const timed = (work) => {
  const start = performance.now();
  work();
  return (performance.now() - start) * 1000;
};
let snapshot;
const open = timed(() => (snapshot = Snapshot.open(bytes)));
const first = timed(() => snapshot.diagnoseJson(flows[0]));
for (const flow of flows.slice(0, Number(warmUp))) snapshot.diagnoseJson(flow);
const times = flows.slice(1).map((flow) => timed(() => snapshot.diagnoseJson(flow))).sort((a, b) => a - b);
console.log(JSON.stringify({ open, first, further: times[Math.floor(times.length / 2)] }));
