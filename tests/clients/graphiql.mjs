// GraphiQL in a browser, at a server of its own: a query is typed and answered, and a subscription shows a hold as soon as
// somebody makes one. Nothing is refused on the way, and nothing fails.
//
//   node graphiql.mjs PATH_OF_SLOTWISE embedded
//   node graphiql.mjs PATH_OF_SLOTWISE cdn PATH_OF_NODE_MODULES
//
// `embedded`: GraphiQL is in the binary, and the page asks nobody but the server for anything. `cdn`: the page loads it
// from there. Nobody goes there for that: what npm has brought answers in its place, and the browser compares the hashes.
// CHROMIUM names the browser, if it is not one of those that are looked for.

import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

import puppeteer from "puppeteer-core";

import { until, withServer } from "./server.mjs";

const [program, from, packages] = process.argv.slice(2);
const CDN = "https://cdn.jsdelivr.net/npm/";
const TYPES = { css: "text/css", js: "text/javascript" };
const HOLD = `mutation Hold($input: HeartbeatInput!) { heartbeat(input: $input) { granted userErrors { code } } }`;

function findBrowser() {
  const names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"];
  const places = process.env.PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const isThere = (place) => {
    try {
      return accessSync(place, constants.X_OK) === undefined;
    } catch {
      return false;
    }
  };
  const found = process.env.CHROMIUM ?? places.find(isThere);
  assert(found, `none of these is here: ${names.join(", ")}. Name a browser by CHROMIUM`);
  return found;
}

/** What the CDN has at this address: what npm has brought. */
async function fromPackages(address, spoil) {
  const [, name, file] = /^([^@]+)@[^/]+\/(.+)$/.exec(address.slice(CDN.length));
  const body = await readFile(join(packages, name, file));
  const contentType = TYPES[file.split(".").pop()];
  const headers = { "access-control-allow-origin": "*" };
  return { contentType, headers, body: spoil ? Buffer.concat([body, Buffer.from("\n")]) : body };
}

/** A page that notes whom it asks, and what is wrong with it; `spoil`: the CDN sends something else than it should. */
async function open(browser, server, { spoil = false } = {}) {
  const page = await (await browser.createBrowserContext()).newPage();
  const noted = { asked: new Set(), wrong: [] };
  page.on("console", (message) => message.type() === "error" && noted.wrong.push(message.text()));
  page.on("pageerror", (error) => noted.wrong.push(String(error)));
  page.on("requestfailed", (request) => noted.wrong.push(`${request.url()}: ${request.failure().errorText}`));
  await page.exposeFunction("noteViolation", (violation) => noted.wrong.push(violation));
  await page.evaluateOnNewDocument(() => {
    const tell = (event) => window.noteViolation(`${event.violatedDirective} forbids ${event.blockedURI}`);
    document.addEventListener("securitypolicyviolation", tell);
  });
  const network = await page.createCDPSession();
  await network.send("Network.enable");
  network.on("Network.webSocketCreated", ({ url }) => noted.asked.add(new URL(url).host));
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    const address = new URL(request.url());
    if (address.protocol === "data:") return request.continue();
    noted.asked.add(address.host);
    if (address.origin === new URL(server.page).origin) return request.continue();
    if (from === "cdn" && address.href.startsWith(CDN)) return request.respond(await fromPackages(address.href, spoil));
    return request.abort("blockedbyclient");
  });
  await page.goto(server.page);
  return [page, noted];
}

/** Presses a key while Control is held. */
async function control(page, key) {
  await page.keyboard.down("Control");
  await page.keyboard.press(key);
  await page.keyboard.up("Control");
}

/**
 * Runs what is in the editor, which begins its operation like this. GraphiQL reads what was changed a moment later, and
 * until then runs it as what was there before: nobody is so quick but we.
 */
async function run(page, operation) {
  const hasRead = (operation) => {
    const editor = document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror;
    const text = editor.getValue();
    return text.includes(operation) && editor.documentAST?.loc.source.body === text;
  };
  await page.waitForFunction(hasRead, {}, operation);
  await control(page, "Enter");
}

/** Waits until the page shows an answer with data like this. */
async function answered(page, what, isSo) {
  const read = () => document.querySelector(".graphiql-response .CodeMirror")?.CodeMirror.getValue();
  let shown;
  const isShown = async () => {
    shown = await page.evaluate(read);
    const { data } = shown ? JSON.parse(shown) : {};
    return data !== undefined && isSo(data);
  };
  await until(what, isShown).catch((error) => assert.fail(`${error.message}, with this for an answer: ${shown}`));
}

async function query(page) {
  const editor = await page.waitForSelector(".graphiql-query-editor .CodeMirror");
  await editor.click();
  await control(page, "a");
  await page.keyboard.type("{ settings { holdSeconds } }");
  await run(page, "{ settings");
  await answered(page, "the answer to the query", ({ settings }) => settings?.holdSeconds > 0);
}

/** The tab in which newcomers find the subscription, whose day is tomorrow. */
async function subscription(page, server) {
  const start = await page.evaluate("start");
  await page.locator("::-p-xpath(//button[normalize-space()='WatchHolds'])").click();
  await page.click(".graphiql-query-editor .CodeMirror");
  await run(page, "subscription WatchHolds");
  await answered(page, "the first state", ({ presenceChanged }) => presenceChanged?.holds.length === 0);
  const slots = [{ start, durationMinutes: 60 }];
  const sessionSecret = "a session beside the browser";
  const input = { resourceId: "res_studio-a", eventTypeId: "evt_one-hour", slots, sessionSecret };
  const { heartbeat } = await server.ask(HOLD, { input });
  assert(heartbeat.granted, JSON.stringify(heartbeat));
  await answered(page, "the hold", ({ presenceChanged }) => presenceChanged?.holds[0]?.start === start);
}

/** All goes well, and nobody is asked who need not be. */
async function used(browser, server) {
  const [page, { asked, wrong }] = await open(browser, server);
  try {
    await query(page);
    await subscription(page, server);
  } finally {
    wrong.forEach((text) => console.error(text));
  }
  assert.equal(wrong.length, 0);
  const { host } = new URL(server.page);
  assert.deepEqual([...asked].sort(), (from === "cdn" ? [host, new URL(CDN).host] : [host]).sort());
  console.log(`graphiql, ${from}: a query and a subscription; asked were only ${[...asked].join(" and ")}`);
}

/** Whoever answers in the CDN's place cannot send anything else: the page says that it is without GraphiQL. */
async function spoilt(browser, server) {
  const [page, { wrong }] = await open(browser, server, { spoil: true });
  await page.waitForFunction(() => document.body.textContent.includes("GraphiQL is not here"));
  await until("four refusals", () => wrong.filter((text) => text.includes("integrity")).length === 4);
  console.log("graphiql: nothing is taken that has another hash");
}

await withServer(program, async (server) => {
  // No name leads anywhere, whatever the page asks for.
  const args = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"];
  // Chromium has no sandbox for root.
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  const browser = await puppeteer.launch({ executablePath: findBrowser(), args });
  try {
    await used(browser, server);
    if (from === "cdn") await spoilt(browser, server);
  } finally {
    await browser.close();
  }
});
process.exit(0);
