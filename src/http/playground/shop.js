// The shop's page: what is clicked becomes a session, the session becomes a request, the answer becomes a list.

import { ask } from "./api.js";
import { Catalog } from "./catalog.js";
import { Controls } from "./controls.js";
import { element, toast } from "./elements.js";
import { askForKey } from "./key.js";
import { Rails } from "./rails.js";
import { Requests, copyText } from "./requests.js";
import { Results } from "./results.js";
import { Session, fromHash, fromJson } from "./session.js";
import { Strip } from "./strip.js";

const find = (id) => document.getElementById(id);
const session = new Session(sessionChanged);
const requests = new Requests(find("requests"));
let catalog, strip, controls, rails, results, asking;
// Whether the session has changed since an answer was shown: only that is a step to compare with.
let stepped = false;

/** What the page asks the service. */
function request() {
  const now = controls.now;
  return { history: session.toHistory(now), now, explain: true, ...controls.body() };
}

function view(handle, event) {
  session.add(handle, event);
  // On a phone the list may be a long way off.
  const list = find("results").getBoundingClientRect();
  if (list.top > innerHeight || list.bottom < 0) toast(`${catalog.product(handle)?.title ?? handle} was added to the session; see the recommendations above`);
}

function sessionChanged(cause) {
  history.replaceState(null, "", session.toHash());
  strip.draw();
  if (cause) strip.showLast();
  find("session-hint").textContent = session.views.length
    ? "Oldest first. Drag a product, or change its time."
    : "Nothing viewed yet: click a product, or start from an example.";
  find("examples").hidden = session.views.length > 0;
  stepped = true;
  update(cause);
}

/** Asks for the recommendations of the session as it is now; only the last question's answer is shown. */
async function update(cause) {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const body = request();
  requests.draw(body);
  rails.drawAgain(body);
  rails.tellUser(body.user);
  find("results").setAttribute("aria-busy", "true");
  const clicked = cause?.timeStamp ?? performance.now();
  try {
    const { answer, milliseconds } = await ask("/v1/recommendations", body, signal);
    if (signal.aborted) return;
    find("problem").hidden = true;
    results.draw(answer, controls.compare, stepped);
    stepped = false;
    describe(answer);
    // The frame after the next one begins when this one is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const answered = `Answered in ${milliseconds?.toFixed(2) ?? "?"} ms`;
      const repainted = performance.now() - clicked;
      find("timing").textContent = cause ? `${answered}, on the screen ${repainted.toFixed(0)} ms after the click.` : `${answered}.`;
      if (cause) find("timing").dataset.repaint = repainted.toFixed(1);
    }));
  } catch (problem) {
    if (problem.name !== "AbortError") show(problem, () => update());
  } finally {
    if (!signal.aborted) find("results").removeAttribute("aria-busy");
  }
}

function describe({ source, scenario, items, unknown_items: unknown, model }) {
  const ignored = unknown ? ` · ${unknown} unknown ${unknown === 1 ? "view" : "views"} ignored` : "";
  const counted = source === "model" || source === "popular" ? undefined : source.replaceAll("_", " ");
  const from = counted ?? (source === "model" ? `by ${model.name} ${model.version}` : `popular products: ${whyPopular(unknown)}`);
  const placed = scenario ? ` · scenario ${scenario}` : "";
  find("source").textContent = items.length ? `${from}${placed}${ignored}` : `no product fits these options${placed}${ignored}`;
}

function whyPopular(unknown) {
  if (!session.views.length) return "nothing viewed yet";
  if (controls.body().scenario) return "the scenario asks for them, or no viewed product is known";
  return unknown ? "no viewed product is known" : "the service is overloaded";
}

/** An error in words, with a way to try again; or the form for the key, if that is what is missing. */
function show(problem, retry) {
  const place = find("problem");
  if (problem.wantsKey) {
    askForKey(place, retry);
    return;
  }
  place.replaceChildren(problem.message, element("button", { type: "button", onclick: retry }, "Try again"));
  place.hidden = false;
}

/** Sessions to start from: products that stand together in the catalogue. */
function drawExamples() {
  const shelves = Map.groupBy(catalog.products.filter((product) => product.available), (product) => product.category);
  const groups = [...shelves.values()].filter((products) => products.length > 2).slice(0, 3);
  const pick = [groups[0]?.slice(0, 2), groups[1]?.slice(1, 4), [groups[0]?.[2], groups[2]?.[0], groups[2]?.[1]]];
  const examples = pick.map((products) => products?.filter(Boolean)).filter((products) => products?.length);
  find("examples").replaceChildren("Try:", ...examples.map((products) =>
    element("button", {
      type: "button",
      onclick: () => {
        session.replace(products.map((product, index) => ({ item: product.handle, age: (products.length - index) * 60 })));
        // The examples are hidden: keyboard focus moves to the session.
        find("strip").querySelector("input")?.focus();
      },
    }, products.map((product) => product.title).join(", "))));
}

function listen() {
  find("clear").addEventListener("click", () => session.clear());
  find("share").addEventListener("click", () => copyText(location.href));
  find("paste").addEventListener("click", () => find("paste-dialog").showModal());
  find("paste-use").addEventListener("click", () => {
    try {
      session.replace(fromJson(find("paste-text").value));
      find("paste-problem").textContent = "";
      find("paste-dialog").close();
      toast("Session taken from the JSON");
    } catch (problem) {
      find("paste-problem").textContent = problem.message;
    }
  });
  addEventListener("hashchange", () => session.replace(fromHash(location.hash)));
}

async function start() {
  let answer;
  try {
    ({ answer } = await ask("/v1/catalog"));
    find("problem").hidden = true;
    catalog = new Catalog(answer.products, view);
  } catch (problem) {
    show(problem, start);
    return;
  }
  strip = new Strip(find("strip"), session, (handle) => catalog.product(handle));
  controls = new Controls(find("controls"), { ...answer, categories: catalog.categories }, () => update());
  rails = new Rails(find, catalog, view);
  results = new Results(find("results"), strip, catalog, view, (handle) => rails.add(handle));
  drawExamples();
  listen();
  session.replace(fromHash(location.hash));
}

start();
