// Drafts survive everything but success, and are sent once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts, Outbox, pruneDrafts } from "../../src/tickets/web/model/drafts.js";

/** A storage like the browser's: its keys are its properties. */
class Storage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}

const someDrafts = (storage = new Storage()) => new Drafts(storage, "user:anna");

test("what was typed is read again, also by another page", () => {
  const storage = new Storage();
  someDrafts(storage).write("reply:7", { message: "half a sen" });

  assert.deepEqual(someDrafts(storage).read("reply:7"), { message: "half a sen" });
});

test("drafts of other forms and other people are not to be seen", () => {
  const storage = new Storage();
  someDrafts(storage).write("reply:7", { message: "mine" });

  assert.deepEqual(someDrafts(storage).read("reply:70"), {});
  assert.deepEqual(new Drafts(storage, "user:bert").read("reply:7"), {});
});

test("what somebody else put into the storage is no draft", () => {
  const storage = new Storage();
  storage.setItem("tickets:draft:user:anna:new", "{broken");

  assert.deepEqual(someDrafts(storage).read("new"), {});
});

test("a full storage loses no typing", () => {
  const storage = new Storage();
  storage.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };

  someDrafts(storage).write("new", { subject: "still in the form" });
});

test("each try of one content has one key, also after a reload", () => {
  const storage = new Storage();
  const { key } = someDrafts(storage).attempt("new", { subject: "a" });

  assert.match(key, /^[0-9a-f]{32}$/);
  assert.equal(someDrafts(storage).attempt("new", { subject: "a" }).key, key);
});

test("another content has another key", () => {
  const drafts = someDrafts();
  const { key } = drafts.attempt("new", { subject: "a" });

  assert.notEqual(drafts.attempt("new", { subject: "b" }).key, key);
});

test("typing on after a failed try keeps the key for what was tried", () => {
  const drafts = someDrafts();
  const { key } = drafts.attempt("new", { subject: "a" });
  drafts.write("new", { subject: "ab" });
  drafts.write("new", { subject: "a" });

  assert.equal(drafts.attempt("new", { subject: "a" }).key, key);
});

test("a try that may have arrived goes out again as it was, whatever has been seen since", () => {
  const drafts = someDrafts();
  const first = drafts.attempt("reply:7", { message: "a" }, { seen: 3 });

  assert.deepEqual(first.body, { message: "a", seen: 3 });
  assert.deepEqual(drafts.attempt("reply:7", { message: "a" }, { seen: 4 }), first);
  assert.deepEqual(drafts.attempt("reply:7", { message: "b" }, { seen: 4 }).body, { message: "b", seen: 4 });
});

test("a try that was given up is another request the next time, and the draft is still there", () => {
  const drafts = someDrafts();
  drafts.write("reply:7", { message: "a" });
  const { key } = drafts.attempt("reply:7", { message: "a" }, { seen: 3 });
  drafts.giveUp("reply:7");
  const next = drafts.attempt("reply:7", { message: "a" }, { seen: 4 });

  assert.deepEqual(next.body, { message: "a", seen: 4 });
  assert.notEqual(next.key, key);
  assert.deepEqual(drafts.read("reply:7"), { message: "a" });
});

test("drafts that nobody has touched for long go, and nothing else does", () => {
  const storage = new Storage();
  someDrafts(storage).write("new", { subject: "old" });
  storage.setItem("the-host-page's", "own");
  const day = 24 * 3_600_000;

  pruneDrafts(storage, Date.now() + 89 * day);
  assert.deepEqual(someDrafts(storage).read("new"), { subject: "old" });
  pruneDrafts(storage, Date.now() + 91 * day);
  assert.deepEqual(someDrafts(storage).read("new"), {});
  assert.equal(storage.getItem("the-host-page's"), "own");
});

/** A request that waits until it is told how to end. */
function request() {
  const sent = [];
  const ask = (body, key) => new Promise((resolve, reject) => sent.push({ body, key, resolve, reject }));
  return { sent, ask };
}

test("sending clears the draft when it has succeeded, and not before", async () => {
  const drafts = someDrafts();
  const outbox = new Outbox();
  const { sent, ask } = request();
  drafts.write("new", { subject: "hello" });

  const sending = outbox.send("new", { subject: "hello" }, drafts, ask);
  assert.ok(outbox.isSending("new"));
  assert.deepEqual(drafts.read("new"), { subject: "hello" });
  sent[0].resolve("ticket");

  assert.equal(await sending, "ticket");
  assert.deepEqual(drafts.read("new"), {});
  assert.ok(!outbox.isSending("new"));
});

test("sending twice at once is sending once", async () => {
  const drafts = someDrafts();
  const outbox = new Outbox();
  const { sent, ask } = request();

  const both = [1, 2].map(() => outbox.send("new", { subject: "hello" }, drafts, ask));
  sent[0].resolve("ticket");

  assert.deepEqual(await Promise.all(both), ["ticket", "ticket"]);
  assert.equal(sent.length, 1);
});

test("a failed try keeps the draft, and the next one goes out under the same key", async () => {
  const drafts = someDrafts();
  const outbox = new Outbox();
  const { sent, ask } = request();
  drafts.write("new", { subject: "hello" });

  const first = outbox.send("new", { subject: "hello" }, drafts, ask);
  sent[0].reject(new Error("no network"));
  await assert.rejects(first, /no network/);
  assert.deepEqual(drafts.read("new"), { subject: "hello" });

  const second = outbox.send("new", { subject: "hello" }, drafts, ask);
  sent[1].resolve("ticket");
  await second;
  assert.equal(sent[0].key, sent[1].key);
});
