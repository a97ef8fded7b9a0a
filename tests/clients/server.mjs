// A demo server of one's own, on a free port of this machine, for what is tried on it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long anything may take that happens by itself. */
const PATIENCE = 20_000;

/** A server that can be killed and started again with what it had. */
class Server {
  constructor(program, directory, port) {
    this.start = () => {
      const options = ["demo", "--listen", `127.0.0.1:${port}`, "--database", join(directory, "demo.db")];
      this.process = spawn(program, [...options, "--rate-limits", "off", "--log", "warn"], { stdio: "ignore" });
      return until(`the server at port ${port}`, () => fetch(`http://127.0.0.1:${port}/readyz`).then((r) => r.ok, () => false));
    };
    this.kill = () =>
      new Promise((killed) => {
        this.process.once("exit", killed);
        this.process.kill("SIGKILL");
      });
    this.page = `http://127.0.0.1:${port}/`;
    this.url = `http://127.0.0.1:${port}/graphql`;
    this.socket = `ws://127.0.0.1:${port}/graphql`;
  }

  async ask(query, variables, headers = {}) {
    const body = JSON.stringify({ query, variables });
    const sent = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
    const { data, errors } = await (await fetch(this.url, sent)).json();
    assert.equal(errors, undefined, JSON.stringify(errors));
    return data;
  }
}

export async function until(what, isSo) {
  const begun = Date.now();
  while (!(await isSo())) {
    assert(Date.now() - begun < PATIENCE, `waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Has `work` done with a server of this program, which is gone afterwards with all that it had. */
export async function withServer(program, work) {
  const directory = await mkdtemp(join(tmpdir(), "slotwise-clients-"));
  const server = new Server(program, directory, await freePort());
  try {
    await server.start();
    await work(server);
  } finally {
    await server.kill();
    await rm(directory, { recursive: true });
  }
}
