// The path as a picture: machines as boxes in order, the request above, the reply below, the abnormal hop marked.
import type { Branch } from "pathglass-wasm";
import { strings } from "../strings.js";
import { s } from "./dom.js";
import { address, layout, type Cell, type Column, type Lane, type Layout } from "./layout.js";

const LEFT = 78;
const RIGHT = 14;
const GAP = 50;
const TOP = 40;
const HEADER = 44;
const LANE = 58;
const MIN_WIDTH = 148;
const MAX_WIDTH = 240;
const LINE = 17;
const CALLOUT_WIDTH = 360;

export interface Picture {
  element: SVGSVGElement;
  /** The hop to show first: the abnormal one. */
  focus: Cell | undefined;
  /** Where that hop's middle is, in pixels from the left. */
  focusX: number;
  /** Shortens what is too wide; to be called when the picture is on the page. */
  fitTexts(): void;
  select(cell: Cell): void;
  /** The hop with this place in its lane. */
  cell(lane: Lane | undefined, index: number | undefined): Cell | undefined;
}

export function picture(branch: Branch, available: number, chosen: (cell: Cell) => void): Picture {
  const plan = layout(branch, strings.path.ends);
  const n = plan.columns.length;
  const width = Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, Math.floor((available - LEFT - RIGHT - (n - 1) * GAP) / Math.max(n, 1))));
  const draw = new Drawing(plan, width, chosen);
  return {
    element: draw.svg,
    focus: plan.focus,
    focusX: draw.middleOf(plan.focus),
    fitTexts: () => draw.fitTexts(),
    select: (cell) => draw.select(cell),
    cell: (lane, index) => plan.columns.flatMap(({ forward, reply }) => [forward, reply]).find((cell) => cell && cell.lane === lane && cell.index === index),
  };
}

class Drawing {
  readonly svg: SVGSVGElement;
  readonly #groups = new Map<Cell, SVGGElement>();
  readonly #limited: { element: SVGTextElement; text: string; width: number }[] = [];
  readonly #hasReply: boolean;

  constructor(
    readonly plan: Layout,
    readonly width: number,
    readonly chosen: (cell: Cell) => void,
  ) {
    this.#hasReply = plan.columns.some(({ reply }) => reply);
    const total = Math.max(this.#x(plan.columns.length) - GAP + RIGHT, LEFT + CALLOUT_WIDTH + RIGHT);
    const callout = this.#callout(total);
    const height = this.#bottom() + 22 + (callout?.height ?? 0);
    this.svg = s("svg", {
      class: "picture",
      role: "group",
      "aria-label": strings.path.label,
      viewBox: `0 0 ${total} ${height}`,
      width: total,
      height,
    });
    this.svg.append(arrowheads());
    this.#machines();
    this.#laneLabel("forward", strings.path.forward);
    if (this.#hasReply) this.#laneLabel("reply", strings.path.reply);
    for (const lane of ["forward", "reply"] as const) this.#arrows(lane);
    plan.columns.forEach((column, at) => this.#box(column, at));
    if (callout) this.svg.append(callout.element);
  }

  /** A text that may be no wider than `width`. */
  #text(attributes: Record<string, string | number>, text: string, width: number): SVGTextElement {
    const element = s("text", attributes, text);
    this.#limited.push({ element, text, width });
    return element;
  }

  /** Shortens what is too wide in the font that the page really has; only what is on the page can be measured. */
  fitTexts(): void {
    for (const { element, text, width } of this.#limited) {
      for (let most = text.length; most > 4 && element.getComputedTextLength() > width; ) {
        most = Math.min(most - 1, Math.floor((most * width) / element.getComputedTextLength()));
        element.textContent = fit(text, Math.max(most, 4));
      }
    }
  }

  select(cell: Cell): void {
    for (const [one, group] of this.#groups) {
      group.classList.toggle("selected", one === cell);
      group.setAttribute("aria-pressed", String(one === cell));
    }
  }

  #x(at: number): number {
    return LEFT + at * (this.width + GAP);
  }

  middleOf(cell: Cell | undefined): number {
    const at = this.plan.columns.findIndex(({ forward, reply }) => cell !== undefined && (forward === cell || reply === cell));
    return this.#x(Math.max(at, 0)) + this.width / 2;
  }

  #laneTop(lane: Lane): number {
    return TOP + HEADER + (lane === "forward" ? 0 : LANE);
  }

