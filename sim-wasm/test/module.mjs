// Loads the shipped module (wasm-pack's `web` target, optimised) in Node.js.
import { readFile } from "node:fs/promises";
import { pathToFileURL, fileURLToPath } from "node:url";
import { resolve } from "node:path";

const PKG = fileURLToPath(new URL("../pkg", import.meta.url));

/** The module in `folder`; `fresh` loads another instance, e.g. after a panic. */
export async function load(folder = PKG, fresh = "") {
  const module = await import(`${pathToFileURL(resolve(folder, "pathglass_wasm.js"))}${fresh && `?${fresh}`}`);
  module.initSync({ module: await readFile(resolve(folder, "pathglass_wasm_bg.wasm")) });
  return module;
}
