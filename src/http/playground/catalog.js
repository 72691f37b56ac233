// The shelves: products by category, searched as one types. A shelf shows a part of a large category until it is asked
// for more.

import { element, tile } from "./elements.js";

const ON_A_SHELF = 36;
const FURTHER = 240;
const FOUND = 240;

export class Catalog {
  #products;
  #byHandle;
  #categories;
  #view;
  #category = "";
  #search = "";
  #shown = new Map();

  /** `view` is called with the handle of a product that was clicked, and the event. */
  constructor(products, view) {
    this.#products = products;
    this.#byHandle = new Map(products.map((product) => [product.handle, product]));
    this.#categories = [...Map.groupBy(products, (product) => product.category)].sort(([left], [right]) => left.localeCompare(right));
    this.#view = view;
    document.getElementById("search").addEventListener("input", (event) => {
      this.#search = event.target.value.trim().toLowerCase();
      this.#drawShelves();
    });
    this.#drawChips();
    this.#drawShelves();
  }

  get categories() {
    return this.#categories.map(([name]) => name);
  }

  get products() {
    return this.#products;
  }

  product(handle) {
    return this.#byHandle.get(handle);
  }

  #drawChips() {
    const chip = (name, label) =>
      element("button", {
        type: "button", "aria-pressed": String(this.#category === name),
        onclick: () => {
          this.#category = name;
          for (const other of document.querySelectorAll("#categories button")) other.setAttribute("aria-pressed", String(other.textContent === label));
          this.#drawShelves();
        },
      }, label);
    document.getElementById("categories").replaceChildren(chip("", "All"), ...this.categories.map((name) => chip(name, name)));
  }

  #drawShelves() {
    const place = document.getElementById("catalog");
    const shelves = this.#categories.filter(([name]) => !this.#category || name === this.#category);
    if (!this.#search) {
      place.replaceChildren(...shelves.map(([name, products]) => this.#shelf(name, products, this.#shown.get(name) ?? ON_A_SHELF)));
      return;
    }
    const fits = (product) => `${product.title} ${product.handle}`.toLowerCase().includes(this.#search);
    const found = shelves.flatMap(([, products]) => products.filter(fits));
    const title = found.length ? `${found.length} found` : "Nothing found: try fewer letters or another category";
    place.replaceChildren(this.#shelf(title, found.slice(0, FOUND), FOUND, found.length > FOUND ? `the first ${FOUND}` : ""));
  }

  #shelf(name, products, most, note = `${products.length}`) {
    const left = products.length - most;
    const more = left > 0 && element("button", {
      type: "button", class: "more",
      onclick: () => {
        this.#shown.set(name, most + FURTHER);
        this.#drawShelves();
      },
    }, `Show ${Math.min(left, FURTHER)} more of ${name}`);
    return element("section", { class: "shelf", "aria-label": name },
      element("h3", {}, name, " ", element("small", {}, note)),
      element("ul", { class: "products" }, ...products.slice(0, most).map((product) => element("li", {}, this.#product(product)))),
      more || null);
  }

  #product(product) {
    return element("button", {
      type: "button", class: product.available ? "product" : "product gone", onclick: (event) => this.#view(product.handle, event),
    }, tile(product), element("span", {}, product.title, product.available ? null : element("small", {}, "not available")));
  }
}
