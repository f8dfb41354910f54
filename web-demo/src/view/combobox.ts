// An input with completion over pods, nodes and services; any other text is taken as typed.
import { strings } from "../strings.js";
import { h } from "./dom.js";

/** Something that can be picked. */
export interface Choice {
  kind: "pod" | "node" | "service";
  /** What goes into the question. */
  id: string;
  /** Name and addresses, as shown. */
  label: string;
  detail: string;
  /** What typing is compared with, in lower case. */
  text: string;
}

const SHOWN = 60;

/** The best matches for what was typed: all words must occur; the start of a name counts most. */
export function match(choices: readonly Choice[], typed: string): { best: Choice[]; total: number } {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const ranked: { choice: Choice; rank: number }[] = [];
  for (const choice of choices) {
    let rank = 0;
    for (const word of words) {
      const at = choice.text.indexOf(word);
      if (at < 0) {
        rank = -1;
        break;
      }
      const before = choice.text[at - 1];
      rank += choice.id === word ? 8 : at === 0 ? 4 : before && /[/: ]/.test(before) ? 3 : before && /[-.]/.test(before) ? 2 : 1;
    }
    if (rank >= 0) ranked.push({ choice, rank });
  }
  ranked.sort((a, b) => b.rank - a.rank);
  return { best: ranked.slice(0, SHOWN).map(({ choice }) => choice), total: ranked.length };
}

/** The combobox pattern of the ARIA Authoring Practices: list below, focus stays in the input. */
export class Combobox {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  readonly #list: HTMLUListElement;
  readonly #count: HTMLElement;
  readonly #error: HTMLElement;
  #choices: readonly Choice[] = [];
  #shown: Choice[] = [];
  #active = -1;
  readonly #changed: () => void;

  constructor(name: string, label: string, hint: string, changed: () => void) {
    this.#changed = changed;
    const id = `combo-${name}`;
    this.input = h("input", {
      id,
      name,
      type: "text",
      role: "combobox",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      placeholder: hint,
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-controls": `${id}-list`,
      "aria-describedby": `${id}-error`,
    });
    this.#list = h("ul", { id: `${id}-list`, role: "listbox", "aria-label": label, class: "options", hidden: true });
    this.#count = h("span", { class: "quiet", role: "status" });
    this.#error = h("p", { class: "field-error", id: `${id}-error` });
    this.element = h("div", { class: `field combo ${name}` }, h("label", { for: id }, label), this.input, this.#list, this.#count, this.#error);

    this.input.addEventListener("input", () => {
      this.error = "";
      this.#open();
      this.#changed();
    });
    this.input.addEventListener("click", () => this.#open(true));
    this.input.addEventListener("blur", () => this.#close());
    this.input.addEventListener("keydown", (event) => this.#key(event));
  }

  get value(): string {
    return this.input.value.trim();
  }

  set value(value: string) {
    this.input.value = value;
    this.error = "";
  }

  set choices(choices: readonly Choice[]) {
    this.#choices = choices;
  }

  set error(message: string) {
    this.#error.textContent = message;
    if (message) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
  }

  #open(everything = false): void {
    const typed = this.#choices.some(({ id }) => id === this.value) && everything ? "" : this.value;
    const { best, total } = match(this.#choices, typed);
    this.#shown = best;
    this.#list.replaceChildren(
      ...best.map((choice, at) =>
        h(
          "li",
          {
            id: `${this.input.id}-${at}`,
            role: "option",
            "aria-selected": "false",
            // Before the input's blur, which would close the list.
            mousedown: (event: MouseEvent) => {
              event.preventDefault();
              this.#pick(choice);
            },
          },
          h("span", { class: `kind ${choice.kind}` }, strings.question.kinds[choice.kind]),
          h("span", { class: "name" }, choice.label),
          h("span", { class: "detail" }, choice.detail),
        ),
      ),
    );
    this.#list.hidden = best.length === 0;
    this.#count.textContent = strings.question.matches(total);
    this.input.setAttribute("aria-expanded", String(best.length > 0));
    this.#activate(-1);
  }

  #close(): void {
    this.#list.hidden = true;
    this.#count.textContent = "";
    this.input.setAttribute("aria-expanded", "false");
    this.#activate(-1);
  }

  #activate(at: number): void {
    this.#active = at;
    [...this.#list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === at)));
    const option = this.#list.children[at];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.input.setAttribute("aria-activedescendant", option.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  #pick(choice: Choice): void {
    this.value = choice.id;
    this.#close();
    this.#changed();
  }

  #key(event: KeyboardEvent): void {
    const n = this.#shown.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (this.#list.hidden) this.#open(true);
      else if (n > 0) this.#activate(event.key === "ArrowDown" ? (this.#active + 1) % n : (Math.max(this.#active, 0) + n - 1) % n);
    } else if (event.key === "Enter" && !this.#list.hidden) {
      // The marked one, or the only one; what is complete as typed goes on to the form.
      const choice = this.#shown[this.#active] ?? (n === 1 ? this.#shown[0] : undefined);
      if (choice && choice.id !== this.value) {
        event.preventDefault();
        this.#pick(choice);
      }
    } else if (event.key === "Escape" && !this.#list.hidden) {
      event.preventDefault();
      this.#close();
    }
  }
}
