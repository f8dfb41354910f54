// Where the boxes stand, and which hop is marked.
import assert from "node:assert/strict";
import test from "node:test";
import { importTs } from "./bundle.mjs";

const { layout } = await importTs("../../src/view/layout.ts");
const { fit, wrap } = await importTs("../../src/view/picture.ts");
const verdicts = await importTs("../fixtures/verdicts.ts");

const hop = (namespace, status = "normal", more = {}) => ({ namespace, object: namespace, steps: [{ text: `in ${namespace}`, status, evidence: [] }], ...more });
const branch = (forward, reply, outcome = "connected") => ({ outcome, hops: forward, reply: { hops: reply } });
const names = (plan) => plan.columns.map(({ namespace, forward, reply }) => `${namespace}${forward ? ">" : ""}${reply ? "<" : ""}`).join(" ");

test("a reply that comes back the same way shares the boxes", () => {
  const plan = layout(branch(["a", "b", "c"].map((n) => hop(n)), ["c", "b", "a"].map((n) => hop(n))), "");
  assert.equal(names(plan), "a>< b>< c><");
});

test("a reply that goes another way has boxes of its own between", () => {
  const plan = layout(branch(["a", "b", "d"].map((n) => hop(n)), ["d", "x", "a"].map((n) => hop(n))), "");
  assert.match(names(plan), /^a>< (b> x<|x< b>) d><$/);
});

test("a namespace that is passed twice has two boxes", () => {
  const plan = layout(branch(["a", "host", "a"].map((n) => hop(n)), []), "");
  assert.equal(names(plan), "a> host> a>");
});

test("the blocked hop is marked, with its reason, and shown first", () => {
  const { focus } = layout(branch([hop("a"), hop("b", "blocked"), hop("c", "blocked", { as_if_passed: true })], [], "timeout"), "");
  assert.deepEqual([focus.hop.namespace, focus.mark, focus.reason], ["b", "blocked", "in b"]);
});

test("a blocked reply is marked in the reply's lane", () => {
  const { focus } = layout(branch([hop("a"), hop("b")], [hop("b"), hop("a", "blocked")], "timeout"), "");
  assert.deepEqual([focus.lane, focus.index], ["reply", 1]);
});

test("a failing branch without a blocked step is marked where it was last truly seen", () => {
  const { focus } = layout(branch([hop("a"), hop("b"), hop("c", "normal", { as_if_passed: true })], [], "timeout"), "");
  assert.deepEqual([focus.hop.namespace, focus.mark], ["b", "blocked"]);
});

test("nothing is marked where all connects", () => {
  const { focus, columns } = layout(verdicts.connected.branches[0], "");
  assert.equal(focus.index, 0);
  assert.ok(columns.every(({ forward, reply }) => [forward, reply].every((cell) => !cell || cell.mark === "none")));
});

test("neighbouring namespaces of one node are one machine", () => {
  const { machines } = layout(verdicts.connected.branches[0], "");
  assert.deepEqual(machines, [{ name: "node-1", first: 0, last: 1 }, { name: "switch", first: 2, last: 2 }, { name: "node-2", first: 3, last: 4 }]);
});

test("a long name keeps both its ends", () => {
  assert.equal(fit("default/web-7d9f8b6c5-x2x4z", 10), "defau…2x4z");
  assert.equal(fit("web", 10), "web");
});

test("long reasons wrap, and end in an ellipsis where there is no more room", () => {
  assert.deepEqual(wrap("one two three", 7, 3), ["one two", "three"]);
  assert.deepEqual(wrap("a bb ccc dddd eeeee", 5, 2), ["a bb", "ccc…"]);
  assert.deepEqual(wrap("x".repeat(12), 5, 3), ["xxxxx", "xxxxx", "xx"]);
});
