// Drafts and outbox: a draft survives everything but success, and is sent once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts, deleteOldDrafts } from "../../../src/tickets/web/model/drafts.js";
import { Outbox } from "../../../src/tickets/web/model/outbox.js";
import { FakeStorage } from "./fake-storage.mjs";

const createDrafts = (storage = new FakeStorage()) => new Drafts(storage, "user:anna");

test("a draft is read again, also by another page", () => {
  const storage = new FakeStorage();
  createDrafts(storage).write("reply:7", { message: "half a sen" });

  assert.deepEqual(createDrafts(storage).read("reply:7"), { message: "half a sen" });
});

test("drafts of other forms and of other people are separate", () => {
  const storage = new FakeStorage();
  createDrafts(storage).write("reply:7", { message: "mine" });

  assert.deepEqual(createDrafts(storage).read("reply:70"), {});
  assert.deepEqual(new Drafts(storage, "user:bert").read("reply:7"), {});
});

test("a stored value that is not JSON is no draft", () => {
  const storage = new FakeStorage();
  storage.setItem("tickets:draft:user:anna:new", "{broken");

  assert.deepEqual(createDrafts(storage).read("new"), {});
});

test("a full storage is no error", () => {
  const storage = new FakeStorage();
  storage.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };

  assert.doesNotThrow(() => createDrafts(storage).write("new", { subject: "still in the form" }));
});

test("each attempt at the same content has the same idempotency key, also after a reload", () => {
  const storage = new FakeStorage();
  const { key } = createDrafts(storage).attempt("new", { subject: "a" });

  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(createDrafts(storage).attempt("new", { subject: "a" }).key, key);
});

test("other content has another idempotency key", () => {
  const drafts = createDrafts();
  const { key } = drafts.attempt("new", { subject: "a" });

  assert.notEqual(drafts.attempt("new", { subject: "b" }).key, key);
});

test("typing after a failed attempt keeps the idempotency key of its content", () => {
  const drafts = createDrafts();
  const { key } = drafts.attempt("new", { subject: "a" });
  drafts.write("new", { subject: "ab" });
  drafts.write("new", { subject: "a" });

  assert.equal(drafts.attempt("new", { subject: "a" }).key, key);
});

test("a repeated attempt has the same body, whatever has been seen since", () => {
  const drafts = createDrafts();
  const first = drafts.attempt("reply:7", { message: "a" }, { seen: 3 });
  const again = drafts.attempt("reply:7", { message: "a" }, { seen: 4 });
  const other = drafts.attempt("reply:7", { message: "b" }, { seen: 4 });

  assert.deepEqual(first.body, { message: "a", seen: 3 });
  assert.deepEqual(again, first);
  assert.deepEqual(other.body, { message: "b", seen: 4 });
});

test("after a dropped attempt the next one is a new request, and the draft is kept", () => {
  const drafts = createDrafts();
  drafts.write("reply:7", { message: "a" });
  const { key } = drafts.attempt("reply:7", { message: "a" }, { seen: 3 });
  drafts.dropAttempt("reply:7");
  const next = drafts.attempt("reply:7", { message: "a" }, { seen: 4 });

  assert.deepEqual(next.body, { message: "a", seen: 4 });
  assert.notEqual(next.key, key);
  assert.deepEqual(drafts.read("reply:7"), { message: "a" });
});

test("drafts are deleted after 90 days without a change, and nothing else is", () => {
  const storage = new FakeStorage();
  createDrafts(storage).write("new", { subject: "old" });
  storage.setItem("the-host-page's", "own");
  const day = 24 * 3_600_000;

  deleteOldDrafts(storage, Date.now() + 89 * day);
  assert.deepEqual(createDrafts(storage).read("new"), { subject: "old" });
  deleteOldDrafts(storage, Date.now() + 91 * day);
  assert.deepEqual(createDrafts(storage).read("new"), {});
  assert.equal(storage.getItem("the-host-page's"), "own");
});

/** Returns a `request` that stays pending, and the requests with their `resolve` and `reject`. */
function pendingRequests() {
  const requests = [];
  const request = (body, key) => {
    const { promise, resolve, reject } = Promise.withResolvers();
    requests.push({ body, key, resolve, reject });
    return promise;
  };
  return { requests, request };
}

const content = { subject: "hello" };

test("sending deletes the draft after success, and not before", async () => {
  const drafts = createDrafts();
  const outbox = new Outbox();
  const { requests, request } = pendingRequests();
  drafts.write("new", content);

  const sending = outbox.send("new", { content, drafts, request });
  assert.ok(outbox.isSending("new"));
  assert.deepEqual(drafts.read("new"), content);
  requests[0].resolve("ticket");

  assert.equal(await sending, "ticket");
  assert.deepEqual(drafts.read("new"), {});
  assert.ok(!outbox.isSending("new"));
});

test("sending twice at once sends one request", async () => {
  const drafts = createDrafts();
  const outbox = new Outbox();
  const { requests, request } = pendingRequests();

  const both = [1, 2].map(() => outbox.send("new", { content, drafts, request }));
  requests[0].resolve("ticket");

  assert.deepEqual(await Promise.all(both), ["ticket", "ticket"]);
  assert.equal(requests.length, 1);
});

test("after a failure the draft is kept, and a retry has the same idempotency key", async () => {
  const drafts = createDrafts();
  const outbox = new Outbox();
  const { requests, request } = pendingRequests();
  drafts.write("new", content);

  const first = outbox.send("new", { content, drafts, request });
  requests[0].reject(new Error("no network"));
  await assert.rejects(first, /no network/);
  assert.deepEqual(drafts.read("new"), content);

  const second = outbox.send("new", { content, drafts, request });
  requests[1].resolve("ticket");
  await second;
  assert.equal(requests[0].key, requests[1].key);
});
