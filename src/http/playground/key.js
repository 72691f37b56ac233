// Asks for the API key where the service needs one: a form in the place of an error, a key for this tab only.

import { hasKey, setKey } from "./api.js";
import { element } from "./elements.js";

/** Shows the form in `place`; `retry` asks the service again once a key was given. */
export function askForKey(place, retry) {
  const key = element("input", { type: "password", id: "api-key", name: "api-key", autocomplete: "off", required: true });
  const form = element("form", {
    class: "key",
    onsubmit: (event) => {
      event.preventDefault();
      setKey(key.value);
      retry();
    },
  },
  element("label", { for: "api-key" }, hasKey() ? "This API key is unknown to the service. Another one:" : "This service needs an API key:"),
  element("span", { class: "row" }, key, element("button", { type: "submit", class: "primary" }, "Use key")),
  element("span", { class: "hint" }, "Kept in this tab until it is closed."));
  place.replaceChildren(form);
  place.hidden = false;
  key.focus();
}
