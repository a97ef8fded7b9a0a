// A live session with each of the clients that people use, against a server of its own: look at a day, watch it, hold a
// slot, book it, see all of that happen, and go on after the server was killed. And what the specification of GraphQL over
// HTTP asks for, by the suite of the package graphql-http.
//
//   node run.mjs PATH_OF_SLOTWISE

import assert from "node:assert/strict";
import { createHash } from "node:crypto";

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client/core/index.js";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions/index.js";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { auditServer } from "graphql-http";
import { createClient as sseClient } from "graphql-sse";
import { createClient as socketClient } from "graphql-ws";
import WebSocket from "ws";

import { until, withServer } from "./server.mjs";

const DAY = `query Day($resource: ID!, $date: Date!, $eventType: ID) {
  daySlots(resourceId: $resource, date: $date, eventTypeId: $eventType) { id slots { start } } }`;
const SLOTS = `subscription Slots($resource: ID!, $date: Date!, $eventType: ID) {
  daySlotsChanged(resourceId: $resource, date: $date, eventTypeId: $eventType) { id slots { start } } }`;
const HOLDS = `subscription Holds($resource: ID!, $date: Date!) {
  presenceChanged(resourceId: $resource, date: $date) { id holds { start } } }`;
const HOLD = `mutation Hold($input: HeartbeatInput!) { heartbeat(input: $input) { granted userErrors { code } } }`;
const BOOK = `mutation Book($input: CreateBookingInput!) {
  createBooking(input: $input) { booking { id } userErrors { code } } }`;

/** What each client does with a subscription: `told` gets the data of each state; gives what ends it. */
function clients(server) {
  const failed = (name) => (error) => console.error(name, error);
  const socket = socketClient({ url: server.socket, webSocketImpl: WebSocket, retryAttempts: 100, shouldRetry: () => true });
  const events = sseClient({ url: server.url, retryAttempts: 100 });
  const parts = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: server.url }) });
  const apollo = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket) });
  const forward = (operation) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...operation, query: operation.query ?? "" }, sink) }),
  });
  const exchanges = [fetchExchange, subscriptionExchange({ forwardSubscription: forward })];
  const urql = new Client({ url: server.url, preferGetMethod: false, exchanges });
  const fetching = new Client({ url: server.url, preferGetMethod: false, fetchSubscriptions: true, exchanges: [fetchExchange] });
  const plain = (name, client) => (query, variables, told) =>
    client.subscribe({ query, variables }, { next: ({ data }) => told(data), error: failed(name), complete() {} });
  const byApollo = (name, client) => (query, variables, told) => {
    const watching = client.subscribe({ query: gql(query), variables });
    const subscription = watching.subscribe({ next: ({ data }) => told(data), error: failed(name) });
    return () => subscription.unsubscribe();
  };
  const byUrql = (client) => (query, variables, told) =>
    client.subscription(query, variables).subscribe(({ data }) => told(data)).unsubscribe;
  return {
    // Whether it comes back by itself when the server does.
    "graphql-ws": [plain("graphql-ws", socket), true],
    "graphql-sse": [plain("graphql-sse", events), true],
    "@apollo/client by multipart": [byApollo("multipart", parts), false],
    "@apollo/client by WebSocket": [byApollo("apollo", apollo), true],
    "@urql/core by WebSocket": [byUrql(urql), true],
    "@urql/core by fetch": [byUrql(fetching), false],
  };
}

/** Somebody looks, holds and books, while `subscribe` watches, and again after the server was killed. */
async function session(name, server, [subscribe, comesBack], place, starts) {
  const states = { holds: [], slots: [] };
  const { resource, date, eventType, minutes } = place;
  const stops = [
    subscribe(HOLDS, { resource, date }, (data) => states.holds.push(data.presenceChanged.holds)),
    subscribe(SLOTS, { resource, date, eventType }, (data) => states.slots.push(data.daySlotsChanged.slots)),
  ];
  const lists = (state, start) => states[state].at(-1)?.some((entry) => entry.start === start);
  const book = async (start) => {
    const sessionSecret = `a session of ${name} at ${start}`;
    await until(`${name}: the free slot`, () => lists("slots", start));
    const slots = [{ start, durationMinutes: minutes }];
    const held = await server.ask(HOLD, { input: { resourceId: resource, eventTypeId: eventType, slots, sessionSecret } });
    assert(held.heartbeat.granted, JSON.stringify(held));
    await until(`${name}: the hold`, () => lists("holds", start));
    const booker = { name: "Ada", email: "ada@example.com" };
    const input = { resourceId: resource, eventTypeId: eventType, start, sessionSecret, booker };
    const booked = await server.ask(BOOK, { input });
    assert(booked.createBooking.booking, JSON.stringify(booked));
    // Whoever has booked and asks again is told of it.
    const { daySlots } = await server.ask(DAY, { resource, date, eventType });
    assert(!daySlots.slots.some((slot) => slot.start === start), `${name}: a stale list`);
    await until(`${name}: the booking`, () => !lists("slots", start) && !lists("holds", start));
  };
  await book(starts[0]);
  if (comesBack) {
    await server.kill();
    const seen = states.slots.length;
    await server.start();
    await until(`${name}: to be back`, () => states.slots.length > seen);
    await book(starts[1]);
  }
  stops.forEach((stop) => stop());
  console.log(`${name}: ${states.holds.length} states of holds, ${states.slots.length} of slots`);
}

async function persisted(server) {
  const query = "{ __typename }";
  const sha256Hash = createHash("sha256").update(query).digest("hex");
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  const headers = { "content-type": "application/json", accept: "application/graphql-response+json" };
  const send = async (body) => {
    const answer = await fetch(server.url, { method: "POST", headers, body: JSON.stringify(body) });
    return [answer.status, await answer.json()];
  };
  const [status, { errors }] = await send({ extensions });
  assert.deepEqual([status, errors[0].message], [200, "PersistedQueryNotFound"]);
  for (const body of [{ query, extensions }, { extensions }]) {
    assert.deepEqual(await send(body), [200, { data: { __typename: "Query" } }]);
  }
  console.log("persisted queries: known after they were sent once");
}

async function audit(server) {
  const results = await auditServer({ url: server.url });
  const failed = results.filter(({ status }) => status !== "ok");
  failed.forEach(({ id, name, reason }) => console.error(id, name, reason));
  assert.equal(failed.length, 0);
  console.log(`graphql-http: ${results.length} audits passed`);
}

/** A resource with an event type, and a day on which much is free. */
async function findPlace(server) {
  const { resources } = await server.ask("{ resources { nodes { id eventTypes { id durationOptions } } } }", {});
  const resource = resources.nodes.find((node) => node.eventTypes.length > 0);
  const shortest = (a, b) => a.durationOptions[0] - b.durationOptions[0];
  const eventType = resource.eventTypes.toSorted(shortest)[0];
  const date = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
  const place = { resource: resource.id, eventType: eventType.id, date, minutes: eventType.durationOptions[0] };
  const { daySlots } = await server.ask(DAY, place);
  return [place, daySlots.slots.map(({ start }) => start)];
}

await withServer(process.argv[2], async (server) => {
  await audit(server);
  await persisted(server);
  const [place, starts] = await findPlace(server);
  for (const [name, client] of Object.entries(clients(server))) {
    await session(name, server, client, place, starts.splice(0, 2));
  }
});
process.exit(0);
