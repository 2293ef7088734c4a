// Ticket list: pages, filters, overtaken responses, and the pinned row of the open ticket.

import assert from "node:assert/strict";
import { test } from "node:test";

import { TicketList } from "../../../src/tickets/web/model/ticket-list.js";

/** Returns a time, some seconds after noon. */
const at = (second) => new Date(Date.UTC(2026, 1, 3, 12) + 1000 * second).toISOString();

/** A service with this many tickets, the first `unread` of them unread; as admins see them. */
function createService(count, unread = 0) {
  const requests = [];
  const rows = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    admin_unread: index < unread,
    updated_at: at(-index),
  }));
  const remove = (id) => {
    const index = rows.findIndex((row) => row.id === id);
    return rows.splice(index, 1)[0];
  };
  /** Marks a ticket as read: it moves behind the unread ones. */
  const markRead = (id) => {
    const row = { ...remove(id), admin_unread: false };
    const next = rows.findIndex((one) => !one.admin_unread && one.updated_at < row.updated_at);
    rows.splice(next < 0 ? rows.length : next, 0, row);
  };
  const listTickets = ({ limit, cursor, ...filters }) => {
    requests.push({ limit, cursor, ...filters });
    const start = Number(cursor ?? 0);
    const end = start + limit;
    const tickets = rows.slice(start, end).map((row) => ({ ...row }));
    return Promise.resolve({ tickets, next_cursor: end < rows.length ? String(end) : null });
  };
  return { api: { listTickets }, rows, requests, remove, markRead };
}

const createList = ({ api }) => new TicketList(api, "admin", () => {});
const ids = (list) => list.rows.map(({ id }) => id);

test("the list shows fifty tickets, and fifty more each time", async () => {
  const list = createList(createService(120));
  await list.load({});
  assert.equal(list.rows.length, 50);
  assert.ok(list.hasMore);

  await list.showMore();
  assert.equal(list.rows.length, 100);
  await list.showMore();
  assert.equal(list.rows.length, 120);
  assert.ok(!list.hasMore);
});

test("a refresh loads as many rows as were shown, in as few pages as possible", async () => {
  const service = createService(400);
  const list = createList(service);
  await list.load({});
  for (let page = 0; page < 6; page += 1) await list.showMore();
  service.requests.length = 0;

  await list.refresh();

  assert.equal(list.rows.length, 350);
  assert.deepEqual(
    service.requests.map(({ limit }) => limit),
    [200, 150],
  );
});

test("a ticket that moves to the front between two pages is shown once", async () => {
  const service = createService(250);
  const list = createList(service);
  await list.load({});
  for (let page = 0; page < 4; page += 1) await list.showMore();
  const { listTickets } = service.api;
  service.api.listTickets = async (query) => {
    const page = await listTickets(query);
    if (!query.cursor) service.rows.unshift(service.rows.splice(220, 1)[0]);
    return page;
  };

  await list.refresh();

  assert.equal(new Set(ids(list)).size, list.rows.length);
});

test("other filters start again; the same filters only refresh", async () => {
  const service = createService(60);
  const list = createList(service);
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
  assert.equal(service.requests.at(-1).status, "open");
  assert.equal(list.rows.length, 50);
});

test("a response that another load has overtaken is dropped", async () => {
  const responses = [];
  const listTickets = () => new Promise((resolve) => responses.push(resolve));
  const list = createList({ api: { listTickets } });
  const first = list.load({ status: "open" });
  const second = list.load({ status: "closed" });
  responses[1]({ tickets: [{ id: 2 }], next_cursor: null });
  responses[0]({ tickets: [{ id: 1 }], next_cursor: null });
  await Promise.all([first, second]);

  assert.deepEqual(ids(list), [2]);
});

test("a failed first load is an error; a failed refresh keeps the rows", async () => {
  const service = createService(3);
  const list = createList(service);
  const { listTickets } = service.api;
  const fail = () => Promise.reject(new Error("unavailable"));
  service.api.listTickets = fail;
  await assert.rejects(list.load({}), /unavailable/);
  assert.equal(list.phase, "failed");

  service.api.listTickets = listTickets;
  await list.load({});
  service.api.listTickets = fail;
  await assert.rejects(list.refresh(), /unavailable/);
  assert.equal(list.phase, "ready");
  assert.deepEqual(ids(list), [1, 2, 3]);
});

test("a read ticket leaves the unread filter at the next refresh, unless it is open", async () => {
  const service = createService(80, 3);
  const list = createList(service);
  await list.load({ unread: "1" });
  assert.deepEqual(ids(list), [1, 2, 3]);
  assert.ok(!list.hasMore);

  list.openId = 2;
  service.markRead(2);
  list.markRead(2);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3]);

  list.openId = 3;
  assert.deepEqual(ids(list), [1, 2, 3]);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 3]);
});

test("the open ticket keeps its place, whatever changes around it", async () => {
  const service = createService(6, 3);
  const list = createList(service);
  await list.load({});
  list.openId = 2;

  service.markRead(2);
  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3, 4, 5, 6]);
  assert.equal(list.rows[1].admin_unread, false);

  service.rows.unshift({ id: 7, admin_unread: true, updated_at: at(1) });
  service.markRead(1);
  await list.refresh();
  assert.deepEqual(ids(list), [7, 2, 3, 1, 4, 5, 6]);

  service.rows.unshift({ ...service.remove(2), updated_at: at(2) });
  await list.refresh();
  assert.deepEqual(ids(list), [7, 2, 3, 1, 4, 5, 6]);

  list.openId = null;
  await list.refresh();
  assert.deepEqual(ids(list), [2, 7, 3, 1, 4, 5, 6]);
});

test("the open ticket stays as it is now if the service no longer lists it", async () => {
  const service = createService(60, 60);
  const list = createList(service);
  list.getOpenTicket = () => ({ id: 50, status: "resolved", admin_unread: false });
  await list.load({ status: "open" });
  list.openId = 50;
  service.remove(50);

  await list.refresh();
  assert.equal(list.rows.length, 51);
  assert.deepEqual(ids(list).slice(-3), [49, 50, 51]);
  assert.equal(list.rows[49].status, "resolved");

  await list.load({ status: "closed" });
  assert.ok(!ids(list).includes(50));
});

test("a ticket that was opened before the list was loaded is pinned there", async () => {
  const service = createService(4, 2);
  const list = createList(service);
  list.openId = 1;
  await list.load({});
  service.markRead(1);

  await list.refresh();
  assert.deepEqual(ids(list), [1, 2, 3, 4]);
});

test("with more than a page of unread tickets, the unread filter has more", async () => {
  const list = createList(createService(80, 70));
  await list.load({ unread: "1" });
  assert.ok(list.hasMore);
  await list.showMore();
  assert.equal(list.rows.length, 70);
});
