// Where a snapshot is dropped or chosen, and unlocked where it is encrypted.
import { strings } from "../strings.js";
import { h } from "./dom.js";

export interface Unlock {
  passphrase?: string;
  identity?: string;
}

export interface OpenerEvents {
  chosen(file: File): void;
  unlock(unlock: Unlock): void;
}

/** The empty state: a place to drop a file on. */
export class Opener {
  readonly element: HTMLElement;
  readonly #error: HTMLElement;
  readonly #unlock: HTMLFormElement;
  readonly #input: HTMLInputElement;

  constructor(events: OpenerEvents) {
    const text = strings.open;
    this.#input = h("input", { type: "file", id: "file", class: "visually-hidden", accept: ".pathglass,.pgs,.zip,.age,application/zip" });
    this.#input.addEventListener("change", () => {
      const file = this.#input.files?.[0];
      if (file) events.chosen(file);
      this.#input.value = "";
    });
    this.#error = h("p", { class: "problem", role: "alert", hidden: true });
    const passphrase = h("input", { type: "password", id: "passphrase", autocomplete: "off" });
    const identity = h("input", { type: "password", id: "identity", autocomplete: "off" });
    this.#unlock = h(
      "form",
      { class: "unlock", hidden: true },
      h("div", { class: "field" }, h("label", { for: "passphrase" }, text.passphrase), passphrase),
      h("div", { class: "field" }, h("label", { for: "identity" }, text.identity), identity),
      h("button", { type: "submit", class: "primary" }, text.unlock),
    );
    this.#unlock.addEventListener("submit", (event) => {
      event.preventDefault();
      events.unlock({
        ...(passphrase.value ? { passphrase: passphrase.value } : {}),
        ...(identity.value ? { identity: identity.value.trim() } : {}),
      });
    });
    this.element = h(
      "section",
      { class: "card opener", "aria-labelledby": "open-title" },
      h("h2", { id: "open-title" }, text.title),
      h("p", {}, text.drop),
      this.#input,
      h("button", { type: "button", class: "primary", click: () => this.choose() }, text.choose),
      h("p", { class: "quiet" }, text.hint),
      this.#error,
      this.#unlock,
    );
  }

  choose(): void {
    this.#input.click();
  }

  show(message: string, locked: boolean): void {
    this.#error.hidden = message === "";
    this.#error.textContent = message;
    this.#unlock.hidden = !locked;
  }
}

/** Takes files that are dropped anywhere on `target`. */
export function acceptDrops(target: HTMLElement, chosen: (file: File) => void): void {
  const over = (event: DragEvent, on: boolean) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    target.classList.toggle("dropping", on);
  };
  target.addEventListener("dragover", (event) => over(event, true));
  target.addEventListener("dragleave", (event) => over(event, false));
  target.addEventListener("drop", (event) => {
    over(event, false);
    const file = event.dataTransfer?.files[0];
    if (file) chosen(file);
  });
}
