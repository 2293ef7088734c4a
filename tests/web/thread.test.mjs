// The open ticket: what arrives, and what was done here meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Thread, mergeMessages, threadItems } from "../../src/tickets/web/model/thread.js";

const message = (id, at = "2026-02-03T10:00:00Z") => ({ id, ticket_id: 7, created_at: at });

/** A service whose one ticket is what `now` says. */
function opened(now) {
  const arrived = [];
  const api = { ticket: async () => structuredClone(now) };
  const thread = new Thread(api, (messages) => arrived.push(messages.map(({ id }) => id)));
  return { api, thread, arrived };
}

test("messages that the service does not know yet stay, behind those that it gave", () => {
  assert.deepEqual(mergeMessages([message(1), message(2)], [message(2), message(3)]), [
    message(1),
    message(2),
    message(3),
  ]);
});

test("each day has a separator", () => {
  const noon = (day) => `2026-02-0${day}T12:00:00`;
  const items = threadItems([message(1, noon(1)), message(2, noon(1)), message(3, noon(3))], Date.parse(noon(3)));

  assert.deepEqual(items.map((item) => item.day ?? item.key), [items[0].day, 1, 2, "Today", 3]);
  assert.equal(new Set(items.map(({ key }) => key)).size, items.length);
});

test("what is there when a ticket is opened has not arrived; what comes later has", async () => {
  const now = { id: 7, status: "open", messages: [message(1)] };
  const { thread, arrived } = opened(now);
  await thread.open(7);
  now.messages.push(message(2));

  assert.deepEqual(await thread.refresh(), [message(2)]);
  assert.deepEqual(arrived, [[], [], [2]]);
});

test("one's own message is there at once, and once", async () => {
  const now = { id: 7, status: "open", messages: [message(1)] };
  const { thread } = opened(now);
  await thread.open(7);
  thread.add(message(2));
  await thread.refresh();
  assert.deepEqual(thread.messages.map(({ id }) => id), [1, 2]);

  now.messages.push(message(2));
  assert.deepEqual(await thread.refresh(), []);
  assert.deepEqual(thread.messages.map(({ id }) => id), [1, 2]);
});

test("an answer from before a change does not undo it, and its messages are kept", async () => {
  const { api, thread } = opened({ id: 7, status: "open", messages: [message(1)] });
  await thread.open(7);
  let answer;
  api.ticket = () => new Promise((resolve) => (answer = resolve));
  const refreshing = thread.refresh();
  thread.patch(7, { status: "closed" });
  answer({ id: 7, status: "open", messages: [message(1), message(2)] });
  await refreshing;

  assert.equal(thread.ticket.status, "closed");
  assert.equal(thread.messages.length, 2);
});

test("an answer about a ticket that was left is dropped", async () => {
  const { api, thread } = opened({});
  const answers = [];
  api.ticket = (id) => new Promise((resolve) => answers.push(() => resolve({ id, messages: [] })));
  const first = thread.open(7);
  const second = thread.open(8);
  answers[1]();
  answers[0]();
  await Promise.all([first, second]);

  assert.equal(thread.ticket.id, 8);
});

test("a closed view asks for nothing: what nobody sees must not become read", async () => {
  const { api, thread } = opened({ id: 7, messages: [] });
  await thread.open(7);
  await thread.open(null);
  api.ticket = () => assert.fail("asked");

  assert.deepEqual(await thread.refresh(), []);
  assert.equal(thread.ticket, null);
});

test("a ticket that cannot be had is an error; a failed refresh keeps the thread", async () => {
  const { api, thread } = opened({ id: 7, messages: [message(1)] });
  await thread.open(7);
  api.ticket = () => Promise.reject(new Error("asleep"));
  await assert.rejects(thread.refresh(), /asleep/);
  assert.equal(thread.phase, "ready");

  await assert.rejects(thread.open(8), /asleep/);
  assert.equal(thread.phase, "failed");
});

test("what was seen is what the service has counted, and one's own message after it", async () => {
  const now = { id: 7, message_count: 2, messages: [message(1), message(2)] };
  const { api, thread } = opened(now);
  await thread.open(7);
  assert.equal(thread.seen, 2);
  thread.add(message(3), 2);
  assert.equal(thread.seen, 3);

  // an answer from before that takes nothing back
  await thread.refresh();
  assert.equal(thread.seen, 3);
  Object.assign(now, { message_count: 5, messages: [1, 2, 3, 4, 5].map((id) => message(id)) });
  await thread.refresh();
  assert.equal(thread.seen, 5);

  api.ticket = async () => ({ id: 8, message_count: 1, messages: [message(9)] });
  await thread.open(8);
  assert.equal(thread.seen, 1);
});

test("a message that is not here does not count as seen because a later one of one's own is", async () => {
  const { thread } = opened({ id: 7, message_count: 1, messages: [message(1)] });
  await thread.open(7);
  // sent when 1 had been seen, and shown as the answer to a try that had arrived before
  thread.add(message(2), 1);
  thread.add(message(2), 1);

  assert.equal(thread.seen, 2);
});

test("one's own message that is stored while the thread is on its way is shown with it", async () => {
  const { api, thread } = opened({ id: 7, message_count: 1, messages: [message(1)] });
  let arrive;
  // as it was before the message
  api.ticket = () => new Promise((resolve) => (arrive = () => resolve({ id: 7, message_count: 1, messages: [message(1)] })));
  const opening = thread.open(7);
  thread.add(message(2), 1);
  arrive();
  await opening;

  assert.deepEqual(
    thread.messages.map(({ id }) => id),
    [1, 2],
  );
  assert.equal(thread.seen, 2);
});
