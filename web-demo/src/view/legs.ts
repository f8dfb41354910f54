// What had to work first: a name that is looked up, the way to a proxy.
import type { Leg, Verdict } from "pathglass-wasm";
import { strings } from "../strings.js";
import { h, icon } from "./dom.js";
import { stepList } from "./hop.js";
import { PathView } from "./path.js";

export function legs({ legs = [] }: Verdict): HTMLElement | null {
  if (legs.length === 0) return null;
  return h("section", { class: "legs", "aria-label": strings.legs }, ...legs.map(one));
}

function one(leg: Leg, at: number): HTMLElement {
  const { name, from, to, outcome, steps, branches } = leg;
  const address = to.address && !to.object.endsWith(to.address) ? ` (${to.address})` : "";
  const details = h(
    "details",
    { class: `card leg ${outcome}`, open: outcome !== "connected" },
    h(
      "summary",
      {},
      icon(outcome),
      h("strong", {}, name),
      h("span", { class: "quiet" }, `${from.object} → ${to.object}${address}`),
      h("span", { class: `chip ${outcome}` }, strings.outcome[outcome]),
    ),
    steps.length > 0 ? stepList(steps) : null,
  );
  // Its picture is drawn when there is room for it.
  const draw = () => details.open && !details.querySelector(".path") && branches.length > 0 && details.append(new PathView(leg, `leg-${at}`).element);
  details.addEventListener("toggle", draw);
  draw();
  return details;
}
