// The list: pages, filters, and looks at it that overtake each other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TicketList } from "../../src/tickets/web/model/list.js";

/** A moment, by seconds after one. */
const at = (second) => new Date(Date.UTC(2026, 1, 3, 12) + 1000 * second).toISOString();

/** A service with this many tickets; unread ones come first, as for admins. */
function service(tickets, unread = 0) {
  const asked = [];
  const rows = Array.from({ length: tickets }, (_, index) => ({
    id: index + 1,
    admin_unread: index < unread,
    updated_at: at(-index),
  }));
  const take = (id) => rows.splice(rows.findIndex((row) => row.id === id), 1)[0];
  /** Somebody reads a ticket: it goes behind the unread ones. */
  const read = (id) => {
    const row = { ...take(id), admin_unread: false };
    const place = rows.findIndex((one) => !one.admin_unread && one.updated_at < row.updated_at);
    rows.splice(place < 0 ? rows.length : place, 0, row);
  };
  const list = async ({ limit, cursor, ...filters }) => {
    asked.push({ limit, cursor, ...filters });
    const start = Number(cursor ?? 0);
    const page = rows.slice(start, start + limit).map((row) => ({ ...row }));
    return { tickets: page, next_cursor: start + limit < rows.length ? String(start + limit) : null };
  };
  return { api: { list }, rows, asked, take, read };
}

const listOf = ({ api }) => new TicketList(api, "admin", () => {});
const ids = (list) => list.rows.map(({ id }) => id);

test("it shows fifty, and more when asked", async () => {
  const list = listOf(service(120));
  await list.load({});
  assert.equal(list.rows.length, 50);
  assert.ok(list.more);

  await list.showMore();
  assert.equal(list.rows.length, 100);
  await list.showMore();
  assert.equal(list.rows.length, 120);
  assert.ok(!list.more);
});

test("a refresh keeps as many rows as were there, however many pages that takes", async () => {
  const world = service(400);
  const list = listOf(world);
  await list.load({});
  for (let page = 0; page < 6; page += 1) await list.showMore();
  world.asked.length = 0;

  await list.refresh();

  assert.equal(list.rows.length, 350);
  assert.deepEqual(world.asked.map(({ limit }) => limit), [200, 150]);
});

test("a ticket that moves to the front while it is paged through is there once", async () => {
  const world = service(250);
  const list = listOf(world);
  await list.load({});
  for (let page = 0; page < 4; page += 1) await list.showMore();
  const plain = world.api.list;
  world.api.list = async (query) => {
    const page = await plain(query);
    if (!query.cursor) world.rows.unshift(world.rows.splice(220, 1)[0]);
    return page;
  };

  await list.refresh();

  assert.equal(new Set(ids(list)).size, list.rows.length);
});

test("another filter starts again; the same one only refreshes", async () => {
  const world = service(60);
  const list = listOf(world);
  await list.load({});
  await list.showMore();
  const phases = [];
  const refreshing = list.load({ status: "" });
  phases.push(list.phase);
  await refreshing;
  const filtering = list.load({ status: "open" });
  phases.push(list.phase);
  await filtering;

  assert.deepEqual(phases, ["ready", "loading"]);
  assert.equal(world.asked.at(-1).status, "open");
  assert.equal(list.rows.length, 50);
});

test("an answer that was overtaken is dropped", async () => {
  const waiting = [];
  const api = { list: () => new Promise((resolve) => waiting.push(resolve)) };
  const list = listOf({ api });
  const first = list.load({ status: "open" });
  const second = list.load({ status: "closed" });
  waiting[1]({ tickets: [{ id: 2 }], next_cursor: null });
  waiting[0]({ tickets: [{ id: 1 }], next_cursor: null });
  await Promise.all([first, second]);

  assert.deepEqual(ids(list), [2]);
});

test("a failed first look is an error; a failed refresh keeps what is there", async () => {
  const world = service(3);
  const list = listOf(world);
  const fine = world.api.list;
  world.api.list = () => Promise.reject(new Error("asleep"));
  await assert.rejects(list.load({}), /asleep/);
  assert.equal(list.phase, "failed");

  world.api.list = fine;
  await list.load({});
  world.api.list = () => Promise.reject(new Error("asleep"));
  await assert.rejects(list.refresh(), /asleep/);
  assert.equal(list.phase, "ready");
  assert.deepEqual(ids(list), [1, 2, 3]);
});

test("unread ones are the first ones; one that is read goes with the next look, unless it is open", async () => {
  const world = service(80, 3);
  const list = listOf(world);
  await list.load({ unread: "1" });
  assert.deepEqual(ids(list), [1, 2, 3]);
  assert.ok(!list.more);

  list.opened = 2;
  world.read(2);
  list.markRead(2);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3]);

  list.opened = 3;
  assert.deepEqual(ids(list), [1, 2, 3]);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 3]);
});

test("the open one keeps its place among its neighbours, whatever comes and goes around it", async () => {
  const world = service(6, 3);
  const list = listOf(world);
  await list.load({});
  list.opened = 2;

  world.read(2);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3, 4, 5, 6]);
  assert.equal(list.rows[1].admin_unread, false);

  world.rows.unshift({ id: 7, admin_unread: true, updated_at: at(1) });
  world.read(1);
  await list.refresh();
  assert.deepEqual(ids(list), [7, 2, 3, 1, 4, 5, 6]);

  world.rows.unshift({ ...world.take(2), updated_at: at(2) });
  await list.refresh();
  assert.deepEqual(ids(list), [7, 2, 3, 1, 4, 5, 6]);

  list.opened = null;
  await list.refresh();
  assert.deepEqual(ids(list), [2, 7, 3, 1, 4, 5, 6]);
});

test("the open one stays where the service does not list it any more, as it is now", async () => {
  const world = service(60, 60);
  const list = listOf(world);
  list.current = () => ({ id: 50, status: "resolved", admin_unread: false });
  await list.load({ status: "open" });
  list.opened = 50;
  world.take(50);

  await list.refresh();
  assert.equal(list.rows.length, 51);
  assert.deepEqual(ids(list).slice(-3), [49, 50, 51]);
  assert.equal(list.rows[49].status, "resolved");

  await list.load({ status: "closed" });
  assert.ok(!ids(list).includes(50));
});

test("a ticket that was opened before its list was there stays where the list then has it", async () => {
  const world = service(4, 2);
  const list = listOf(world);
  list.opened = 1;
  await list.load({});
  world.read(1);

  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3, 4]);
});

test("with more unread ones than fit there is more to show", async () => {
  const list = listOf(service(80, 70));
  await list.load({ unread: "1" });
  assert.ok(list.more);
  await list.showMore();
  assert.equal(list.rows.length, 70);
});
