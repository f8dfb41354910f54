// What stands below the path: other findings, assumptions, gaps, the receipt.
import type { Verdict } from "pathglass-wasm";
import { strings } from "../strings.js";
import { h } from "./dom.js";
import { evidenceList, prose, tags } from "./summary.js";

export function more({ findings, assumptions, gaps, receipt }: Verdict): HTMLElement {
  const text = strings.more;
  const cause = findings.find(({ severity }) => severity === "cause");
  const others = findings.filter((finding) => finding !== cause);
  return h(
    "div",
    { class: "more" },
    section(
      text.findings,
      others.length,
      true,
      h(
        "ul",
        { class: "findings" },
        ...others.map((finding) =>
          h(
            "li",
            { class: finding.severity },
            h("p", { class: "message" }, h("span", { class: `chip ${finding.severity}` }, strings.severity[finding.severity]), " ", ...prose(finding.message)),
            tags(finding),
            finding.fix ? h("p", { class: "quiet" }, `${strings.verdict.fix}: `, ...prose(finding.fix)) : null,
            evidenceList(finding.evidence.slice(0, 3)),
          ),
        ),
      ),
    ),
    section(text.assumptions, assumptions.length, true, h("ul", {}, ...assumptions.map((one) => h("li", {}, ...prose(one))))),
    section(
      text.gaps,
      gaps.length,
      false,
      h("ul", {}, ...gaps.map(({ file, reason }) => h("li", {}, h("code", {}, file), ": ", ...prose(reason)))),
    ),
    section(
      text.receipt,
      -1,
      false,
      h(
        "div",
        { class: "receipt" },
        h("dl", {}, h("dt", {}, text.manifest), h("dd", {}, h("code", {}, receipt.manifest_sha256)), h("dt", {}, text.engine), h("dd", {}, h("code", {}, receipt.engine))),
        h("p", {}, text.entries(receipt.entries.length)),
        h("ul", {}, ...receipt.entries.map(({ path, sha256 }) => h("li", {}, h("code", {}, path), " ", h("code", { class: "quiet", title: sha256 }, sha256.slice(0, 12))))),
      ),
    ),
  );
}

function section(title: string, count: number, open: boolean, content: HTMLElement): HTMLElement | null {
  if (count === 0) return null;
  return h("details", { class: "card", open }, h("summary", {}, title, count > 0 ? h("span", { class: "count" }, String(count)) : null), content);
}
