// The answer: products with their scores, what they rose or fell by, and why. A product that is pointed at draws lines
// from the strip.

import { element, percent, tile } from "./elements.js";
import { clearLines, drawLines } from "./lines.js";

const HINT = "Point at a product, or ask why, to see which views weighed most.";

export class Results {
  #place;
  #strip;
  #catalog;
  #view;
  #buy;
  /** Places in the answer to the session as it is, and as it was before its last change. */
  #last = new Map();
  #before = new Map();
  #open;

  /** `view` is called for a product that is looked at, `buy` for one that goes into the cart. */
  constructor(place, strip, catalog, view, buy) {
    this.#place = place;
    this.#strip = strip;
    this.#catalog = catalog;
    this.#view = view;
    this.#buy = buy;
    place.addEventListener("pointerleave", () => this.#hide());
    place.addEventListener("focusout", () => this.#hide());
  }

  /** `stepped`: the session has changed since the last answer. */
  draw(answer, compare, stepped) {
    this.#hide();
    if (stepped) this.#before = this.#last;
    const before = this.#before;
    this.#last = new Map(answer.items.map((item, index) => [item.handle, index]));
    const largest = Math.max(...answer.items.map((item) => item.score), 1e-9);
    const rows = answer.items.map((item, index) => {
      const move = compare && before.size ? moved(before.get(item.handle), index) : undefined;
      return this.#row(item, index, largest, move);
    });
    // Who came by keyboard stays at the place in the list where they were.
    const focused = [...this.#place.children].findIndex((row) => row.contains(document.activeElement));
    this.#place.replaceChildren(...rows);
    if (focused >= 0) this.#place.children[Math.min(focused, rows.length - 1)]?.firstElementChild.focus({ preventScroll: true });
  }

  #row(item, index, largest, move) {
    const why = item.explanation;
    const long = why ? why.long_term_share : 0;
    const share = (100 * item.score) / largest;
    const bar = (className, part) => element("i", { class: className, style: { "--share": String(share * part) } });
    const row = element("button", { type: "button", class: "result", onclick: (event) => this.#view(item.handle, event) },
      element("span", { class: "rank" }, String(index + 1)),
      tile({ ...item, image: this.#catalog.product(item.handle)?.image }),
      element("span", { class: "text" }, element("span", { class: "title" }, item.title), " ", element("span", { class: "category" }, item.category),
        ...(item.rules?.applied ?? []).flatMap((rule) => [" ", element("span", { class: "badge" }, badge(rule))])),
      element("span", { class: `move ${move?.kind ?? ""}`, "aria-label": move?.label }, move?.sign ?? ""),
      element("span", { class: "scale", "aria-hidden": "true" }, why ? bar("long", long) : null, bar("", 1 - long)),
      element("span", { class: "score" }, element("span", { class: "unseen" }, "score "), percent(item.score)),
      why ? element("span", { class: "unseen" }, `. Because of ${this.#reasons(why)}; ${percent(long)} long-term interest`) : null);
    const show = () => this.#show(row, why);
    const ask = why ? element("button", { type: "button", class: "ask", "aria-label": `Why ${item.title}?`, onclick: show }, "why?") : null;
    const add = element("button", { type: "button", class: "add", "aria-label": `Put ${item.title} into the cart`, onclick: () => this.#buy(item.handle) }, "+");
    const made = element("li", {}, row, ask, add);
    row.addEventListener("pointerenter", show);
    row.addEventListener("focus", show);
    return made;
  }

  #reasons(why) {
    return why.attention.map(({ item, weight }) => `${this.#catalog.product(item)?.title ?? item} ${percent(weight)}`).join(", ");
  }

  #show(row, why) {
    this.#hide();
    if (!why) return;
    drawLines(row, why.attention.flatMap(({ item, weight }) => this.#strip.viewsOf(item).map((from, _, views) => ({ from, weight: weight / views.length }))));
    const parts = why.attention.flatMap(({ item, weight }, index) => [index ? ", " : "", element("b", {}, this.#catalog.product(item)?.title ?? item), ` ${percent(weight)}`]);
    const place = document.getElementById("why");
    place.replaceChildren("Attention: ", ...parts, `. Long-term interest made ${percent(why.long_term_share)} of the score, the last views ${percent(1 - why.long_term_share)}.`);
    this.#open = place;
  }

  #hide() {
    clearLines();
    this.#open?.replaceChildren(HINT);
    this.#open = undefined;
  }
}

/** What a rule did, in a few words. */
function badge({ name, effect, factor, position }) {
  if (effect === "boost") return `${name} ×${factor}`;
  return effect === "pin" ? `${name}: pinned to ${position}` : `${name}: behind all others`;
}

function moved(before, now) {
  if (before === undefined) return { kind: "new", sign: "new", label: "new in the list" };
  if (before > now) return { kind: "up", sign: `▲${before - now}`, label: `up by ${before - now}` };
  if (before < now) return { kind: "down", sign: `▼${now - before}`, label: `down by ${now - before}` };
  return { kind: "", sign: "=", label: "where it was" };
}
