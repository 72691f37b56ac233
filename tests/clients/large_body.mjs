// Sends large bodies with Node's fetch and prints how often which status, or which error, came back: URL MEGABYTES
// TIMES KEY.
const [, , url, megabytes, times, key] = process.argv;
const body = Buffer.alloc(Number(megabytes) * 1e6, ' ');
body.write('{"history":[]}');
const outcomes = {};
for (let sent = 0; sent < Number(times); sent += 1) {
  let outcome;
  try {
    const response = await fetch(url, { method: 'POST', body, headers: { 'x-api-key': key } });
    outcome = response.status;
    await response.text();
  } catch (error) {
    outcome = `${error.message} ${error.cause?.code}`;
  }
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
console.log(JSON.stringify(outcomes));
