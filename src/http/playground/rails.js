// The cart and what goes with it, what is in demand, and what is bought again: each is a question of its own to the service.

import { ask } from "./api.js";
import { element, percent, tile } from "./elements.js";

const LIMIT = 6;
const SOURCES = {
  bought_together: "bought together", viewed_together: "viewed together", model: "by the model", popular: "popular products",
  trending: "in demand", trending_in_category: "in demand in the category", buy_again: "bought again",
};

export class Rails {
  #cart = [];
  #user;
  #catalog;
  #view;
  #find;
  /** The number of the latest question of each list: an earlier one may be answered later. */
  #asked = {};

  /** `find` gives the elements of the page by their ids, `view` is called for a product that is looked at. */
  constructor(find, catalog, view) {
    this.#find = find;
    this.#catalog = catalog;
    this.#view = view;
    find("window").addEventListener("change", () => this.#drawTrending());
    this.#drawCart();
    this.#drawTrending();
  }

  add(handle) {
    if (!this.#cart.includes(handle)) this.#cart.push(handle);
    this.#drawCart();
  }

  #remove(handle) {
    this.#cart = this.#cart.filter((other) => other !== handle);
    this.#drawCart();
  }

  #drawCart() {
    const chips = this.#cart.map((handle) => {
      const title = this.#catalog.product(handle)?.title ?? handle;
      return element("li", {}, element("button", { type: "button", "aria-label": `Take ${title} out of the cart`, onclick: () => this.#remove(handle) }, `${title} ×`));
    });
    this.#find("cart").replaceChildren(...chips);
    if (!chips.length) {
      this.#asked.complements = (this.#asked.complements ?? 0) + 1;
      this.#find("complements").replaceChildren();
      this.#find("cart-source").textContent = "Empty: put a product into it with + beside a recommendation.";
      return;
    }
    this.#draw("complements", "cart-source", "/v1/complements", { items: this.#cart, user: this.#user, limit: LIMIT });
  }

  /** Asks anew what goes with the cart, where another shopper is told of. */
  tellUser(user) {
    const before = JSON.stringify(this.#user);
    this.#user = user;
    if (JSON.stringify(user) !== before && this.#cart.length) this.#drawCart();
  }

  #drawTrending() {
    this.#draw("trending", "trending-source", "/v1/trending", { window: this.#find("window").value, limit: LIMIT });
  }

  /** What the session of a request says was bought, if it says so of any product. */
  drawAgain({ history, now }) {
    const bought = history.filter(({ event }) => event === "purchase");
    this.#find("again-section").hidden = !bought.length;
    if (bought.length) this.#draw("again", "again-source", "/v1/buy-again", { history: bought, now, limit: LIMIT });
  }

  async #draw(list, hint, path, body) {
    const place = this.#find(list);
    const asked = this.#asked[list] = (this.#asked[list] ?? 0) + 1;
    const isLate = () => this.#asked[list] !== asked;
    try {
      const { answer } = await ask(path, body);
      if (isLate()) return;
      place.replaceChildren(...answer.items.map((item) => this.#row(item, answer.source)));
      this.#find(hint).textContent = answer.items.length ? SOURCES[answer.source] ?? answer.source : "no product";
    } catch (problem) {
      if (isLate()) return;
      place.replaceChildren();
      this.#find(hint).textContent = problem.wantsKey ? "" : problem.message;
    }
  }

  #row(item, source) {
    const { together, again } = item;
    const beside = this.#catalog.product(together?.with)?.title;
    const counted = together && `${together.support} with ${beside ?? "it"}, ${percent(together.confidence)}`;
    const bought = again && `bought ${again.count} ${again.count === 1 ? "time" : "times"}${again.due ? ", due" : ""}`;
    const other = item.source && item.source !== source ? SOURCES[item.source] ?? item.source : undefined;
    return element("li", {}, element("button", { type: "button", class: "product", onclick: (event) => this.#view(item.handle, event) },
      tile({ ...item, image: this.#catalog.product(item.handle)?.image }),
      element("span", {}, item.title, element("small", {}, counted ?? bought ?? other ?? item.category))));
  }
}
