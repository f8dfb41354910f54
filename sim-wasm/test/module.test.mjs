// The shipped module at its boundary: types, typed errors, and what a panic leaves behind.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "node:test";
import { load } from "./module.mjs";

const thrown = (run) => {
  try {
    run();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
};

test("what is no snapshot is a typed error", async () => {
  const { Snapshot } = await load();
  for (const bytes of [new Uint8Array(), new TextEncoder().encode("PK, but no archive")]) {
    const error = thrown(() => Snapshot.open(bytes));
    assert.ok(error instanceof Error);
    assert.equal(error.name, "PathglassError");
    assert.equal(error.kind, "snapshot");
    assert.ok(error.message.length > 10, error.message);
  }
});

test("options of the wrong shape name what is wrong", async () => {
  const { Snapshot } = await load();
  for (const options of [{ trustedKey: [] }, { trustedKeys: [{ name: "ops" }] }, { trustedKeys: [{ name: "ops", key: "short" }] }, { passphrase: 7 }]) {
    const error = thrown(() => Snapshot.open(new Uint8Array(), options));
    assert.equal(error.kind, "flow");
    assert.equal(error.field, "options");
  }
});

test("a byte count that is none is refused", async () => {
  const { SnapshotReader } = await load();
  for (const length of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(thrown(() => SnapshotReader.open(length)).kind, "flow");
  }
});

test("an encrypted file is recognised by its head", async () => {
  const { isEncrypted, Snapshot } = await load();
  const head = new TextEncoder().encode("age-encryption.org/v1\n-> X25519 ");
  assert.equal(isEncrypted(head), true);
  assert.equal(isEncrypted(new TextEncoder().encode("PK\u0003\u0004")), false);
  const error = thrown(() => Snapshot.open(head));
  assert.equal(error.kind, "snapshot");
  assert.equal(error.field, "unlock");
});

test("a panic is a typed error with its message, and the module refuses to go on", async () => {
  const { panicForTest, Snapshot } = await load(undefined, "panic");
  const error = thrown(() => panicForTest());
  assert.equal(error.name, "PathglassError");
  assert.equal(error.kind, "internal");
  assert.match(error.message, /asked to panic by a test \(.*guard\.rs:\d+\)/);
  const after = thrown(() => Snapshot.open(new Uint8Array()));
  assert.equal(after.kind, "internal");
  assert.match(after.message, /load the module anew/);
  const { Snapshot: fresh } = await load(undefined, "after-panic");
  assert.equal(thrown(() => fresh.open(new Uint8Array())).kind, "snapshot");
});

test("the generated types are exact: tsc --strict accepts right uses and no wrong ones", async () => {
  const here = (path) => fileURLToPath(new URL(path, import.meta.url));
  const tsc = here("../../web-demo/node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [tsc, "-p", here("./types")]).catch((error) => assert.fail(error.stdout || error.message));
});
