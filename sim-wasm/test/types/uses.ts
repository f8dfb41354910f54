// Uses of the generated types that must compile, and, marked, uses that must not.
import init, {
  Snapshot,
  SnapshotReader,
  type FlowRequest,
  type Objects,
  type Outcome,
  type PathglassError,
  type Probability,
  type Verdict,
} from "../../pkg/pathglass_wasm.js";

export async function ask(bytes: Uint8Array): Promise<string> {
  await init();
  using snapshot = Snapshot.open(bytes, { trustedKeys: [{ name: "ops", key: "ab" }], passphrase: "x" });
  const objects: Objects = snapshot.objects();
  const from = objects.pods[0]?.id ?? "ip:192.0.2.1";
  const request: FlowRequest = { from, to: "service:default/web", port: 80, protocol: "tcp" };
  const verdict: Verdict = snapshot.diagnose(request);
  const json: string = snapshot.diagnoseJson({ from, to: "node:node-1" });
  return verdict.branches.map(({ probability, outcome, also, hops }) => `${probability} ${outcome} ${also ?? ""} ${hops.length}`).join() + json;
}

export function supply(reader: SnapshotReader, file: Uint8Array, request: FlowRequest): Verdict {
  for (;;) {
    const verdict: Verdict | undefined = reader.diagnose(request);
    if (verdict) return verdict;
    for (const { start, end } of reader.needs()) reader.supply(start, file.subarray(start, end));
  }
}

export function say(error: PathglassError): string {
  switch (error.kind) {
    case "flow":
      return `${error.field ?? ""}: ${error.message}`;
    case "snapshot":
    case "internal":
      return error.message;
  }
}

export const words: Record<Outcome, string> = { connected: "", refused: "", unreachable: "", timeout: "", partial: "", unknown: "" };
export const third: Probability = "1/3";

export function wrong(snapshot: Snapshot, verdict: Verdict): void {
  // @ts-expect-error a flow needs its destination
  snapshot.diagnose({ from: "pod:default/a" });
  // @ts-expect-error the protocol is one of four
  snapshot.diagnose({ from: "pod:default/a", to: "pod:default/b", protocol: "quic" });
  // @ts-expect-error no such field
  snapshot.diagnose({ from: "pod:default/a", to: "pod:default/b", ports: 80 });
  // @ts-expect-error no such outcome
  words.maybe = "";
  // @ts-expect-error a probability is written as a fraction
  const half: Probability = "half";
  // @ts-expect-error a seal of this kind has no name
  if (verdict.seal.kind === "unsigned") void verdict.seal.name;
  void half;
}
