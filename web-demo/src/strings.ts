// Every sentence of the page, in one table per language.
import type { Outcome, Seal, Severity, StepStatus } from "pathglass-wasm";

const en = {
  open: {
    title: "Open a snapshot",
    drop: "Drop a snapshot file here, or choose one.",
    hint: "Made by pathglass collect and pathglass seal. It is read in this tab and sent nowhere.",
    choose: "Choose a file",
    another: "Open another",
    opening: "Opening…",
    unlock: "Unlock",
    passphrase: "Passphrase",
    identity: "or identity (AGE-SECRET-KEY-1…)",
  },
  info: {
    captured: (when: string) => `captured ${when}`,
    machines: (n: number) => (n === 1 ? "1 machine" : `${n} machines`),
    objects: (pods: number, services: number) =>
      `${pods} ${pods === 1 ? "pod" : "pods"}, ${services} ${services === 1 ? "service" : "services"}`,
  },
  seal: {
    trusted: (name: string) => `Sealed by ${name}`,
    "unknown-key": (fingerprint: string) => `Sealed by an unknown key ${fingerprint}`,
    unsigned: () => "Not signed",
  },
  question: {
    label: "The flow to diagnose",
    from: "From",
    to: "To",
    port: "Port",
    protocol: "Protocol",
    fromHint: "pod, node or address",
    toHint: "pod, node, service, address, dns:name or https://…",
    swap: "Swap source and destination",
    diagnose: "Diagnose",
    stop: "Stop",
    stopped: "Stopped. The snapshot is still open.",
    matches: (n: number) => (n === 0 ? "No match" : n === 1 ? "1 match" : `${n} matches`),
    kinds: { pod: "pod", node: "node", service: "service" },
    missing: { from: "Say where the packet starts.", to: "Say where it goes." },
    badPort: "A port is a number from 1 to 65535.",
  },
  outcome: {
    connected: "Connected",
    refused: "Refused",
    unreachable: "Unreachable",
    timeout: "Timeout",
    partial: "Partial",
    unknown: "Unknown",
  } satisfies Record<Outcome, string>,
  outcomeMeaning: {
    connected: "It connects, and data passes both ways.",
    refused: "A reset or a port-unreachable comes back at once.",
    unreachable: "An error comes back: no route, or the sender may not send.",
    timeout: "Nothing comes back.",
    partial: "Some of the ways it can take connect, others do not.",
    unknown: "The evidence does not decide it.",
  } satisfies Record<Outcome, string>,
  verdict: {
    label: "Verdict",
    cause: "Cause",
    nearest: "Nearest misses",
    confirm: "Confirm",
    fix: "Fix",
    boundary: "followed to the edge of what was captured",
    client: (address: string) => `the server sees the client as ${address}`,
    possible: "Still possible",
    settle: "What would settle it",
    noCause: "No single cause was found: see the marked hop.",
  },
  legs: "What has to work first",
  path: {
    label: "Path",
    branches: "The ways the packet can take",
    forward: "request",
    reply: "reply",
    asIfPassed: "as if it had passed",
    to: "now to",
    from: "now from",
    blocked: "stops here",
    unknown: "not known",
    ends: "The packet's way ends here.",
    hop: (number: number, object: string, lane: string, mark: string) =>
      `Hop ${number}, ${lane}: ${object}${mark ? `, ${mark}` : ""}`,
    also: (outcome: string) => `or ${outcome}`,
    retries: "a lost first packet may choose again",
    hint: "Select a hop to see what happened there and the evidence for it.",
    none: "No path: the packet never started.",
  },
  hop: {
    host: "host network",
    before: "arrives as",
    after: "leaves as",
    unchanged: "packet",
    in: "in",
    out: "out",
    noEvidence: "no evidence cited",
    line: (line: number) => `line ${line}`,
    fileStart: "document",
  },
  step: { normal: "passes", blocked: "stops the packet", unknown: "cannot be decided" } satisfies Record<StepStatus, string>,
  severity: {
    cause: "cause",
    contributing: "contributing",
    warning: "warning",
    info: "note",
  } satisfies Record<Severity, string>,
  more: {
    findings: "Other findings",
    assumptions: "Taken for granted",
    gaps: "Missing evidence",
    receipt: "Receipt",
    manifest: "Snapshot manifest (SHA-256)",
    engine: "Engine",
    entries: (n: number) => `${n} entries read`,
    follows: (code: string) => `follows from ${code}`,
  },
  error: {
    flow: "The question",
    snapshot: "The snapshot",
    internal: "The simulator failed and was restarted; your snapshot is still open",
  },
};

/** The table that is in use. */
export const strings = en;

/** Who sealed a snapshot, in words. */
export function sealText(seal: Seal): string {
  switch (seal.kind) {
    case "trusted":
      return strings.seal.trusted(seal.name);
    case "unknown-key":
      return strings.seal["unknown-key"](seal.fingerprint.slice(0, 16));
    case "unsigned":
      return strings.seal.unsigned();
  }
}
