// The options of a request: what the fields say enters, the members of the request's body leave.

import { element } from "./elements.js";

export class Controls {
  #fields = {};
  #told = [];
  #changed;
  compare = false;

  constructor(place, { categories, attributes, scenarios, user_attributes: told = [] }, changed) {
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
    const menu = (name, label, choices) => {
      if (!choices.length) return undefined;
      const option = (value) => element("option", { value }, value || "none");
      const select = element("select", { onchange: changed }, option(""), ...choices.map(option));
      this.#fields[name] = select;
      return element("label", {}, label, select);
    };
    const now = element("input", { type: "datetime-local", step: 1, onchange: changed });
    this.#fields.now = now;
    place.replaceChildren(...[
      menu("scenario", "Scenario", scenarios),
      this.#filter(attributes),
      number("limit", "Products", 1, 100, 10),
      number("per_category", "At most of a category", 1, 1000),
      number("min_score", "Lowest score, 0 to 1", 0, 1, undefined, 0.01),
      number("diversity", "Variety, 0 to 1", 0, 1, undefined, 0.1),
      element("label", {}, "Asked at (now)", now),
      check("exclude_seen", "Leave out what was viewed", changed, true),
      check("exclude_purchased", "Leave out what was bought"),
      check("compare", "Show what changed since the last step", () => {
        this.compare = this.#fields.compare.checked;
        changed();
      }),
      this.#shopper(told),
      this.#categories(categories),
    ].filter(Boolean));
  }

  /** A condition on the products, with the attributes that it may name. */
  #filter(attributes) {
    const names = ["category", "title", ...attributes.map(({ name }) => name)].filter((name) => /^\w+$/.test(name));
    const input = element("input", {
      type: "text", placeholder: 'category != "Books"', autocomplete: "off", onchange: this.#changed,
    });
    input.setAttribute("list", "filter-names");
    this.#fields.filter = input;
    const completion = element("datalist", { id: "filter-names" });
    // What is being written is completed at its last word.
    input.addEventListener("input", () => {
      const [, before, word] = /^(.*?)(\w*)$/s.exec(input.value);
      const found = word ? names.filter((name) => name.startsWith(word) && name !== word) : [];
      completion.replaceChildren(...found.map((name) => element("option", { value: before + name })));
    });
    return element("label", { class: "wide" }, `Filter by ${names.join(", ")}`, input, completion);
  }

  /** What the model may be told of the shopper; nothing for a model that reads nothing of that. */
  #shopper(attributes) {
    if (!attributes.length) return undefined;
    const labels = attributes.map(({ name, type, values = [] }) => {
      const option = (value) => element("option", { value }, value || "not known");
      const field = type === "number"
        ? element("input", { type: "number", step: "any", placeholder: "not known", oninput: this.#changed })
        : element("select", { multiple: type === "list", onchange: this.#changed }, ...(type === "list" ? values : ["", ...values]).map(option));
      this.#told.push({ name, type, field });
      return element("label", {}, name, field);
    });
    return element("fieldset", { class: "shopper" }, element("legend", {}, "Shopper"), ...labels);
  }

  /** What the fields say of the shopper; undefined where they say nothing. */
  get user() {
    const read = {
      text: ({ value }) => value,
      number: ({ value }) => Number(value),
      list: ({ selectedOptions }) => [...selectedOptions].map(({ value }) => value),
    };
    const said = this.#told.filter(({ field }) => field.value !== "");
    return said.length ? Object.fromEntries(said.map(({ name, type, field }) => [name, read[type](field)])) : undefined;
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
    for (const name of ["scenario", "filter"]) {
      const value = this.#fields[name]?.value.trim();
      if (value) body[name] = value;
    }
    for (const name of ["limit", "per_category", "min_score", "diversity"]) {
      const input = this.#fields[name];
      if (input.value !== "" && input.checkValidity()) body[name] = Number(input.value);
    }
    for (const name of ["exclude_seen", "exclude_purchased"]) {
      if (this.#fields[name].checked) body[name] = true;
    }
    if (this.user) body.user = this.user;
    const chosen = this.boxes.filter((box) => box.checked).map((box) => box.value);
    if (chosen.length && chosen.length < this.boxes.length) body.categories = chosen;
    if (!chosen.length && this.boxes.length) body.exclude_categories = this.boxes.map((box) => box.value);
    return body;
  }
}
