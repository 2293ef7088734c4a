// Polling of the unread count: every 30 seconds, not in a hidden tab, at once when the tab is back.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { POLL_INTERVAL, UnreadPoller } from "../../../src/tickets/web/model/poller.js";

/** The page's visibility and network events. */
let page;
/** How often the count was fetched; each fetch returns that number. */
let fetches;
/** Counts and error messages that the listener got. */
let received;
let poller;

const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
  page = new EventTarget();
  page.document = Object.assign(new EventTarget(), { hidden: false });
  fetches = 0;
  received = [];
  poller = new UnreadPoller(() => {
    fetches += 1;
    return Promise.resolve(fetches);
  }, page);
});

const listener = {
  onCount: (count) => received.push(count),
  onError: (error) => received.push(error.message),
};

function setHidden(hidden) {
  page.document.hidden = hidden;
  page.document.dispatchEvent(new Event("visibilitychange"));
}

async function pass(milliseconds) {
  mock.timers.tick(milliseconds);
  await settle();
}

test("without a sign-in there is no request", async () => {
  poller.subscribe(listener);
  await settle();
  assert.equal(fetches, 0);
});

test("the count is fetched at once, and then every 30 seconds", async () => {
  poller.active = true;
  poller.subscribe(listener);
  await settle();
  assert.deepEqual(received, [1]);

  await pass(POLL_INTERVAL - 1);
  assert.deepEqual(received, [1]);
  await pass(1);
  assert.deepEqual(received, [1, 2]);
});

test("a hidden tab does not poll, and polls at once when it is visible again", async () => {
  poller.active = true;
  poller.subscribe(listener);
  await settle();
  setHidden(true);
  await pass(10 * POLL_INTERVAL);
  assert.deepEqual(received, [1]);

  setHidden(false);
  await settle();
  assert.deepEqual(received, [1, 2]);
  await pass(POLL_INTERVAL);
  assert.deepEqual(received, [1, 2, 3]);
});

test("it polls at once when the network is back", async () => {
  poller.active = true;
  poller.subscribe(listener);
  await settle();
  page.dispatchEvent(new Event("online"));
  await settle();
  assert.deepEqual(received, [1, 2]);
});

test("listeners refresh before the count is fetched", async () => {
  const order = [];
  poller.active = true;
  poller.subscribe({
    onPoll: () => order.push("refreshed"),
    onCount: () => order.push("counted"),
  });
  await settle();
  await pass(POLL_INTERVAL);
  assert.deepEqual(order, ["counted", "refreshed", "counted"]);
});

test("a failed refresh is reported, and the count is fetched all the same", async () => {
  poller.active = true;
  poller.subscribe({ ...listener, onPoll: () => Promise.reject(new Error("no list")) });
  await settle();
  await pass(POLL_INTERVAL);
  assert.deepEqual(received, [1, 2, "no list"]);
});

test("polls during a refresh cause one more after it", async () => {
  const refreshes = [];
  const onPoll = () => new Promise((resolve) => refreshes.push(resolve));
  poller.active = true;
  poller.subscribe({ ...listener, onPoll });
  await settle();
  mock.timers.tick(POLL_INTERVAL);
  setHidden(false);
  mock.timers.tick(POLL_INTERVAL);
  assert.equal(refreshes.length, 1);

  refreshes[0]();
  await settle();
  assert.equal(refreshes.length, 2);
  assert.deepEqual(received, [1, 2]);

  refreshes[1]();
  await settle();
  assert.equal(refreshes.length, 2);
  assert.deepEqual(received, [1, 2, 3]);
});

test("several listeners share one request", async () => {
  poller.active = true;
  poller.subscribe(listener);
  await settle();
  poller.subscribe({ ...listener });
  await settle();
  assert.deepEqual(received, [1, 1]);
  await pass(POLL_INTERVAL);
  assert.equal(fetches, 2);
});

test("without listeners, and after a sign-out, it does not poll", async () => {
  poller.active = true;
  const unsubscribe = poller.subscribe(listener);
  await settle();
  unsubscribe();
  setHidden(false);
  await pass(5 * POLL_INTERVAL);
  assert.equal(fetches, 1);

  poller.subscribe(listener);
  await settle();
  poller.active = false;
  await pass(5 * POLL_INTERVAL);
  assert.deepEqual(received.slice(-1), [0]);
  assert.equal(fetches, 2);
});

test("a count that arrives after a sign-out is dropped", async () => {
  const { promise, resolve } = Promise.withResolvers();
  poller = new UnreadPoller(() => promise, page);
  poller.active = true;
  poller.subscribe(listener);
  poller.active = false;
  resolve(5);
  await settle();

  assert.deepEqual(received, [0]);
});
