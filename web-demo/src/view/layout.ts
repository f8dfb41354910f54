// Where the boxes of a path's picture stand: pure, so that it can be tested without a page.
import type { Branch, FiveTuple, Hop } from "pathglass-wasm";

export type Lane = "forward" | "reply";
export type Mark = "blocked" | "unknown" | "none";

/** One hop in one lane of the picture. */
export interface Cell {
  lane: Lane;
  /** Its index in the branch's `hops` or `reply.hops`. */
  index: number;
  hop: Hop;
  mark: Mark;
  /** Why it is marked. */
  reason: string;
}

/** One network namespace: a box with the hop of either lane, or both. */
export interface Column {
  namespace: string;
  object: string;
  forward?: Cell;
  reply?: Cell;
}

/** Neighbouring columns of one machine. */
export interface Machine {
  name: string;
  first: number;
  last: number;
}

export interface Layout {
  columns: Column[];
  machines: Machine[];
  /** The hop where things go wrong, or the first one. */
  focus: Cell | undefined;
}

/** `nodes/node-1/pods/default_web` → `node-1`; a fabric machine is itself. */
export function machineOf(namespace: string): string {
  return namespace.split("/")[1] ?? namespace;
}

export function address(packet: FiveTuple, end: "src" | "dst"): string {
  const [host, port] = end === "src" ? [packet.src, packet.sport] : [packet.dst, packet.dport];
  if (port === undefined || (end === "src" && port.includes("-"))) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function cell(lane: Lane, index: number, hop: Hop): Cell {
  const step = hop.steps.find(({ status }) => status === "blocked") ?? hop.steps.find(({ status }) => status === "unknown");
  const mark = step === undefined || step.status === "normal" ? "none" : step.status;
  return { lane, index, hop, mark, reason: step?.text ?? "" };
}

/** The longest way through both lists, so that both lanes share as many boxes as they can. */
function align(forward: Cell[], reply: Cell[]): [Cell | undefined, Cell | undefined][] {
  const same = (i: number, j: number) => forward[i]?.hop.namespace === reply[j]?.hop.namespace;
  const longest = forward.map(() => new Array<number>(reply.length + 1).fill(0));
  longest.push(new Array<number>(reply.length + 1).fill(0));
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = forward.length - 1; i >= 0; i--) {
    for (let j = reply.length - 1; j >= 0; j--) {
      const row = longest[i];
      if (row) row[j] = same(i, j) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [Cell | undefined, Cell | undefined][] = [];
  let [i, j] = [0, 0];
  while (i < forward.length || j < reply.length) {
    if (i < forward.length && j < reply.length && same(i, j)) pairs.push([forward[i++], reply[j++]]);
    else if (j >= reply.length || (i < forward.length && at(i + 1, j) >= at(i, j + 1))) pairs.push([forward[i++], undefined]);
    else pairs.push([undefined, reply[j++]]);
  }
  return pairs;
}

/** A failing branch always shows where: the engine's mark, else the last hop that was truly reached. */
function ensureMark(branch: Branch, cells: Cell[], fallback: string): void {
  if (branch.outcome === "connected" || cells.some(({ mark, hop }) => mark !== "none" && !hop.as_if_passed)) return;
  const last = cells.filter(({ hop }) => !hop.as_if_passed).at(-1);
  if (!last) return;
  last.mark = branch.outcome === "unknown" ? "unknown" : "blocked";
  last.reason = last.hop.steps.at(-1)?.text ?? fallback;
}

export function layout(branch: Branch, fallbackReason: string): Layout {
  const forward = branch.hops.map((hop, index) => cell("forward", index, hop));
  const reply = branch.reply.hops.map((hop, index) => cell("reply", index, hop));
  const inOrder = [...forward, ...reply];
  ensureMark(branch, inOrder, fallbackReason);

  const columns = align(forward, reply.toReversed()).map(([there, back]): Column => {
    const { namespace, object } = (there ?? back)!.hop;
    return { namespace, object, ...(there ? { forward: there } : {}), ...(back ? { reply: back } : {}) };
  });
  const machines: Machine[] = [];
  columns.forEach(({ namespace }, at) => {
    const name = machineOf(namespace);
    const open = machines.at(-1);
    if (open?.name === name) open.last = at;
    else machines.push({ name, first: at, last: at });
  });
  const marked = (wanted: Mark) => inOrder.find(({ mark, hop }) => mark === wanted && !hop.as_if_passed);
  return { columns, machines, focus: marked("blocked") ?? marked("unknown") ?? inOrder[0] };
}
