// The verdict in words: outcome, cause, fix; for `unknown` what is possible and what would settle it.
import type { Evidence, Finding, FlowEnd, FlowRequest, Verdict } from "pathglass-wasm";
import { sealText, strings } from "../strings.js";
import { h, icon } from "./dom.js";

export function summary(verdict: Verdict): HTMLElement {
  const text = strings.verdict;
  const { outcome, flow, findings, branches } = verdict;
  const cause = findings.find(({ severity }) => severity === "cause");
  const clients = [...new Set(branches.flatMap(({ client }) => client ?? []))];
  const facts = [
    strings.outcomeMeaning[outcome],
    verdict.scope === "to-boundary" ? `It was ${text.boundary}.` : "",
    clients.length === 1 && outcome === "connected" ? `${capital(text.client(clients[0]!))}.` : "",
  ];
  return h(
    "section",
    { class: `card verdict ${outcome}`, "aria-label": text.label },
    h(
      "header",
      {},
      icon(outcome),
      h("h2", { class: "outcome" }, strings.outcome[outcome]),
      h("p", { class: "flow" }, ...flowText(flow.from, flow.to, flow.request)),
      h("p", { class: `seal ${verdict.seal.kind}` }, sealText(verdict.seal)),
    ),
    h("p", { class: "meaning" }, facts.filter(Boolean).join(" ")),
    cause ? causeOf(cause) : null,
    !cause && outcome !== "connected" && outcome !== "unknown" ? h("p", {}, text.noCause) : null,
    verdict.possible.length > 0
      ? row(text.possible, h("p", { class: "chips" }, ...verdict.possible.map((one) => h("span", { class: `chip ${one}` }, strings.outcome[one]))))
      : null,
    verdict.settle.length > 0 ? row(text.settle, h("ul", {}, ...verdict.settle.map((one) => h("li", {}, ...prose(one))))) : null,
  );
}

function causeOf(finding: Finding): HTMLElement {
  return h(
    "div",
    { class: "cause" },
    row(strings.verdict.cause, h("p", { class: "message" }, ...prose(finding.message)), tags(finding), evidenceList(finding.evidence.slice(0, 4))),
    finding.nearest?.length
      ? row(
          strings.verdict.nearest,
          h("ul", {}, ...finding.nearest.map(({ text, evidence }) => h("li", {}, ...prose(text), evidenceList([evidence])))),
        )
      : null,
    finding.confirm?.length
      ? row(strings.verdict.confirm, h("ul", { class: "commands" }, ...finding.confirm.map((command) => h("li", {}, h("code", {}, command)))))
      : null,
    finding.fix ? row(strings.verdict.fix, h("p", { class: "fix" }, ...prose(finding.fix))) : null,
  );
}

/** Code, object and the kernel's name of a finding. */
export function tags({ code, object, skb_drop_reason, under }: Finding): HTMLElement {
  return h(
    "p",
    { class: "tags" },
    h("code", {}, code),
    h("code", {}, object),
    skb_drop_reason ? h("code", {}, skb_drop_reason) : null,
    under ? h("span", { class: "quiet" }, strings.more.follows(under)) : null,
  );
}

/** Where it stands and what stands there, verbatim. */
export function evidenceList(evidence: Evidence[]): HTMLElement | null {
  if (evidence.length === 0) return null;
  return h(
    "ul",
    { class: "evidence" },
    ...evidence.map(({ file, line, pointer, text }) =>
      h(
        "li",
        {},
        h(
          "span",
          { class: "where" },
          h("span", { class: "file" }, file),
          h("span", { class: "place" }, line !== undefined ? strings.hop.line(line) : (pointer ?? "") || strings.hop.fileStart),
        ),
        text ? h("pre", { tabindex: 0 }, text) : null,
      ),
    ),
  );
}

function flowText(from: FlowEnd, to: FlowEnd, { port, protocol }: FlowRequest): Node[] {
  const end = (flowEnd: FlowEnd) =>
    h("span", { class: "end" }, flowEnd.object, flowEnd.address && !flowEnd.object.endsWith(flowEnd.address) ? h("small", {}, flowEnd.address) : null);
  return [
    end(from),
    h("span", { class: "to", "aria-label": "to" }, "→"),
    end(to),
    h("span", { class: "proto" }, [port, protocol ?? "tcp"].filter((part) => part !== undefined).join("/")),
  ];
}

function row(title: string, ...content: (Node | null)[]): HTMLElement {
  return h("div", { class: "row" }, h("h3", {}, title), h("div", {}, ...content));
}

const capital = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A message starts small and has no stop; on the page it is a sentence (a name at its start stays as it is). */
export function sentence(text: string): string {
  const first = /^[a-z][a-z']*(?=[ ,:])/.test(text) ? capital(text) : text;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** A sentence whose parts in backticks are code. */
export function prose(text: string): (Node | string)[] {
  return sentence(text)
    .split(/`([^`]+)`/)
    .map((part, at) => (at % 2 === 1 ? h("code", {}, part) : part));
}
