// Asks a running service for recommendations with Node's own fetch (Node 18 or later); in a browser the same code works
// for origins that `cors.origins` names.
//
//     make serve                                             # in another terminal
//     node examples/client.mjs http://127.0.0.1:8080 novel atlas
//
// The arguments are the service's address and the products that the shopper viewed, oldest first. SLIREC_API_KEY holds
// a key where the service has keys. Leaves: one line for each product, best first.

// A refused request is repeated so often, as long as the service asks for time.
const ATTEMPTS = 3;

/** The answer of `POST /v1/recommendations` for views that are ten seconds apart, the last one just now. */
export async function recommend(address, handles, { limit = 5, key } = {}) {
  const now = Date.now() / 1000;
  const history = handles.map((item, index) => ({ item, time: now - 10 * (handles.length - 1 - index) }));
  const request = {
    method: "POST",
    headers: { "content-type": "application/json", ...(key && { "x-api-key": key }) },
    body: JSON.stringify({ history, now, limit, exclude_seen: true }),
  };
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${address}/v1/recommendations`, { ...request, signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    if (response.ok) return answer;
    // 503: the service is overloaded or stops. Every other status is the same however often one asks.
    if (response.status !== 503 || attempt === ATTEMPTS) {
      throw new Error(`${response.status} ${answer.error_code}: ${answer.message}`);
    }
    const seconds = Number(response.headers.get("retry-after") ?? 1);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

const [, , address, ...handles] = process.argv;
if (!address) {
  console.error("usage: client.mjs ADDRESS [HANDLE…]");
  process.exit(2);
}
try {
  const answer = await recommend(address.replace(/\/$/, ""), handles, { key: process.env.SLIREC_API_KEY });
  for (const { field, message } of answer.warnings ?? []) console.error(`warning: ${field}: ${message}`);
  for (const { score, handle } of answer.items) console.log(`${score.toFixed(3)}  ${handle}  (${answer.source})`);
} catch (error) {
  console.error(`error: ${error.message}${error.cause ? `: ${error.cause.message}` : ""}`);
  process.exitCode = 1;
}
