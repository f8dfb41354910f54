// <pathglass-view>: opens a snapshot, asks for a flow, shows the verdict. All of it runs in this tab.
//
// Attributes: `src` (a snapshot's URL), `from`, `to`, `port`, `protocol` (diagnosed as soon as the snapshot is open),
// `trusted-keys` (`name=key, name=key`). Events: `pathglass-open`, `pathglass-verdict`, `pathglass-error`.
import type { FlowRequest, OpenOptions, Protocol, SnapshotInfo, Verdict } from "pathglass-wasm";
import { Engine } from "./engine.js";
import { EngineError, errorInfo, type SnapshotSource } from "./protocol.js";
import { sealText, strings } from "./strings.js";
import css from "./view/style.css";
import { h } from "./view/dom.js";
import { legs } from "./view/legs.js";
import { more } from "./view/more.js";
import { acceptDrops, Opener, type Unlock } from "./view/opener.js";
import { PathView } from "./view/path.js";
import { Question } from "./view/question.js";
import { summary } from "./view/summary.js";

export class PathglassView extends HTMLElement {
  static readonly observedAttributes = ["src"];

  readonly engine = new Engine(new URL("./pathglass-worker.js", import.meta.url));
  readonly #opener: Opener;
  readonly #bar = h("div", { class: "bar", hidden: true });
  readonly #problem = h("p", { class: "problem", role: "alert", hidden: true });
  readonly #question: Question;
  readonly #result = h("div", { class: "result", "aria-live": "polite" });
  #source: { name: string; source: SnapshotSource } | undefined;
  /** Counts openings and questions, so that a late answer to an earlier one is dropped. */
  #turn = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#opener = new Opener({
      chosen: (file) => void this.openFile(file),
      unlock: (unlock) => this.#source && void this.#open(this.#source.name, this.#source.source, unlock),
    });
    this.#question = new Question({
      ask: (request) => void this.diagnose(request),
      stop: () => this.#stop(),
      ports: (object) => this.engine.ports(object),
    });
    this.#question.element.hidden = true;
    const frame = h("div", { class: "frame" }, this.#bar, this.#opener.element, this.#question.element, this.#problem, this.#result);
    acceptDrops(frame, (file) => void this.openFile(file));
    root.append(frame);
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (name === "src" && after !== null && after !== before) void this.openUrl(after);
  }

  /** Opens a file that the user chose. */
  openFile(file: File): Promise<void> {
    return this.#open(file.name, { blob: file }, {});
  }

  /** Opens a snapshot by its URL; only the parts that are needed are fetched where the server can do that. */
  openUrl(url: string): Promise<void> {
    const { href, pathname } = new URL(url, document.baseURI);
    return this.#open(decodeURIComponent(pathname.split("/").at(-1) ?? ""), { url: href }, {});
  }

  /** Asks for a flow and shows the verdict. */
  async diagnose(request: FlowRequest): Promise<Verdict | undefined> {
    const turn = ++this.#turn;
    this.#question.fill(request);
    this.#question.busy = true;
    this.#showProblem("");
    try {
      const verdict = await this.engine.diagnose(request);
      if (turn !== this.#turn) return undefined;
      const before = legs(verdict);
      this.#result.replaceChildren(summary(verdict), ...(before ? [before] : []), new PathView(verdict).element, more(verdict));
      this.dispatchEvent(new CustomEvent("pathglass-verdict", { detail: verdict, bubbles: true, composed: true }));
      return verdict;
    } catch (thrown) {
      if (turn === this.#turn) this.#failed(thrown);
      return undefined;
    } finally {
      if (turn === this.#turn) this.#question.busy = false;
    }
  }

  #stop(): void {
    this.#turn++;
    this.#question.busy = false;
    this.engine.stop(strings.question.stopped);
    this.#showProblem(strings.question.stopped);
  }

  async #open(name: string, source: SnapshotSource, unlock: Unlock): Promise<void> {
    const turn = ++this.#turn;
    this.#source = { name, source };
    this.#result.replaceChildren();
    this.#showProblem("");
    this.#opener.show("", false);
    this.#opener.element.hidden = true;
    this.#question.element.hidden = true;
    this.#question.busy = false;
    this.#bar.hidden = false;
    this.#bar.replaceChildren(h("strong", {}, name), h("span", { class: "quiet", role: "status" }, strings.open.opening));
    try {
      const options: OpenOptions = { trustedKeys: this.#trustedKeys(), ...unlock };
      const info = await this.engine.open(source, options);
      const objects = await this.engine.objects();
      if (turn !== this.#turn) return;
      this.#bar.replaceChildren(...this.#facts(name, info, objects.pods.length, objects.services.length));
      this.#question.objects = objects;
      this.#question.element.hidden = false;
      this.dispatchEvent(new CustomEvent("pathglass-open", { detail: info, bubbles: true, composed: true }));
      await this.#askAttributes();
    } catch (thrown) {
      if (turn !== this.#turn) return;
      const { field, message } = errorInfo(thrown);
      this.#bar.hidden = true;
      this.#opener.element.hidden = false;
      this.#opener.show(`${name}: ${message}`, field === "unlock");
      this.#report(thrown);
    }
  }

  #facts(name: string, info: SnapshotInfo, pods: number, services: number): HTMLElement[] {
    const { seal, capturedAt, machines } = info;
    const when = capturedAt === undefined ? undefined : new Date(capturedAt);
    const readable = when && !Number.isNaN(when.valueOf()) ? when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : capturedAt;
    return [
      h("strong", { title: info.manifestSha256 }, name),
      ...(readable ? [h("span", { class: "quiet", title: capturedAt }, strings.info.captured(readable))] : []),
      h("span", { class: "quiet" }, strings.info.machines(machines)),
      h("span", { class: "quiet" }, strings.info.objects(pods, services)),
      h("span", { class: `seal ${seal.kind}` }, sealText(seal)),
      h("button", { type: "button", class: "link", click: () => this.#opener.choose() }, strings.open.another),
    ];
  }

  /** Diagnoses straight away where the element's attributes say what. */
  async #askAttributes(): Promise<void> {
    const [from, to, port, protocol] = ["from", "to", "port", "protocol"].map((name) => this.getAttribute(name) ?? undefined);
    const request = {
      ...(from ? { from } : {}),
      ...(to ? { to } : {}),
      ...(port && /^\d+$/.test(port) ? { port: Number(port) } : {}),
      ...(protocol && /^(tcp|udp|sctp|icmp)$/.test(protocol) ? { protocol: protocol as Protocol } : {}),
    };
    if (from && to) await this.diagnose({ from, to, ...request });
    else this.#question.fill(request);
  }

  #trustedKeys(): NonNullable<OpenOptions["trustedKeys"]> {
    const list = this.getAttribute("trusted-keys") ?? "";
    return list.split(",").flatMap((pair) => {
      const at = pair.indexOf("=");
      return at < 1 ? [] : [{ name: pair.slice(0, at).trim(), key: pair.slice(at + 1).trim() }];
    });
  }

  #failed(thrown: unknown): void {
    const error = thrown instanceof EngineError ? thrown : new EngineError(errorInfo(thrown));
    this.#result.replaceChildren();
    const beside = error.kind === "flow" && this.#question.showError(error.field, error.message);
    if (!beside) this.#showProblem(`${strings.error[error.kind]}: ${error.message}`);
    this.#report(error);
  }

  #showProblem(message: string): void {
    this.#problem.hidden = message === "";
    this.#problem.textContent = message;
  }

  #report(thrown: unknown): void {
    this.dispatchEvent(new CustomEvent("pathglass-error", { detail: thrown, bubbles: true, composed: true }));
  }
}

customElements.define("pathglass-view", PathglassView);
