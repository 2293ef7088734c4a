// Thread of the open ticket: messages that arrive, and optimistic updates meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Thread } from "../../../src/tickets/web/model/thread.js";
import { mergeMessages, threadItems } from "../../../src/tickets/web/model/thread-items.js";

const message = (id, at = "2026-02-03T10:00:00Z") => ({ id, ticket_id: 7, created_at: at });
const ids = (messages) => messages.map(({ id }) => id);

/** Returns a thread at a service whose only ticket is `ticket`, and the ids of arrived messages. */
function createThread(ticket) {
  const arrived = [];
  const api = { getTicket: () => Promise.resolve(structuredClone(ticket)) };
  const thread = new Thread(api, (messages) => arrived.push(ids(messages)));
  return { api, thread, arrived };
}

/** Makes the next response wait; returns a function that sends it. */
function delayResponse(api) {
  const { promise, resolve } = Promise.withResolvers();
  api.getTicket = () => promise;
  return resolve;
}

test("messages that the service does not know yet stay, after those that it returned", () => {
  assert.deepEqual(mergeMessages([message(1), message(2)], [message(2), message(3)]), [
    message(1),
    message(2),
    message(3),
  ]);
});

test("each day has a separator", () => {
  const noon = (day) => `2026-02-0${day}T12:00:00`;
  const messages = [message(1, noon(1)), message(2, noon(1)), message(3, noon(3))];
  const items = threadItems(messages, { now: Date.parse(noon(3)) });

  const shown = items.map((item) => item.day ?? item.key);
  assert.deepEqual(shown, [items[0].day, 1, 2, "Today", 3]);
  assert.equal(new Set(items.map(({ key }) => key)).size, items.length);
});

test("messages arrive after the ticket was opened; those that were there do not", async () => {
  const ticket = { id: 7, status: "open", messages: [message(1)] };
  const { thread, arrived } = createThread(ticket);
  await thread.open(7);
  ticket.messages.push(message(2));

  assert.deepEqual(await thread.refresh(), [message(2)]);
  assert.deepEqual(arrived, [[], [], [2]]);
});

test("a message of the reader is shown immediately, and only once", async () => {
  const ticket = { id: 7, status: "open", messages: [message(1)] };
  const { thread } = createThread(ticket);
  await thread.open(7);
  thread.add(message(2));
  await thread.refresh();
  assert.deepEqual(ids(thread.messages), [1, 2]);

  ticket.messages.push(message(2));
  assert.deepEqual(await thread.refresh(), []);
  assert.deepEqual(ids(thread.messages), [1, 2]);
});

test("a response from before an update does not undo it, and its messages are shown", async () => {
  const { api, thread } = createThread({ id: 7, status: "open", messages: [message(1)] });
  await thread.open(7);
  const respond = delayResponse(api);
  const refreshing = thread.refresh();
  thread.update(7, { status: "closed" });
  respond({ id: 7, status: "open", messages: [message(1), message(2)] });
  await refreshing;

  assert.equal(thread.ticket.status, "closed");
  assert.equal(thread.messages.length, 2);
});

test("a response about a ticket that is no longer open is dropped", async () => {
  const { api, thread } = createThread({});
  const respondToFirst = delayResponse(api);
  const first = thread.open(7);
  const respondToSecond = delayResponse(api);
  const second = thread.open(8);
  respondToSecond({ id: 8, messages: [] });
  respondToFirst({ id: 7, messages: [] });
  await Promise.all([first, second]);

  assert.equal(thread.ticket.id, 8);
});

test("a closed thread sends no request, so that nothing is marked as read unseen", async () => {
  const { api, thread } = createThread({ id: 7, messages: [] });
  await thread.open(7);
  await thread.open(null);
  api.getTicket = () => assert.fail("requested");

  assert.deepEqual(await thread.refresh(), []);
  assert.equal(thread.ticket, null);
});

test("a ticket that fails to load is an error; a failed refresh keeps the thread", async () => {
  const { api, thread } = createThread({ id: 7, messages: [message(1)] });
  await thread.open(7);
  api.getTicket = () => Promise.reject(new Error("unavailable"));
  await assert.rejects(thread.refresh(), /unavailable/);
  assert.equal(thread.phase, "ready");

  await assert.rejects(thread.open(8), /unavailable/);
  assert.equal(thread.phase, "failed");
});

test("seen is the service's count, plus one for a message that the reader has just sent", async () => {
  const ticket = { id: 7, message_count: 2, messages: [message(1), message(2)] };
  const { api, thread } = createThread(ticket);
  await thread.open(7);
  assert.equal(thread.seen, 2);
  thread.add(message(3), 2);
  assert.equal(thread.seen, 3);

  // a response from before that does not reduce it
  await thread.refresh();
  assert.equal(thread.seen, 3);
  Object.assign(ticket, { message_count: 5, messages: [1, 2, 3, 4, 5].map((id) => message(id)) });
  await thread.refresh();
  assert.equal(thread.seen, 5);

  api.getTicket = () => Promise.resolve({ id: 8, message_count: 1, messages: [message(9)] });
  await thread.open(8);
  assert.equal(thread.seen, 1);
});

test("adding the same message twice counts it as seen once", async () => {
  const { thread } = createThread({ id: 7, message_count: 1, messages: [message(1)] });
  await thread.open(7);
  // the second is the response to a repeated request that the service had carried out before
  thread.add(message(2), 1);
  thread.add(message(2), 1);

  assert.equal(thread.seen, 2);
});

test("a message that the reader sends while the thread loads is shown with it", async () => {
  const { api, thread } = createThread({});
  const respond = delayResponse(api);
  const opening = thread.open(7);
  thread.add(message(2), 1);
  // as the ticket was before the message
  respond({ id: 7, message_count: 1, messages: [message(1)] });
  await opening;

  assert.deepEqual(ids(thread.messages), [1, 2]);
  assert.equal(thread.seen, 2);
});

test("the divider stands before the first new message, after its day", () => {
  const messages = [message(1), message(2)];
  const items = threadItems(messages, { firstNew: 1 });
  assert.deepEqual(
    items.slice(1).map(({ key }) => key),
    ["new", 1, 2],
  );
});
