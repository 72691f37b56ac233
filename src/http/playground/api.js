// The service's API: requests enter, answers leave, or an error in words. A key is kept for this tab only.

const KEY = "slirec-api-key";

/** What went wrong, as a person would say it. */
export class Problem extends Error {
  constructor(message, wantsKey = false) {
    super(message);
    this.wantsKey = wantsKey;
  }
}

export function setKey(key) {
  sessionStorage.setItem(KEY, key);
}

export const hasKey = () => Boolean(sessionStorage.getItem(KEY));

/** Sends a request with the key, if there is one, and answers whatever the service says. */
export async function send(path, { method = "GET", body, signal } = {}) {
  const headers = {};
  const key = sessionStorage.getItem(KEY);
  if (key) headers["x-api-key"] = key;
  if (body) headers["content-type"] = "application/json";
  try {
    return await fetch(path, { method, headers, body, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service does not answer: it may be stopped, or the network is down.");
  }
}

/** Asks the service; `body` makes it a POST. Answers the JSON and the service's own milliseconds. */
export async function ask(path, body, signal) {
  const response = await send(path, { method: body ? "POST" : "GET", body: body && JSON.stringify(body), signal });
  const timing = /total;dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "");
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return { answer, milliseconds: timing ? Number(timing[1]) : undefined };
  if (response.status === 401) throw new Problem("This service needs an API key.", true);
  if (response.status === 503) throw new Problem("The service is overloaded or stopping. Try again in a moment.");
  throw new Problem(`The service refused the request: ${answer.message ?? response.status}`);
}
