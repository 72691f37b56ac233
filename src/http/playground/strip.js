// The session strip: the viewed products in order, with their times; drag or buttons change the order.

import { element, tile, toast } from "./elements.js";
import { formatAge, parseAge } from "./session.js";

export class Strip {
  #place;
  #session;
  #product;
  #dragged;

  /** `product` finds a product of the catalogue by its handle. */
  constructor(place, session, product) {
    this.#place = place;
    this.#session = session;
    this.#product = product;
  }

  draw() {
    const focused = this.#place.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
    this.#place.replaceChildren(...this.#session.views.map((view, index) => this.#view(view, index)));
    if (focused) this.#place.querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  /** The elements of all views of a product. */
  viewsOf(handle) {
    return [...this.#place.children].filter((view) => view.dataset.item === handle);
  }

  showLast() {
    this.#place.scrollTo({ left: this.#place.scrollWidth });
  }

  #view(view, index) {
    const known = this.#product(view.item);
    const name = known?.title ?? view.item;
    const last = this.#session.views.length - 1;
    const step = (by, sign, label, disabled) =>
      element("button", {
        type: "button", disabled, "aria-label": `Move ${name} ${label}`, "data-focus": `${label}-${index + by}`,
        onclick: () => this.#session.move(index, index + by),
      }, sign);
    const age = element("input", {
      value: formatAge(view.age), "aria-label": `When ${name} was viewed, such as 3 min`, "data-focus": `age-${index}`, inputMode: "text",
    });
    age.addEventListener("change", () => this.#setAge(index, age));
    const made = element("li", { class: known ? "view" : "view unknown", draggable: "true", "data-item": view.item },
      tile(known ?? { title: "?" }),
      element("span", { class: "name" }, name, known ? "" : element("span", { class: "hint" }, " (unknown)")),
      element("button", { type: "button", class: "remove", "aria-label": `Remove ${name}`, onclick: () => this.#session.remove(index) }, "×"),
      element("span", { class: "when" }, age, this.#kind(view, index, name), step(-1, "‹", "earlier", index === 0), step(1, "›", "later", index === last)));
    this.#makeDraggable(made, index);
    return made;
  }

  /** Whether the product was bought. */
  #kind(view, index, name) {
    return element("button", {
      type: "button", class: "kind", "aria-pressed": String(Boolean(view.bought)), "aria-label": `${name} was bought`, "data-focus": `bought-${index}`,
      onclick: () => this.#session.setBought(index, !view.bought),
    }, view.bought ? "bought" : "viewed");
  }

  #setAge(index, input) {
    const age = parseAge(input.value);
    if (age === undefined) {
      toast(`“${input.value}” is not a time: expected 45 s, 3 min, 2 h or 1 d`);
      input.value = formatAge(this.#session.views[index].age);
    } else {
      this.#session.setAge(index, age);
    }
  }

  #makeDraggable(made, index) {
    made.addEventListener("dragstart", (event) => {
      this.#dragged = index;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", made.dataset.item);
    });
    made.addEventListener("dragover", (event) => {
      if (this.#dragged === undefined) return;
      event.preventDefault();
      made.classList.add("over");
    });
    made.addEventListener("dragleave", () => made.classList.remove("over"));
    made.addEventListener("dragend", () => (this.#dragged = undefined));
    made.addEventListener("drop", (event) => {
      event.preventDefault();
      const from = this.#dragged;
      this.#dragged = undefined;
      if (from !== undefined) this.#session.move(from, index);
    });
  }
}
