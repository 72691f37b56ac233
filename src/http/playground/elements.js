// DOM elements from data. Text is only ever set as text: names of products come from outside.

/** An element with properties, attributes (`aria-…`, `data-…`, `role`, `for`), styles and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name === "style") for (const [key, style] of Object.entries(value)) made.style.setProperty(key, style);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (/^(aria-|data-|role$|for$|title$|draggable$)/.test(name)) made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** A colour of its own for each category, the same on every visit. */
function hue(text) {
  let hash = 7;
  for (const letter of text) hash = (hash * 31 + letter.codePointAt(0)) % 9973;
  return (hash * 47) % 360;
}

function initials(title) {
  const words = title.split(/\s+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** The picture of a product, or its initials on the colour of its category. */
export function tile(product) {
  const made = element("span", { class: "tile", "aria-hidden": "true", style: { "--hue": hue(product.category ?? "") } });
  if (product.image) {
    const image = element("img", { src: product.image, alt: "", loading: "lazy", referrerPolicy: "no-referrer" });
    image.addEventListener("error", () => made.replaceChildren(initials(product.title)), { once: true });
    made.append(image);
  } else {
    made.append(initials(product.title ?? ""));
  }
  return made;
}

/** A short message that goes away by itself. */
export function toast(text) {
  const place = document.getElementById("toast");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => place.classList.remove("shown"), 2500);
}

export const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