  #middle(lane: Lane): number {
    return this.#laneTop(lane) + LANE / 2;
  }

  #bottom(): number {
    return this.#laneTop("forward") + LANE * (this.#hasReply ? 2 : 1);
  }

  /** A dashed frame around what is on one node. */
  #machines(): void {
    for (const { name, first, last } of this.plan.machines) {
      if (!this.plan.columns[first]?.namespace.startsWith("nodes/")) continue;
      const x = this.#x(first) - 11;
      const w = this.#x(last) + this.width + 11 - x;
      this.svg.append(
        s(
          "g",
          { class: "machine" },
          s("rect", { x, y: 26, width: w, height: this.#bottom() + 12 - 26, rx: 14 }),
          this.#text({ x: x + 10, y: 18 }, name, w - 20),
        ),
      );
    }
  }

  #laneLabel(lane: Lane, label: string): void {
    const y = this.#middle(lane);
    this.svg.append(
      s(
        "g",
        { class: `lane-label ${lane}`, "aria-hidden": "true" },
        s("text", { x: 2, y: y - 4 }, label),
        s("path", { d: lane === "forward" ? `M2 ${y + 9}h44` : `M46 ${y + 9}h-44`, "marker-end": `url(#head-${lane})` }),
      ),
    );
  }

  /** From each hop to the next one of its lane, over boxes that only the other lane visits. */
  #arrows(lane: Lane): void {
    const stops = this.plan.columns.flatMap((column, at) => {
      const cell = column[lane];
      return cell ? [{ cell, at }] : [];
    });
    const ordered = lane === "forward" ? stops : stops.toReversed();
    const y = this.#middle(lane);
    ordered.forEach(({ cell, at }, index) => {
      const next = ordered[index + 1];
      if (!next) return;
      const [from, to] = lane === "forward" ? [this.#x(at) + this.width, this.#x(next.at) - 3] : [this.#x(at), this.#x(next.at) + this.width + 3];
      const kind = next.cell.hop.as_if_passed ? "as-if" : cell.mark === "unknown" ? "unknown" : "";
      this.svg.append(s("path", { class: `arrow ${lane} ${kind}`, d: `M${from} ${y}H${to}`, "marker-end": `url(#head-${kind || lane})` }));
    });
  }

  #box(column: Column, at: number): void {
    const { forward, reply, object } = column;
    const x = this.#x(at);
    const top = forward ? TOP : this.#laneTop("reply") - HEADER + 14;
    const bottom = reply ? this.#laneTop("reply") + LANE : this.#laneTop("forward") + LANE;
    const [kind, name] = splitObject(object);
    const mark = [forward, reply].find((cell) => cell && cell.mark !== "none")?.mark ?? "none";
    this.svg.append(
      s(
        "g",
        { class: `box ${kind} mark-${mark}` },
        s("title", {}, object),
        s("rect", { class: "frame", x, y: top, width: this.width, height: bottom - top, rx: 10 }),
        s("text", { class: "kind", x: x + 12, y: top + 17 }, kind === "node" ? strings.hop.host : kind),
        this.#text({ class: "title", x: x + 12, y: top + 34 }, name, this.width - 24),
      ),
    );
    for (const cell of [forward, reply]) if (cell) this.#cell(cell, x);
  }

  #cell(cell: Cell, x: number): void {
    const { lane, hop, index, mark } = cell;
    const y = this.#laneTop(lane);
    const asIf = hop.as_if_passed === true;
    const said = note(cell);
    const [left, right] = lane === "forward" ? [hop.device_in, hop.device_out] : [hop.device_out, hop.device_in];
    // The sign stands over the side by which the packet would have left: what is written there makes room.
    const marked = mark === "none" ? "" : lane === "forward" ? "right" : "left";
    const markText = mark === "blocked" ? strings.path.blocked : mark === "unknown" ? strings.path.unknown : asIf ? strings.path.asIfPassed : "";
    const group = s(
      "g",
      {
        class: `hop ${lane} mark-${mark}${asIf ? " as-if" : ""}`,
        role: "button",
        tabindex: 0,
        "aria-pressed": "false",
        "aria-label": strings.path.hop(index + 1, hop.object, strings.path[lane], markText),
        "data-lane": lane,
        "data-index": index,
        click: () => this.chosen(cell),
        keydown: (event: KeyboardEvent) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          this.chosen(cell);
        },
      },
      s("title", {}, [hop.object, cell.reason].filter(Boolean).join("\n")),
      s("rect", { class: "hit", x: x + 3, y: y + 2, width: this.width - 6, height: LANE - 5, rx: 8 }),
      said ? this.#text({ class: "note", x: x + this.width / 2, y: y + 24 }, said, this.width - 18) : null,
      left ? this.#text({ class: "device", x: x + (marked === "left" ? 20 : 10), y: y + 45 }, left, this.width / 2 - 16) : null,
      right ? this.#text({ class: "device end", x: x + this.width - (marked === "right" ? 20 : 10), y: y + 45 }, right, this.width / 2 - 16) : null,
      mark === "none" ? null : this.#mark(cell, x),
    );
    this.#groups.set(cell, group);
    this.svg.append(group);
  }

  /** A round sign on the side by which the packet would have left. */
  #mark({ lane, mark }: Cell, x: number): SVGGElement {
    const [cx, cy] = [lane === "forward" ? x + this.width : x, this.#middle(lane)];
    const sign = mark === "blocked" ? `M${cx - 4.5} ${cy - 4.5}l9 9m0-9l-9 9` : `M${cx - 3} ${cy - 3}a3.2 3.2 0 1 1 4.6 2.9q-1.6 .8-1.6 2.3M${cx} ${cy + 5.6}v.2`;
    return s("g", { class: `mark ${mark}`, "data-mark": mark }, s("circle", { cx, cy, r: 12 }), s("path", { d: sign }));
  }

  /** Why it stops, below the box where it does. */
  #callout(total: number): { element: SVGGElement; height: number } | undefined {
    const cell = this.plan.focus;
    if (!cell || cell.mark === "none") return undefined;
    const lines = wrap(cell.reason, Math.floor((CALLOUT_WIDTH - 28) / 6.6), 4);
    const height = lines.length * LINE + 20;
    const tip = this.middleOf(cell);
    const x = Math.max(4, Math.min(tip - CALLOUT_WIDTH / 2, total - CALLOUT_WIDTH - 4));
    const y = this.#bottom() + 22;
    const element = s(
      "g",
      { class: `callout ${cell.mark}` },
      s("path", { d: `M${tip - 9} ${y + 1}L${tip} ${this.#bottom() + 3}L${tip + 9} ${y + 1}` }),
      s("rect", { x, y, width: CALLOUT_WIDTH, height, rx: 8 }),
      s("text", { x: x + 14, y: y + 9 }, ...lines.map((line) => s("tspan", { x: x + 14, dy: LINE }, line))),
    );
    return { element, height: height + 6 };
  }
}

