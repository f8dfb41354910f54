// What typing finds.
import assert from "node:assert/strict";
import test from "node:test";
import { importTs } from "./bundle.mjs";

const { match } = await importTs("../../src/view/combobox.ts");
const choice = (kind, name, address) => ({ kind, id: `${kind}:${name}`, label: name, detail: address, text: `${name} ${address} ${kind}:${name}`.toLowerCase() });
const choices = [choice("pod", "shop/web-1", "10.244.1.7"), choice("pod", "webhooks/sender", "10.244.1.8"), choice("service", "shop/web", "10.96.0.20"), choice("node", "Node-1", "10.99.0.11")];
const found = (typed) => match(choices, typed).best.map(({ id }) => id);

test("a name, an address and an id are all found", () => {
  assert.deepEqual(found("10.96.0.20"), ["service:shop/web"]);
  assert.deepEqual(found("pod:shop/web-1"), ["pod:shop/web-1"]);
  assert.deepEqual(found("node-1"), ["node:Node-1"]);
});

test("an exact id comes before ids that begin with it", () => {
  assert.equal(found("service:shop/web")[0], "service:shop/web");
});

test("every word must occur, in any order", () => {
  assert.deepEqual(found("web service"), ["service:shop/web"]);
  assert.deepEqual(found("web nothing"), []);
});

test("nothing typed offers everything", () => {
  assert.equal(found("").length, choices.length);
});

test("of very many only the best are shown, and all are counted", () => {
  const many = Array.from({ length: 5000 }, (_, at) => choice("pod", `load/web-${at}`, "10.0.0.1"));
  const { best, total } = match(many, "web-4999");
  assert.deepEqual([best.length, total, best[0].label], [1, 1, "load/web-4999"]);
  assert.equal(match(many, "web").total, 5000);
  assert.ok(match(many, "web").best.length <= 60);
});
