// Lines from viewed products to a recommended one; the width is the attention's weight.

const SVG = "http://www.w3.org/2000/svg";
let lit = [];
let drawn;

export function drawLines(target, sources) {
  clearLines();
  drawn = { target, sources };
  const place = document.getElementById("lines");
  const end = target.getBoundingClientRect();
  const strip = document.getElementById("strip").getBoundingClientRect();
  for (const { from, weight } of sources) {
    const start = from.getBoundingClientRect();
    from.classList.add("lit");
    lit.push(from);
    // A view that was scrolled out of the strip is marked, not pointed at.
    if (start.right < strip.left || start.left > strip.right) continue;
    const [x, y] = [start.left + start.width / 2, start.bottom];
    const [toX, toY] = [end.left + Math.min(end.width / 2, 60), end.top + 4];
    const bend = Math.max(30, Math.abs(toY - y) / 2);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", `M${x} ${y}C${x} ${y + bend} ${toX} ${toY - bend} ${toX} ${toY}`);
    path.setAttribute("stroke-width", String(1 + 9 * weight));
    place.append(path);
  }
}

export function clearLines() {
  document.getElementById("lines").replaceChildren();
  for (const view of lit) view.classList.remove("lit");
  lit = [];
  drawn = undefined;
}

// The lines stay at what they connect, also while the page scrolls to what has the focus.
addEventListener("scroll", () => drawn && drawLines(drawn.target, drawn.sources), { passive: true, capture: true });
