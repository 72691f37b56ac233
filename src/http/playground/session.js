// A session as the page holds it: views with their ages in seconds, oldest first, and whether the product was bought then.
// The address carries it: `#s=novel~90,atlas~30~bought`.

/** Seconds of "3 min", "2 h", "1 d", "45 s", "now"; undefined for anything else. */
export function parseAge(text) {
  const found = /^\s*(?:(now)|(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?)(?:\s*ago)?\s*$/i.exec(text);
  if (!found) return undefined;
  if (found[1]) return 0;
  const unit = { s: 1, m: 60, h: 3600, d: 86400 }[(found[3] ?? "m")[0].toLowerCase()];
  const age = Number(found[2]) * unit;
  return age <= 3650 * 86400 ? Math.round(age) : undefined;
}

/** A duration in words: "3 min". */
export function formatAge(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${trim(seconds / 60)} min`;
  if (seconds < 86400) return `${trim(seconds / 3600)} h`;
  return `${trim(seconds / 86400)} d`;
}

const trim = (value) => String(Math.round(value * 10) / 10);

/** Views, changed only through these methods; `changed` is called after each change. */
export class Session {
  #changed;
  views = [];

  constructor(changed) {
    this.#changed = changed;
  }

  #set(views, cause) {
    this.views = [...views].sort((left, right) => right.age - left.age);
    this.#changed(cause);
  }

  /** A product is looked at now; what was seen before is half a minute longer ago. */
  add(item, cause) {
    this.#set([...this.views.map((view) => ({ ...view, age: view.age + 30 })), { item, age: 5 }], cause);
  }

  remove(index) {
    this.#set(this.views.toSpliced(index, 1));
  }

  clear() {
    this.#set([]);
  }

  replace(views) {
    this.#set(views);
  }

  setAge(index, age) {
    this.#set(this.views.with(index, { ...this.views[index], age }));
  }

  setBought(index, bought) {
    this.#set(this.views.with(index, { ...this.views[index], bought }));
  }

  /** Another order of the products; the times stay where they are. */
  move(from, to) {
    if (to < 0 || to >= this.views.length || from === to) return;
    const views = [...this.views];
    const [moved] = views.splice(from, 1);
    views.splice(to, 0, moved);
    this.#set(this.views.map(({ age }, index) => ({ ...views[index], age })));
  }

  toHash() {
    const part = ({ item, age, bought }) => `${encodeURIComponent(item).replaceAll("~", "%7E")}~${age}${bought ? "~bought" : ""}`;
    return this.views.length ? `#s=${this.views.map(part).join(",")}` : "#";
  }

  /** As a request has it. */
  toHistory(now) {
    return this.views.map(({ item, age, bought }) => ({ item, time: now - age, ...(bought && { event: "purchase" }) }));
  }
}

/** Views of an address, or none. */
export function fromHash(hash) {
  const found = /^#s=(.+)$/.exec(hash);
  if (!found) return [];
  const views = found[1].split(",").slice(-500).map((part) => {
    const [item, age, event] = part.split("~");
    try {
      return { item: decodeURIComponent(item), age: Math.max(0, Number(age) || 0), bought: event === "bought" };
    } catch {
      return undefined;
    }
  });
  return views.filter((view) => view?.item);
}

/** Views of pasted JSON, in the form of either protocol. Throws an error in words. */
export function fromJson(text, now = Date.now() / 1000) {
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Error(`This is not JSON: ${error.message}`);
  }
  const split = body?.dataframe_split;
  const ofSplit = split && Object.fromEntries((split.columns ?? []).map((name, index) => [name, split.data?.[0]?.[index]]));
  const row = [ofSplit, body?.inputs, body?.instances, body?.dataframe_records, body].find((found) => found) ?? {};
  const session = (Array.isArray(row) && row.length === 1 ? row[0] : row) ?? {};
  const history = Array.isArray(session) ? session : (session.history ?? paired(session));
  if (!Array.isArray(history)) throw new Error("Expected `history` with `item` and `time`, or `items` and `timestamps`.");
  const views = history.map((view, index) => {
    const { item, time, event } = view ?? {};
    if (typeof item !== "string" || !item) throw new Error(`history[${index}].item: expected the handle of a product.`);
    return { item, time: unixSeconds(time, `history[${index}].time`), bought: event === "purchase" };
  });
  // Sessions of another day keep their gaps: their newest view is a moment ago.
  const newest = Math.max(...views.map((view) => view.time));
  const reference = session.now ? unixSeconds(session.now, "now") : now - newest > 86400 || newest > now ? newest + 5 : now;
  return views.map(({ item, time, bought }) => ({ item, bought, age: Math.max(0, Math.round(reference - time)) }));
}

/** Seconds of a Unix time in seconds or milliseconds, or of ISO 8601: UTC unless it says otherwise, as the service reads it. */
function unixSeconds(time, field) {
  const iso = typeof time === "string" && /^\d{4}-\d\d-\d\d([T ][\d:.]+)?(.*)$/.exec(time.trim());
  const written = iso && (iso[2] || !iso[1] ? time.trim() : `${time.trim()}Z`).replace(" ", "T");
  const value = iso ? Date.parse(written) / 1000 : time === null || time === "" ? NaN : Number(time);
  if (!Number.isFinite(value)) throw new Error(`${field}: expected a Unix time, in seconds or milliseconds, or ISO 8601.`);
  return value > 1e11 ? value / 1000 : value;
}

const paired = ({ items, timestamps }) =>
  Array.isArray(items) && Array.isArray(timestamps) ? items.map((item, index) => ({ item, time: timestamps[index] })) : undefined;
