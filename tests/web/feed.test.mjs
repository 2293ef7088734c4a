// The unread count: every 30 seconds, not in a hidden tab, at once when it is seen again.

import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { Feed, INTERVAL } from "../../src/tickets/web/model/feed.js";

let page, asked, feed, seen;

const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setInterval"] });
  page = new EventTarget();
  page.document = Object.assign(new EventTarget(), { hidden: false });
  asked = 0;
  seen = [];
  feed = new Feed(async () => ++asked, page);
});

const listener = { count: (count) => seen.push(count), failed: (error) => seen.push(error.message) };

function hide(hidden) {
  page.document.hidden = hidden;
  page.document.dispatchEvent(new Event("visibilitychange"));
}

test("nobody is asked before somebody is signed in and listens", async () => {
  feed.subscribe(listener);
  await settle();
  assert.equal(asked, 0);
});

test("it counts at once, and then every 30 seconds", async () => {
  feed.active = true;
  feed.subscribe(listener);
  await settle();
  assert.deepEqual(seen, [1]);

  mock.timers.tick(INTERVAL - 1);
  await settle();
  assert.deepEqual(seen, [1]);
  mock.timers.tick(1);
  await settle();
  assert.deepEqual(seen, [1, 2]);
});

test("a hidden tab does not ask; one that comes back asks at once", async () => {
  feed.active = true;
  feed.subscribe(listener);
  await settle();
  hide(true);
  mock.timers.tick(10 * INTERVAL);
  await settle();
  assert.deepEqual(seen, [1]);

  hide(false);
  await settle();
  assert.deepEqual(seen, [1, 2]);
  mock.timers.tick(INTERVAL);
  await settle();
  assert.deepEqual(seen, [1, 2, 3]);
});

test("it asks at once when the network is back", async () => {
  feed.active = true;
  feed.subscribe(listener);
  await settle();
  page.dispatchEvent(new Event("online"));
  await settle();
  assert.deepEqual(seen, [1, 2]);
});

test("what is shown is refreshed before it is counted", async () => {
  const order = [];
  feed.active = true;
  feed.subscribe({ tick: async () => order.push("refreshed"), count: () => order.push("counted") });
  await settle();
  mock.timers.tick(INTERVAL);
  await settle();
  assert.deepEqual(order, ["counted", "refreshed", "counted"]);
});

test("a failed refresh is told, and the count comes all the same", async () => {
  feed.active = true;
  feed.subscribe({ ...listener, tick: () => Promise.reject(new Error("no list")) });
  await settle();
  mock.timers.tick(INTERVAL);
  await settle();
  assert.deepEqual(seen, [1, 2, "no list"]);
});

test("what is asked for during a refresh comes after it, once", async () => {
  const under_way = [];
  const tick = () => new Promise((done) => under_way.push(done));
  feed.active = true;
  feed.subscribe({ ...listener, tick });
  await settle();
  mock.timers.tick(INTERVAL);
  hide(false);
  mock.timers.tick(INTERVAL);
  assert.equal(under_way.length, 1);

  under_way[0]();
  await settle();
  assert.equal(under_way.length, 2);
  assert.deepEqual(seen, [1, 2]);

  under_way[1]();
  await settle();
  assert.equal(under_way.length, 2);
  assert.deepEqual(seen, [1, 2, 3]);
});

test("several listeners share one question", async () => {
  feed.active = true;
  feed.subscribe(listener);
  await settle();
  feed.subscribe({ ...listener });
  await settle();
  assert.deepEqual(seen, [1, 1]);
  mock.timers.tick(INTERVAL);
  await settle();
  assert.equal(asked, 2);
});

test("without listeners, and after a sign-out, it is quiet", async () => {
  feed.active = true;
  const leave = feed.subscribe(listener);
  await settle();
  leave();
  hide(false);
  mock.timers.tick(5 * INTERVAL);
  await settle();
  assert.equal(asked, 1);

  feed.subscribe(listener);
  await settle();
  feed.active = false;
  mock.timers.tick(5 * INTERVAL);
  await settle();
  assert.deepEqual(seen.slice(-1), [0]);
  assert.equal(asked, 2);
});

test("an answer that comes after somebody has signed out is nobody's", async () => {
  let answer;
  feed = new Feed(() => new Promise((resolve) => (answer = resolve)), page);
  feed.active = true;
  feed.subscribe(listener);
  feed.active = false;
  answer(5);
  await settle();

  assert.deepEqual(seen, [0]);
});
