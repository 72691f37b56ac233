// The status page: asks the service every two seconds, and draws the differences.

import { ask } from "./api.js";
import { element, percent } from "./elements.js";
import { askForKey } from "./key.js";

const EVERY = 2000;
const KEPT = 60;
const find = (id) => document.getElementById(id);
const samples = [];

const CHARTS = [
  { name: "requests a second", value: (rates) => rates.requests, show: (value) => value.toFixed(1) },
  { name: "median latency", value: (rates) => rates.percentile(0.5), show: milliseconds },
  { name: "99th percentile", value: (rates) => rates.percentile(0.99), show: milliseconds },
  { name: "answered by popularity", value: (rates) => rates.popular, show: percent },
];

function milliseconds(value) {
  return Number.isNaN(value) ? "–" : `${(1000 * value).toFixed(value < 0.01 ? 2 : 0)} ms`;
}

/** What happened between two answers. */
function between(earlier, later) {
  const seconds = Math.max(later.now - earlier.now, 0.001);
  const [before, after] = [earlier.traffic, later.traffic];
  const requests = after.requests - before.requests;
  const answers = ["model_answers", "popular_answers", "counted_answers"].reduce((sum, name) => sum + after[name] - before[name], 0);
  const buckets = after.latency.map(({ within, requests: count }, index) => ({ within, count: count - (before.latency[index]?.requests ?? 0) }));
  return {
    requests: requests / seconds,
    popular: answers ? (after.popular_answers - before.popular_answers) / answers : 0,
    percentile: (share) => percentile(buckets, requests, share),
  };
}

/** Linear within a bucket, as Prometheus does it; seconds, or NaN without requests. */
function percentile(buckets, total, share) {
  if (total <= 0) return NaN;
  const rank = share * total;
  let [from, below] = [0, 0];
  for (const { within, count } of buckets) {
    if (count >= rank) return from + ((within - from) * (rank - below)) / Math.max(count - below, 1);
    [from, below] = [within, count];
  }
  return from;
}

function drawCharts() {
  const rates = samples.slice(1).map((sample, index) => between(samples[index], sample));
  find("charts").replaceChildren(...CHARTS.map(({ name, value, show }) => {
    const values = rates.map(value);
    const last = values.at(-1);
    const most = Math.max(...values.filter((one) => !Number.isNaN(one)), 1e-9);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${KEPT} 20`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    // Without requests there is no latency: a gap, not a zero.
    const points = values.map((one, index) => (Number.isNaN(one) ? "" : `${Number.isNaN(values[index - 1] ?? NaN) ? "M" : "L"}${KEPT - values.length + index} ${19 - (18 * one) / most}`));
    line.setAttribute("d", points.join(""));
    svg.append(line);
    return element("div", { class: "chart" }, element("b", {}, last === undefined ? "–" : show(last)), element("span", {}, name), svg);
  }));
}

function list(place, facts, wrap) {
  find(place).replaceChildren(...facts.flatMap(([name, value]) => {
    const pair = [element("dt", {}, name), element("dd", {}, String(value))];
    return wrap ? [element("div", {}, ...pair)] : pair;
  }));
}

const registered = ({ name, version, alias }) => `${name}, version ${version}${alias ? `, alias ${alias}` : ""}`;

function drawFacts({ service, model, traffic, now }) {
  const count = (value) => value.toLocaleString("en");
  const hours = (now - model.since) / 3600;
  find("headline").textContent = `${model.name} ${model.version} on ${model.device ?? model.execution_provider} (${model.kernels} kernels), in service for ${hours < 1 ? `${Math.round(hours * 60)} min` : `${hours.toFixed(1)} h`}`;
  list("counters", [
    ["requests", count(traffic.requests)], ["failed", count(traffic.failures)], ["shed", count(traffic.shed)],
    ["by the model", count(traffic.model_answers)], ["by popularity", count(traffic.popular_answers)],
    ["by counts", count(traffic.counted_answers)],
    ["in flight", count(traffic.in_flight)], ["waiting", count(traffic.queued)],
    ["reloads", count(traffic.reloads)], ["failed reloads", count(traffic.failed_reloads)],
  ], true);
  list("model", [
    ...(model.registry ? [["registry", registered(model.registry)]] : []),
    ["made", model.created], ["in service since", new Date(1000 * model.since).toLocaleString()],
    ["trained on", `${count(model.interactions)} interactions, ${model.epochs} epochs (best: ${model.best_epoch}), seed ${model.seed}`],
    ["data", model.data_sha256], ["bundle", model.sha256],
    ["products", `${count(model.products)}, ${count(model.available)} available, ${percent(model.coverage)} of them recommended since`],
    ["service", `slirec ${service}`],
  ]);
  find("warning").hidden = !model.loses_to.length;
  find("warning").textContent = `On its test rows this model does not beat ${model.loses_to.join(", ")} (NDCG@10 over all products, 95 %).`;
  find("scenarios-section").hidden = !traffic.scenarios.length;
  const counts = ({ scenario, answers, boosts, buries, pins }) => [scenario, ...[answers, boosts, buries, pins].map(count)];
  table("scenarios", ["scenario", "sessions answered", "products boosted", "buried", "pinned"], traffic.scenarios.map(counts));
  const names = [...new Set(model.metrics.flatMap((set) => set.values.map((value) => value.name)))];
  const measured = (set) => {
    const values = new Map(set.values.map(({ name, value }) => [name, value]));
    return [set.set, ...names.map((name) => (values.has(name) ? values.get(name).toFixed(4) : ""))];
  };
  table("metrics", ["rows", ...names], model.metrics.map(measured));
}

/** Draws rows whose first cell names them. */
function table(place, columns, rows) {
  find(place).replaceChildren(
    element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))),
    element("tbody", {}, ...rows.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell))))));
}

async function poll() {
  try {
    const { answer } = await ask("/v1/status");
    // Counters begin anew after a restart.
    if (samples.length && answer.traffic.requests < samples.at(-1).traffic.requests) samples.length = 0;
    samples.push(answer);
    if (samples.length > KEPT + 1) samples.shift();
    find("problem").hidden = true;
    drawFacts(answer);
    drawCharts();
  } catch (problem) {
    if (problem.wantsKey) {
      // Nothing is asked again before there is a key: the form would lose what was typed.
      askForKey(find("problem"), poll);
      return;
    }
    find("problem").textContent = `${problem.message} Trying again every two seconds.`;
    find("problem").hidden = false;
  }
  setTimeout(poll, EVERY);
}

poll();
