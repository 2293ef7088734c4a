// Cookie mode: no token is sent, redirects mean signed out, and two people are never mixed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createCookieFetch } from "../../../src/tickets/web/model/cookie-fetch.js";

/** Returns a fetch in cookie mode over these responses, its requests, and the people it named. */
function setUp(...responses) {
  const requests = [];
  const people = [];
  const fetch = (address, options) => {
    requests.push({ address, ...options, headers: Object.fromEntries(options.headers) });
    return Promise.resolve(responses.shift());
  };
  const cookieFetch = createCookieFetch((...change) => people.push(change), fetch);
  return { cookieFetch, requests, people };
}

const of = (person) => new Response("{}", { headers: { "Tickets-Person": person } });

test("it sends the cookie of the same origin and no token", async () => {
  const { cookieFetch, requests } = setUp(of("mara"), of("mara"));
  const headers = { Authorization: "Bearer cookie", "X-Admin-Token": "cookie", Other: "kept" };
  await cookieFetch("/a", { method: "GET", headers, credentials: "omit" });
  await cookieFetch("/b", { method: "POST", headers });
  assert.equal(requests[0].credentials, "same-origin");
  assert.deepEqual(requests[0].headers, { other: "kept" });
  assert.deepEqual(requests[1].headers, {
    other: "kept",
    "content-type": "application/json",
    "tickets-person": "mara",
  });
});

test("a redirect to the host's sign-in page is a 401", async () => {
  const { cookieFetch, requests } = setUp({ type: "opaqueredirect" });
  assert.equal((await cookieFetch("/a", { method: "GET" })).status, 401);
  assert.equal(requests[0].redirect, "manual");
});

test("an answer to somebody else is dropped, and the change is told once", async () => {
  const { cookieFetch, people } = setUp(of("mara"), of("mara"), of("otto"), of("otto"));
  await cookieFetch("/a", { method: "GET" });
  await cookieFetch("/a", { method: "GET" });
  assert.deepEqual(people, [["mara", null]]);
  await assert.rejects(cookieFetch("/a", { method: "GET" }));
  assert.deepEqual(people[1], ["otto", "mara"]);
  await cookieFetch("/a", { method: "GET" });
  assert.equal(people.length, 2);
});

test("a late answer to the person before changes nothing", async () => {
  let answerLate = () => {};
  const late = new Promise((resolve) => {
    answerLate = () => resolve(of("mara"));
  });
  const { cookieFetch, people } = setUp(of("mara"), late, of("otto"));
  await cookieFetch("/a", { method: "GET" });
  const first = cookieFetch("/late", { method: "GET" });
  await assert.rejects(cookieFetch("/b", { method: "GET" }));
  answerLate();
  await first;
  assert.deepEqual(people.at(-1), ["otto", "mara"]);
});
