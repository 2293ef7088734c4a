// Client of the REST API: addresses, headers, idempotency keys, errors.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Api } from "../../../src/tickets/web/model/api.js";

/** Returns an API client whose every request gets this response, and the requests that it sent. */
function createApi(side, status, body) {
  const requests = [];
  const fetch = (url, options) => {
    requests.push({ url, ...options });
    const content = typeof body === "string" ? body : JSON.stringify(body);
    return Promise.resolve(new Response(content, { status }));
  };
  const api = new Api("https://x.test/api/v1/tickets", side, fetch);
  api.token = "secret";
  return { api, requests };
}

const problem = (status, more = {}) => ({
  type: "urn:tickets:problem:some-code",
  status,
  detail: "A sentence.",
  ...more,
});

test("each side has its own addresses and header", async () => {
  for (const [side, header, value, address] of [
    ["user", "Authorization", "Bearer secret", "https://x.test/api/v1/tickets/unread"],
    ["admin", "X-Admin-Token", "secret", "https://x.test/api/v1/tickets/admin/unread"],
  ]) {
    const { api, requests } = createApi(side, 200, { unread: 3 });
    assert.equal(await api.unreadCount(), 3);
    assert.equal(requests[0].url, address);
    assert.equal(requests[0].headers[header], value);
    assert.equal(requests[0].credentials, "omit");
  }
});

test("only filters with a value are sent", async () => {
  const { api, requests } = createApi("admin", 200, { tickets: [], next_cursor: null });
  await api.listTickets({ status: "open", category: "", limit: 50, cursor: null });
  assert.equal(requests[0].url, "https://x.test/api/v1/tickets/admin/all?status=open&limit=50");
});

test("a reply is sent with its idempotency key", async () => {
  const { api, requests } = createApi("user", 201, { message: { id: 1 } });
  await api.reply(7, { message: "hello", seen: 2 }, "key-1");
  assert.equal(requests[0].headers["Idempotency-Key"], "key-1");
  assert.deepEqual(JSON.parse(requests[0].body), { message: "hello", seen: 2 });
});

test("each write has an idempotency key of its own, and reads have none", async () => {
  const { api, requests } = createApi("admin", 200, {});
  for (const call of ["markRead", "markUnread", "changeStatus"]) await api[call](7, "open");
  for (const call of ["listTickets", "stats", "getTicket"]) await api[call]({});
  const keys = requests.map(({ headers }) => headers["Idempotency-Key"]);

  assert.deepEqual(keys.map(Boolean), [true, true, true, false, false, false]);
  assert.equal(new Set(keys).size, 4);
});

test("fetching a ticket leaves it unread; marking it as read is another request", async () => {
  for (const [side, path] of [
    ["user", ""],
    ["admin", "/admin"],
  ]) {
    const { api, requests } = createApi(side, 200, { ticket: { id: 7 }, unread: true });
    await api.getTicket(7);
    assert.equal(await api.markRead(7, 3), true);
    await api.markUnread(7);
    const root = `https://x.test/api/v1/tickets${path}/7`;
    assert.deepEqual(
      requests.map(({ method, url, body }) => [method, url, body]),
      [
        ["GET", `${root}?peek=true`, null],
        ["POST", `${root}/read`, '{"seen":3}'],
        ["POST", `${root}/unread`, null],
      ],
    );
  }
});

test("an older page is asked for by its cursor; a ticket is closed by its user", async () => {
  const { api, requests } = createApi("user", 200, { ticket: { id: 7 }, status: "closed" });
  await api.getTicket(7, "a cursor");
  assert.equal(await api.closeTicket(7), "closed");

  const root = "https://x.test/api/v1/tickets/7";
  assert.equal(requests[0].url, `${root}?peek=true&before=a+cursor`);
  assert.deepEqual([requests[1].method, requests[1].url], ["POST", `${root}/close`]);
  assert.ok(requests[1].headers["Idempotency-Key"]);
});

test("a problem's sentence, fields and code are in the error", async () => {
  const errors = [{ field: "subject", message: "Too short." }];
  const { api } = createApi("user", 400, problem(400, { errors }));
  await assert.rejects(api.createTicket({}, "k"), {
    message: "A sentence.",
    status: 400,
    fields: errors,
    code: "some-code",
  });
});

test("a response without problem details, as from a proxy, has a sentence too", async () => {
  for (const [status, sentence] of [
    [413, /too long/],
    [429, /wait/],
    [502, /our side/],
    [200, /our side/],
  ]) {
    const { api } = createApi("user", status, "<html>nginx</html>");
    await assert.rejects(
      api.stats(),
      (error) => sentence.test(error.message) && error.fields.length === 0,
    );
  }
});

test("a network failure is an error with status 0", async () => {
  const fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  const api = new Api("https://x.test", "user", fetch);
  await assert.rejects(api.unreadCount(), { status: 0, message: /cannot be reached/ });
});

test("a request that gets no response ends at its time-out", async () => {
  const timeouts = [];
  const timeout = mock.method(AbortSignal, "timeout", (milliseconds) => {
    const controller = new AbortController();
    timeouts.push({ milliseconds, controller });
    return controller.signal;
  });
  // like the browser's, ends with its signal only
  const fetch = (_url, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const api = new Api("https://x.test", "user", fetch);

  for (const call of [() => api.unreadCount(), () => api.reply(7, { message: "hello" }, "k")]) {
    const failure = assert.rejects(call(), { status: 0, message: /cannot be reached/ });
    const { milliseconds, controller } = timeouts.pop();
    assert.ok(milliseconds > 0 && milliseconds <= 60_000);
    controller.abort(new DOMException("The operation timed out.", "TimeoutError"));
    await failure;
  }
  timeout.mock.restore();
});

test("a refused token is reported", async () => {
  const { api } = createApi("user", 401, problem(401));
  const refused = [];
  api.onTokenRefused = (token) => refused.push(token);
  await assert.rejects(api.unreadCount(), { status: 401 });
  assert.deepEqual(refused, ["secret"]);
});