/** What is worth saying of a hop in a few signs: who is addressed at first, then what was translated. */
function note({ hop, lane, index }: Cell): string {
  const { before, after } = hop;
  if (lane === "forward" && index === 0) return `→ ${address(after, "dst")}`;
  const { to, from, asIfPassed } = strings.path;
  const changed = (["dst", "src"] as const).filter((end) => address(before, end) !== address(after, end));
  if (changed.length > 0) return changed.map((end) => `${end === "dst" ? to : from} ${address(after, end)}`).join("  ");
  return hop.as_if_passed ? asIfPassed : "";
}

export function splitObject(object: string): [string, string] {
  const at = object.indexOf(":");
  return at < 0 ? ["", object] : [object.slice(0, at), object.slice(at + 1)];
}

/** Cuts out the middle of what has more than `most` signs: both ends of a name tell most. */
export function fit(text: string, most: number): string {
  if (text.length <= most) return text;
  const head = Math.ceil((most - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (most - 1 - head))}`;
}

export function wrap(text: string, perLine: number, most: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    for (let rest = word; rest; ) {
      const joined = line ? `${line} ${rest}` : rest;
      if (joined.length <= perLine) {
        line = joined;
        break;
      }
      if (line) lines.push(line);
      line = "";
      if (rest.length > perLine) {
        lines.push(rest.slice(0, perLine));
        rest = rest.slice(perLine);
      }
    }
  }
  if (line) lines.push(line);
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${lines[most - 1]!.slice(0, perLine - 1)}…`];
}

function arrowheads(): SVGDefsElement {
  const kinds = ["forward", "reply", "as-if", "unknown"];
  return s(
    "defs",
    {},
    ...kinds.map((kind) =>
      s(
        "marker",
        { id: `head-${kind}`, class: `head ${kind}`, viewBox: "0 0 8 8", refX: 6.5, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto", markerUnits: "userSpaceOnUse" },
        s("path", { d: "M1 1l6 3-6 3z" }),
      ),
    ),
  );
}
