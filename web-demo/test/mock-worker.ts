// Stands in for the simulator while the view is worked on (`node build.mjs --mock`): the port picks the verdict.
import type { Answer, Question } from "../src/protocol.js";
import { connected, info, objects, partial, timeout, unknown } from "./fixtures/verdicts.js";

const scope = self as unknown as { addEventListener(type: "message", listener: (event: MessageEvent<Question>) => void): void; postMessage(answer: Answer): void };

scope.addEventListener("message", ({ data: { id, call, argument } }) => {
  switch (call) {
    case "open":
      return scope.postMessage({ id, value: info });
    case "objects":
      return scope.postMessage({ id, value: objects });
    case "ports":
      return scope.postMessage({ id, value: [{ port: 80, protocol: "tcp", name: "http" }] });
    case "diagnose": {
      const verdict = { 81: connected, 82: timeout, 83: unknown }[argument.port ?? 0] ?? partial;
      return scope.postMessage({ id, value: { ...verdict, flow: { ...verdict.flow, request: argument } } });
    }
    case "panicForTest":
      return scope.postMessage({ id, error: { kind: "internal", message: "internal error: mock" } });
  }
});
