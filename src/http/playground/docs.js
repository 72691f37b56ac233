// The API as a page: the service's OpenAPI document enters, a section for each operation leaves, with a request to try.

import { Problem, ask, send } from "./api.js";
import { element } from "./elements.js";
import { askForKey } from "./key.js";

let api;

const resolve = (schema) =>
  schema?.$ref ? schema.$ref.slice(2).split("/").reduce((at, name) => at[name], api) : (schema ?? {});

function typeOf(schema) {
  if (schema.$ref) return typeOf(resolve(schema));
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}`;
  if (schema.enum) return schema.enum.join(" or ");
  return schema.type ?? "";
}

function bounds(schema) {
  const parts = [];
  if (schema.minimum !== undefined || schema.maximum !== undefined) parts.push(`${schema.minimum ?? ""} to ${schema.maximum ?? ""}`);
  if (schema.maxItems !== undefined) parts.push(`at most ${schema.maxItems}`);
  if (schema.maxLength !== undefined) parts.push(`at most ${schema.maxLength} characters`);
  return parts.join(", ");
}

/** A body to try: what is required, and optional members that have an example. */
function example(schema, inner = false) {
  const full = resolve(schema);
  if (full.example !== undefined) return full.example;
  if (full.type === "array") return [example(full.items, true)];
  if (full.type !== "object") return full.type === "string" ? "" : 0;
  const members = Object.entries(full.properties ?? {}).filter(([name, member]) =>
    (full.required ?? []).includes(name) || (!inner && member.example !== undefined));
  return Object.fromEntries(members.map(([name, member]) => [name, example(member, true)]));
}

function members(schema, seen = []) {
  const full = resolve(schema);
  const rows = Object.entries(full.properties ?? {}).map(([name, member]) => {
    const about = resolve(member);
    const inner = resolve(about.items ?? about);
    const cell = element("td", {}, member.description ?? about.description ?? "");
    if (inner.properties && !seen.includes(inner)) cell.append(folded("members", members(inner, [...seen, inner])));
    const required = (full.required ?? []).includes(name) ? "" : " (optional)";
    return element("tr", {}, element("td", {}, element("code", {}, name)),
      element("td", { class: "type" }, typeOf(member) + required), element("td", { class: "bounds" }, bounds(about)), cell);
  });
  return element("table", {}, ...rows);
}

const folded = (title, content) => element("details", {}, element("summary", {}, title), content);

function answers(responses) {
  const rows = Object.entries(responses).map(([status, response]) => {
    const content = response.content?.["application/json"];
    const cell = element("td", {}, response.description);
    if (content) cell.append(folded("members", members(content.schema)));
    return element("tr", {}, element("td", {}, element("code", {}, status)), cell);
  });
  return element("table", {}, ...rows);
}

function tryIt(method, path, schema) {
  const body = schema && element("textarea", { spellcheck: false, "aria-label": `Body of ${method} ${path}` }, JSON.stringify(example(schema), null, 2));
  const problem = element("div", { class: "problem" });
  const answer = element("pre", { hidden: true, tabIndex: 0, "aria-label": `Answer of ${method} ${path}` });
  const run = async () => {
    problem.replaceChildren();
    try {
      const response = await send(`.${path}`, { method, body: body?.value });
      if (response.status === 401) return askForKey(problem, run);
      const text = await response.text();
      answer.textContent = `${response.status}\n${readable(text)}`;
      answer.hidden = false;
    } catch (error) {
      problem.textContent = error instanceof Problem ? error.message : String(error);
    }
  };
  return element("div", { class: "try" }, body, element("button", { type: "button", class: "primary", onclick: run }, "Send"), problem, answer);
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function section({ path, method, operation }) {
  const schema = operation.requestBody?.content["application/json"].schema;
  return element("section", {},
    element("h2", {}, element("b", {}, method), element("code", {}, path)),
    element("p", {}, [operation.summary, operation.description].filter(Boolean).join(" ")),
    ...(schema ? [element("h3", {}, "Request"), members(schema)] : []),
    element("h3", {}, "Answers"), answers(operation.responses),
    element("h3", {}, "Try it"), tryIt(method, path, schema));
}

async function start() {
  const problem = document.getElementById("problem");
  try {
    api = (await ask("openapi.json")).answer;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    return;
  }
  document.getElementById("about").textContent = `${api.info.description} Version ${api.info.version}.`;
  const order = api.tags.map((tag) => tag.name);
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));
  operations.sort((left, right) => order.indexOf(left.operation.tags[0]) - order.indexOf(right.operation.tags[0]));
  document.getElementById("operations").append(...operations.map(section));
}

start();
