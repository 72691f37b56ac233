// The options of a request: what the fields say enters, the members of the request's body leave.

import { element } from "./elements.js";

export class Controls {
  #fields = {};
  #changed;
  compare = false;

  constructor(place, categories, changed) {
    this.#changed = changed;
    const number = (name, label, least, most, value, step = 1) => {
      const input = element("input", { type: "number", min: least, max: most, step, value: value ?? "", placeholder: value === undefined ? "any" : "", oninput: changed });
      this.#fields[name] = input;
      return element("label", {}, label, input);
    };
    const check = (name, label, onchange = changed, checked = false) => {
      const input = element("input", { type: "checkbox", checked, onchange });
      this.#fields[name] = input;
      return element("label", { class: "check" }, input, label);
    };
    const now = element("input", { type: "datetime-local", step: 1, onchange: changed });
    this.#fields.now = now;
    place.replaceChildren(
      number("limit", "Products", 1, 100, 10),
      number("per_category", "At most of a category", 1, 1000),
      number("min_score", "Lowest score, 0 to 1", 0, 1, undefined, 0.01),
      element("label", {}, "Asked at (now)", now),
      check("exclude_seen", "Leave out what was viewed", changed, true),
      check("compare", "Show what changed since the last step", () => {
        this.compare = this.#fields.compare.checked;
        changed();
      }),
      this.#categories(categories));
  }

  #categories(categories) {
    this.boxes = categories.map((name) => element("input", { type: "checkbox", value: name, checked: true, onchange: this.#changed }));
    const labels = this.boxes.map((box) => element("label", {}, box, box.value));
    const all = element("button", {
      type: "button",
      onclick: () => {
        const on = this.boxes.some((box) => !box.checked);
        this.boxes.forEach((box) => (box.checked = on));
        this.#changed();
      },
    }, "All or none");
    return element("fieldset", {}, element("legend", {}, "Categories"), ...labels, all);
  }

  /** Unix seconds that the request is asked at: the field's, or those of this machine's clock. */
  get now() {
    const chosen = this.#fields.now.value && new Date(this.#fields.now.value).getTime() / 1000;
    return chosen || Math.floor(Date.now() / 1000);
  }

  /** Members of the body, and only those that say something. */
  body() {
    const body = {};
    for (const name of ["limit", "per_category", "min_score"]) {
      const input = this.#fields[name];
      if (input.value !== "" && input.checkValidity()) body[name] = Number(input.value);
    }
    if (this.#fields.exclude_seen.checked) body.exclude_seen = true;
    const chosen = this.boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length && chosen.length < this.boxes.length) body.categories = chosen;
    if (!chosen.length && this.boxes.length) body.exclude_categories = this.boxes.map((box) => box.value);
    return body;
  }
}
