// The form that asks: from, to, port, protocol.
import type { FlowRequest, Objects, Port, Protocol } from "pathglass-wasm";
import { strings } from "../strings.js";
import { Combobox, type Choice } from "./combobox.js";
import { h, s } from "./dom.js";

export interface QuestionEvents {
  ask(request: FlowRequest): void;
  stop(): void;
  /** The ports of an object, for completion. */
  ports(object: string): Promise<Port[]>;
}

const PROTOCOLS: Protocol[] = ["tcp", "udp", "sctp", "icmp"];

export class Question {
  readonly element: HTMLFormElement;
  readonly #from: Combobox;
  readonly #to: Combobox;
  readonly #port: HTMLInputElement;
  readonly #portError: HTMLElement;
  readonly #portList: HTMLDataListElement;
  readonly #protocol: HTMLSelectElement;
  readonly #submit: HTMLButtonElement;
  readonly #events: QuestionEvents;
  /** What the port was set to without the person's doing. */
  #suggested = "";
  #busy = false;

  constructor(events: QuestionEvents) {
    const text = strings.question;
    this.#events = events;
    this.#from = new Combobox("from", text.from, text.fromHint, () => {});
    this.#to = new Combobox("to", text.to, text.toHint, () => void this.#suggestPort());
    this.#portList = h("datalist", { id: "ports" });
    this.#portError = h("p", { class: "field-error", id: "port-error" });
    this.#port = h("input", {
      id: "port",
      name: "port",
      type: "text",
      inputmode: "numeric",
      autocomplete: "off",
      list: "ports",
      maxlength: 5,
      "aria-describedby": "port-error",
    });
    this.#protocol = h("select", { id: "protocol" }, ...PROTOCOLS.map((name) => h("option", { value: name }, name.toUpperCase())));
    this.#protocol.addEventListener("change", () => this.#protocolChanged());
    this.#submit = h("button", { type: "submit", class: "primary" }, text.diagnose);
    const swap = h(
      "button",
      { type: "button", class: "swap", title: text.swap, "aria-label": text.swap, click: () => this.#swap() },
      s("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, s("path", { d: "M3 7h13l-3.5-3.5M17 13H4l3.5 3.5" })),
    );
    this.element = h(
      "form",
      { class: "card question", "aria-label": text.label, novalidate: true },
      this.#from.element,
      swap,
      this.#to.element,
      h("div", { class: "field port" }, h("label", { for: "port" }, text.port), this.#port, this.#portList, this.#portError),
      h("div", { class: "field protocol" }, h("label", { for: "protocol" }, text.protocol), this.#protocol),
      h("div", { class: "field go" }, this.#submit),
    );
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#busy) this.#events.stop();
      else this.#ask();
    });
  }

  set objects({ pods, nodes, services }: Objects) {
    const choice = (kind: Choice["kind"], id: string, label: string, detail: string): Choice => ({
      kind,
      id,
      label,
      detail,
      text: `${label} ${detail} ${id}`.toLowerCase(),
    });
    const podChoices = pods.map(({ id, namespace, name, node, addresses }) =>
      choice("pod", id, `${namespace}/${name}`, [addresses[0], node].filter(Boolean).join(" · ")),
    );
    const nodeChoices = nodes.map(({ id, name, addresses }) => choice("node", id, name, addresses[0] ?? ""));
    const serviceChoices = services.map(({ id, namespace, name, addresses }) =>
      choice("service", id, `${namespace}/${name}`, addresses[0] ?? ""),
    );
    this.#from.choices = [...podChoices, ...nodeChoices];
    this.#to.choices = [...serviceChoices, ...podChoices, ...nodeChoices];
  }

  /** Fills the form, e.g. from the page's address. */
  fill({ from, to, port, protocol }: Partial<FlowRequest>): void {
    if (from !== undefined) this.#from.value = from;
    if (to !== undefined) this.#to.value = to;
    if (protocol !== undefined) this.#protocol.value = protocol;
    this.#protocolChanged();
    if (port !== undefined) this.#port.value = String(port);
    else if (to !== undefined) void this.#suggestPort();
  }

  set busy(busy: boolean) {
    this.#busy = busy;
    this.#submit.textContent = busy ? strings.question.stop : strings.question.diagnose;
    this.element.setAttribute("aria-busy", String(busy));
  }

  /** Shows what is wrong beside its field; false where no field is to blame. */
  showError(field: string | undefined, message: string): boolean {
    switch (field) {
      case "from":
        this.#from.error = message;
        this.#from.input.focus();
        return true;
      case "to":
        this.#to.error = message;
        this.#to.input.focus();
        return true;
      case "port":
        this.#showPortError(message);
        this.#port.focus();
        return true;
      default:
        return false;
    }
  }

  #showPortError(message: string): void {
    this.#portError.textContent = message;
    if (message) this.#port.setAttribute("aria-invalid", "true");
    else this.#port.removeAttribute("aria-invalid");
  }

  #ask(): void {
    const { missing, badPort } = strings.question;
    this.#from.error = this.#to.error = "";
    this.#showPortError("");
    const [from, to, typed] = [this.#from.value, this.#to.value, this.#port.value.trim()];
    if (!from) return void this.showError("from", missing.from);
    if (!to) return void this.showError("to", missing.to);
    const port = typed === "" || this.#port.disabled ? undefined : Number(typed);
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) return void this.showError("port", badPort);
    this.#events.ask({ from, to, protocol: this.#protocol.value as Protocol, ...(port === undefined ? {} : { port }) });
  }

  #swap(): void {
    const from = this.#from.value;
    this.#from.value = this.#to.value;
    this.#to.value = from;
    void this.#suggestPort();
  }

  #protocolChanged(): void {
    this.#port.disabled = this.#protocol.value === "icmp";
  }

  async #suggestPort(): Promise<void> {
    const object = this.#to.value;
    const known = /^(pod|node|service):/.test(object);
    // Completion is a help only: where the ports cannot be had, the field stays empty.
    const ports = known ? await this.#events.ports(object).catch((): Port[] => []) : [];
    if (object !== this.#to.value) return;
    this.#portList.replaceChildren(
      ...ports.map(({ port, protocol, name }) => h("option", { value: port }, [protocol, name].filter(Boolean).join(" "))),
    );
    if (this.#port.value !== this.#suggested) return;
    const [first] = ports;
    this.#suggested = this.#port.value = first ? String(first.port) : "";
    if (first) this.#protocol.value = first.protocol;
    this.#protocolChanged();
  }
}
