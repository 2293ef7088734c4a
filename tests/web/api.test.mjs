// The REST API as the dashboards speak it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../src/tickets/web/model/api.js";

/** An API that gets this answer, and remembers what it was asked. */
function api(side, status, body) {
  const asked = [];
  const fetch = async (url, options) => {
    asked.push({ url, ...options });
    return new Response(typeof body === "string" ? body : JSON.stringify(body), { status });
  };
  const one = Object.assign(new Api("https://x.test/api/v1/tickets", side, fetch), { token: "secret" });
  return { api: one, asked };
}

const problem = (status, more = {}) => ({ type: "urn:tickets:problem:some-code", status, detail: "A sentence.", ...more });

test("users and admins have addresses and headers of their own", async () => {
  for (const [side, header, value, address] of [
    ["user", "Authorization", "Bearer secret", "https://x.test/api/v1/tickets/unread"],
    ["admin", "X-Admin-Token", "secret", "https://x.test/api/v1/tickets/admin/unread"],
  ]) {
    const { api: one, asked } = api(side, 200, { unread: 3 });
    assert.equal(await one.unread(), 3);
    assert.equal(asked[0].url, address);
    assert.equal(asked[0].headers[header], value);
    assert.equal(asked[0].credentials, "omit");
  }
});

test("only filters that are set are sent", async () => {
  const { api: one, asked } = api("admin", 200, { tickets: [], next_cursor: null });
  await one.list({ status: "open", category: "", limit: 50, cursor: null });
  assert.equal(asked[0].url, "https://x.test/api/v1/tickets/admin/all?status=open&limit=50");
});

test("what is sent carries its idempotency key", async () => {
  const { api: one, asked } = api("user", 201, { message: { id: 1 } });
  await one.reply(7, { message: "hello", seen: 2 }, "key-1");
  assert.equal(asked[0].headers["Idempotency-Key"], "key-1");
  assert.deepEqual(JSON.parse(asked[0].body), { message: "hello", seen: 2 });
});

test("whatever changes something has an idempotency key of its own, and nothing else has one", async () => {
  const { api: one, asked } = api("admin", 200, {});
  for (const call of ["acknowledge", "markUnread", "move"]) await one[call](7, "open");
  for (const call of ["list", "stats", "ticket"]) await one[call]({});
  const keys = asked.map(({ headers }) => headers["Idempotency-Key"]);

  assert.deepEqual(keys.map(Boolean), [true, true, true, false, false, false]);
  assert.equal(new Set(keys).size, 4);
});

test("a ticket is looked at without marking it, and what was seen is marked afterwards", async () => {
  for (const [side, path] of [["user", ""], ["admin", "/admin"]]) {
    const { api: one, asked } = api(side, 200, { ticket: { id: 7 }, unread: true });
    await one.ticket(7);
    assert.equal(await one.acknowledge(7, 3), true);
    await one.markUnread(7);
    const root = `https://x.test/api/v1/tickets${path}/7`;
    assert.deepEqual(
      asked.map(({ method, url, body }) => [method, url, body]),
      [
        ["GET", `${root}?peek=true`, undefined],
        ["POST", `${root}/read`, '{"seen":3}'],
        ["POST", `${root}/unread`, undefined],
      ],
    );
  }
});

test("a problem's sentence, fields and code are told", async () => {
  const errors = [{ field: "subject", message: "Too short." }];
  const { api: one } = api("user", 400, problem(400, { errors }));
  await assert.rejects(one.create({}, "k"), { message: "A sentence.", status: 400, fields: errors, code: "some-code" });
});

test("an answer that is no problem, from some proxy, has a sentence too", async () => {
  for (const [status, sentence] of [[413, /too long/], [429, /wait/], [502, /our side/], [200, /our side/]]) {
    const { api: one } = api("user", status, "<html>nginx</html>");
    await assert.rejects(one.stats(), (error) => sentence.test(error.message) && error.fields.length === 0);
  }
});

test("no network is an error with status 0", async () => {
  const one = new Api("https://x.test", "user", () => Promise.reject(new TypeError("Failed to fetch")));
  await assert.rejects(one.unread(), { status: 0, message: /cannot be reached/ });
});

test("a refused token is told, with the token that it was", async () => {
  const { api: one } = api("user", 401, problem(401));
  const refused = [];
  one.onRefused = (token) => refused.push(token);
  await assert.rejects(one.unread(), { status: 401 });
  assert.deepEqual(refused, ["secret"]);
});
