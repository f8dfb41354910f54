// Bundles the page into dist/: three scripts, one stylesheet, the Wasm module, nothing from elsewhere.
//   node build.mjs            builds dist/
//   node build.mjs --serve    builds and serves it on loopback, rebuilding on change (for work on the page)
//   node build.mjs --mock     with a worker that answers from a recorded verdict (for work on the view)
import { context, build } from "esbuild";
import { cp, mkdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [serve, mock] = ["--serve", "--mock"].map((flag) => process.argv.includes(flag));
const outdir = here(mock ? "./dist-mock" : "./dist");

const options = {
  entryPoints: {
    "demo": here("./src/demo.ts"),
    "pathglass-view": here("./src/pathglass-view.ts"),
    "pathglass-worker": here(mock ? "./test/mock-worker.ts" : "./src/worker.ts"),
  },
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: "chunk-[hash]",
  format: "esm",
  target: "es2022",
  minify: !serve,
  sourcemap: serve ? "inline" : false,
  legalComments: "none",
  loader: { ".css": "text" },
  logLevel: "warning",
};

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
for (const file of ["index.html", "page.css", "icon.svg"]) await cp(here(`./${file}`), `${outdir}/${file}`);
if (!mock) {
  // wasm-bindgen's loader looks for the module beside the script that it is bundled into.
  const wasm = "pathglass_wasm_bg.wasm";
  await cp(here(`./node_modules/pathglass-wasm/${wasm}`), `${outdir}/${wasm}`);
}
if (serve) {
  const bundler = await context(options);
  await bundler.watch();
  const { hosts, port } = await bundler.serve({ servedir: outdir, host: "127.0.0.1" });
  console.log(`http://${hosts?.[0] ?? "127.0.0.1"}:${port}/`);
} else {
  await build(options);
}
