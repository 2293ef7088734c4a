// Paged threads: older messages on request, no gaps, and what may be marked as read meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Thread } from "../../../src/tickets/web/model/thread.js";

const message = (id, at = "2026-02-03T10:00:00Z") => ({ id, ticket_id: 7, created_at: at });
const ids = (messages) => messages.map(({ id }) => id);

/** Returns a service with one ticket of `count` messages, in pages of `size`, and its requests. */
function createPagedApi({ count, size = 3, seen = 0, isUnread = true, sender = "admin" }) {
  const all = Array.from({ length: count }, (_, index) => ({
    ...message(100 + index),
    ordinal: index + 1,
    sender_type: sender,
  }));
  const requests = [];
  const getTicket = (id, before) => {
    requests.push(before);
    const older = all.filter(({ ordinal }) => !before || ordinal < Number(before));
    const messages = older.slice(-size);
    const [first] = messages;
    const messages_before = older.length > size ? `${first.ordinal}` : null;
    const ticket = { id, user_unread: isUnread, message_count: all.length, seen };
    return Promise.resolve(structuredClone({ ...ticket, messages, messages_before }));
  };
  const write = (number, sender_type = "admin") => {
    for (let left = number; left > 0; left -= 1) {
      const ordinal = all.length + 1;
      all.push({ ...message(99 + ordinal), ordinal, sender_type });
    }
  };
  return { getTicket, requests, write, all };
}

const ordinals = (thread) => thread.messages.map(({ ordinal }) => ordinal);

/** Opens ticket 7 of a service as its user; returns the thread and what arrived later. */
async function openPaged(api) {
  const arrived = [];
  const thread = new Thread(api, (messages) => arrived.push(...ids(messages)), "user");
  await thread.open(7);
  return { thread, arrived };
}

test("a thread begins with its newest page, and older ones are added page by page", async () => {
  const { thread } = await openPaged(createPagedApi({ count: 7, isUnread: false }));
  assert.deepEqual(ordinals(thread), [5, 6, 7]);

  assert.equal(await thread.showOlder(), 3);
  assert.deepEqual(ordinals(thread), [2, 3, 4, 5, 6, 7]);
  assert.notEqual(thread.before, null);
  assert.equal(await thread.showOlder(), 1);
  assert.equal(thread.before, null);
  assert.equal(await thread.showOlder(), 0);
  assert.deepEqual(ordinals(thread), [1, 2, 3, 4, 5, 6, 7]);
});

test("two clicks load older messages once", async () => {
  const api = createPagedApi({ count: 7, isUnread: false });
  const { thread } = await openPaged(api);
  assert.deepEqual(await Promise.all([thread.showOlder(), thread.showOlder()]), [3, 3]);
  assert.deepEqual(ordinals(thread), [2, 3, 4, 5, 6, 7]);
  assert.deepEqual(api.requests, [undefined, "5"]);
});

test("a poll keeps the older messages that were loaded, and their cursor", async () => {
  const api = createPagedApi({ count: 8, isUnread: false });
  const { thread, arrived } = await openPaged(api);
  await thread.showOlder();
  api.write(1);
  await thread.refresh();

  assert.deepEqual(ordinals(thread), [3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(arrived, [108]);
  assert.equal(await thread.showOlder(), 2);
  assert.deepEqual(ordinals(thread), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a poll after more than a page of new messages leaves no gap", async () => {
  const api = createPagedApi({ count: 4, isUnread: false });
  const { thread, arrived } = await openPaged(api);
  api.write(8);
  await thread.refresh();

  assert.deepEqual(ordinals(thread), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(arrived.length, 8);
  assert.equal(thread.seen, 12);
});

test("one's own reply beyond a gap does not hide the gap", async () => {
  const api = createPagedApi({ count: 4, isUnread: false });
  const { thread } = await openPaged(api);
  api.write(8);
  api.write(1, "user");
  thread.add(api.all.at(-1));
  await thread.refresh();

  assert.deepEqual(ordinals(thread), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test("a poll whose older pages fail shows nothing of it, so that there is no gap", async () => {
  const api = createPagedApi({ count: 4, isUnread: false });
  const { thread } = await openPaged(api);
  api.write(8);
  const { getTicket } = api;
  api.getTicket = (id, before) =>
    before ? Promise.reject(new Error("unavailable")) : getTicket(id);
  await assert.rejects(thread.refresh(), /unavailable/);

  assert.deepEqual(ordinals(thread), [2, 3, 4]);
  assert.equal(thread.seen, 4);
});

test("with more unread messages than a page, all are shown only after the older ones", async () => {
  const api = createPagedApi({ count: 9, seen: 2 });
  const { thread } = await openPaged(api);
  assert.equal(thread.isAllShown, false);
  assert.equal(thread.firstNew, null);

  await thread.showOlder();
  assert.deepEqual(ordinals(thread), [4, 5, 6, 7, 8, 9]);
  assert.equal(thread.isAllShown, false);
  // a message that arrives changes nothing about the older ones
  api.write(1);
  await thread.refresh();
  assert.equal(thread.isAllShown, false);

  await thread.showOlder();
  assert.equal(thread.isAllShown, true);
  assert.equal(thread.firstNew, 102);
});

test("a page that reaches back to the mark shows everything unread", async () => {
  for (const [seen, isAllShown, firstNew] of [
    [3, false, null],
    [4, true, 104],
    [5, true, 105],
    [7, true, null],
  ]) {
    const { thread } = await openPaged(createPagedApi({ count: 7, seen }));
    assert.equal(thread.isAllShown, isAllShown, `seen ${seen}`);
    assert.equal(thread.firstNew, firstNew, `seen ${seen}`);
  }
});

test("what was read in another tab needs no older messages", async () => {
  const api = createPagedApi({ count: 9, seen: 2 });
  const { thread } = await openPaged(api);
  const { getTicket } = api;
  api.getTicket = async (...query) => ({ ...(await getTicket(...query)), user_unread: false });
  await thread.refresh();
  assert.equal(thread.isAllShown, true);
});

test("one's own messages are never new", async () => {
  const own = await openPaged(createPagedApi({ count: 3, seen: 1, sender: "user" }));
  assert.equal(own.thread.isAllShown, true);
  assert.equal(own.thread.firstNew, null);
});

test("older messages of a ticket that is no longer open are dropped", async () => {
  const api = createPagedApi({ count: 9, isUnread: false });
  const { thread } = await openPaged(api);
  const loading = thread.showOlder();
  const opening = thread.open(8);
  assert.equal(await loading, 0);
  await opening;
  assert.deepEqual(ordinals(thread), [7, 8, 9]);
});
