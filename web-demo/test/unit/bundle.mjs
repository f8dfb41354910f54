// Bundles a TypeScript module of the page for a test under Node.js.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

export async function importTs(path) {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(path, import.meta.url))],
    bundle: true,
    write: false,
    format: "esm",
    loader: { ".css": "text" },
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
