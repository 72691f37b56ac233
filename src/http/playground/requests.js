// The request as code, ready to copy: for a terminal, for clients of MLflow, for a page.

import { element, toast } from "./elements.js";

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const FORMS = {
  curl: (body) =>
    `curl -s ${location.origin}/v1/recommendations -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify(body))}`,
  "/invocations": ({ history, user = {} }) => {
    const told = Object.fromEntries(Object.entries(user).map(([name, value]) => [`user.${name}`, value]));
    const views = { items: history.map((view) => view.item), timestamps: history.map((view) => String(view.time)) };
    return JSON.stringify({ inputs: { userId: "shopper", ...views, ...told } }, null, 2);
  },
  fetch: (body) =>
    `const response = await fetch("${location.origin}/v1/recommendations", {\n  method: "POST",\n` +
    `  headers: { "content-type": "application/json" },\n  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll("\n", "\n  ")}),\n});\n` +
    `const { items } = await response.json();`,
};

export class Requests {
  #form = "curl";
  #body = { history: [] };
  #code = element("pre", { tabIndex: 0, "aria-label": "Code of the request" });

  constructor(place) {
    const tabs = Object.keys(FORMS).map((form) =>
      element("button", {
        type: "button", "aria-pressed": String(form === this.#form),
        onclick: () => {
          this.#form = form;
          tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab.textContent === form)));
          this.draw(this.#body);
        },
      }, form));
    const copy = element("button", { type: "button", class: "copy", onclick: () => copyText(this.#code.textContent) }, "Copy");
    place.replaceChildren(element("div", { class: "tabs", role: "group", "aria-label": "Form of the code" }, ...tabs, copy), this.#code);
  }

  draw(body) {
    this.#body = body;
    this.#code.textContent = FORMS[this.#form](body);
  }
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied");
  } catch {
    toast("The browser does not allow copying here: mark the text and copy it");
  }
}
