// The path section: the branches to choose from, the picture, the chosen hop.
import type { Branch } from "pathglass-wasm";
import { strings } from "../strings.js";
import { h, icon } from "./dom.js";
import { hopDetail } from "./hop.js";
import type { Cell } from "./layout.js";
import { picture, type Picture } from "./picture.js";

export class PathView {
  readonly element: HTMLElement;
  readonly #branches: Branch[];
  readonly #tabs: HTMLButtonElement[];
  readonly #scroll = h("div", { class: "scroll" });
  readonly #detail = h("div", { class: "detail", "aria-live": "polite" });
  readonly #facts = h("p", { class: "quiet facts" });
  #shown = 0;
  #picture: Picture | undefined;
  #width = 0;

  /** `id` tells the panels of several views on one page apart. */
  constructor({ branches }: { branches: Branch[] }, readonly id = "branch") {
    const text = strings.path;
    this.#branches = branches;
    this.#tabs = branches.map((branch, at) => this.#tab(branch, at));
    const panel = h("div", { id, role: branches.length > 1 ? "tabpanel" : null }, this.#facts, this.#scroll, this.#detail);
    this.element = h(
      "section",
      { class: "card path", "aria-label": text.label },
      h("header", {}, h("h2", {}, text.label), h("p", { class: "quiet" }, branches.length > 0 ? text.hint : text.none)),
      branches.length > 1 ? h("div", { class: "branches", role: "tablist", "aria-label": text.branches, keydown: (event: KeyboardEvent) => this.#key(event) }, ...this.#tabs) : null,
      panel,
    );
    const failing = branches.findIndex(({ outcome }) => outcome !== "connected");
    new ResizeObserver(() => this.#resized()).observe(this.#scroll);
    this.#show(Math.max(0, failing));
  }

  #tab(branch: Branch, at: number): HTMLButtonElement {
    const { probability, outcome, also, backend } = branch;
    const outcomes = [strings.outcome[outcome], also ? strings.path.also(strings.outcome[also].toLowerCase()) : ""].filter(Boolean).join(" ");
    return h(
      "button",
      { type: "button", role: "tab", class: `branch ${outcome}`, "aria-controls": this.id, click: () => this.#show(at) },
      icon(outcome),
      h("span", { class: "probability" }, probability === "1" ? "" : probability),
      h("span", {}, outcomes),
      backend ? h("code", {}, backend) : null,
    );
  }

  #key(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = (this.#shown + step + this.#tabs.length) % this.#tabs.length;
    this.#show(at);
    this.#tabs[at]?.focus();
  }

  #show(at: number): void {
    const branch = this.#branches[at];
    if (!branch) return;
    this.#shown = at;
    this.#tabs.forEach((tab, index) => {
      tab.setAttribute("aria-selected", String(index === at));
      tab.tabIndex = index === at ? 0 : -1;
    });
    this.#facts.textContent = [
      branch.client && this.#branches.length > 1 ? strings.verdict.client(branch.client) : "",
      branch.also && this.#branches.length === 1 ? strings.path.also(strings.outcome[branch.also].toLowerCase()) : "",
      branch.retries ? strings.path.retries : "",
    ]
      .filter(Boolean)
      .join(" · ");
    this.#draw(branch);
    if (this.#picture?.focus) this.#select(this.#picture.focus);
    else this.#detail.replaceChildren();
  }

  #draw(branch: Branch): void {
    this.#picture = picture(branch, this.#scroll.clientWidth || 1000, (cell) => this.#select(cell));
    this.#scroll.replaceChildren(this.#picture.element);
    this.#picture.fitTexts();
    // Where the picture is wider than the screen, the abnormal hop is what is seen first.
    this.#scroll.scrollLeft = this.#picture.focusX - this.#scroll.clientWidth / 2;
  }

  #selected: Cell | undefined;

  #select(cell: Cell): void {
    this.#selected = cell;
    this.#picture?.select(cell);
    this.#detail.replaceChildren(hopDetail(cell));
  }

  /** Draws anew for the new width, with the same hop chosen. */
  #resized(): void {
    const width = this.#scroll.clientWidth;
    const branch = this.#branches[this.#shown];
    if (width === this.#width || !branch) return;
    this.#width = width;
    const { lane, index } = this.#selected ?? {};
    this.#draw(branch);
    const again = this.#picture?.cell(lane, index);
    if (again) this.#select(again);
  }
}
