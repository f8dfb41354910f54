// One hop in detail: its devices, the packet before and after, each step with its evidence.
import type { FiveTuple, HopStep, StepStatus } from "pathglass-wasm";
import { strings } from "../strings.js";
import { h, icon } from "./dom.js";
import { type Cell } from "./layout.js";
import { splitObject } from "./picture.js";
import { evidenceList, prose } from "./summary.js";

export function hopDetail({ hop, lane, index, mark }: Cell): HTMLElement {
  const text = strings.hop;
  const [kind, name] = splitObject(hop.object);
  const [before, after] = [packet(hop.before), packet(hop.after)];
  const devices = [hop.device_in ? `${text.in} ${hop.device_in}` : "", hop.device_out ? `${text.out} ${hop.device_out}` : ""].filter(Boolean).join("  →  ");
  return h(
    "section",
    { class: `hop-detail mark-${mark}`, "aria-label": hop.object },
    h(
      "header",
      {},
      h("span", { class: "number" }, `${strings.path[lane]} ${index + 1}`),
      h("h3", {}, name, h("small", {}, kind === "node" ? text.host : kind)),
      devices ? h("span", { class: "devices" }, devices) : null,
      hop.as_if_passed ? h("span", { class: "chip as-if" }, strings.path.asIfPassed) : null,
    ),
    h(
      "dl",
      { class: "packet" },
      ...(before === after
        ? [h("dt", {}, text.unchanged), h("dd", {}, before)]
        : [h("dt", {}, text.before), h("dd", {}, before), h("dt", {}, text.after), h("dd", { class: "changed" }, after)]),
    ),
    stepList(hop.steps),
  );
}

/** What happened, in order, each with its evidence. */
export function stepList(steps: HopStep[]): HTMLElement {
  return h(
    "ol",
    { class: "steps" },
    ...steps.map((step) =>
      h(
        "li",
        { class: step.status },
        h("p", {}, icon(step.status satisfies StepStatus), h("span", { class: "visually-hidden" }, `${strings.step[step.status]}: `), h("span", {}, ...prose(step.text))),
        evidenceList(step.evidence),
      ),
    ),
  );
}

function packet({ protocol, src, sport, dst, dport }: FiveTuple): string {
  const end = (host: string, port: string | undefined) => (port === undefined ? host : host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);
  return `${protocol}  ${end(src, sport)} → ${end(dst, dport)}`;
}
