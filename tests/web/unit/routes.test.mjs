// Routes: a formatted route is parsed again, and any other fragment is the list.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatRoute, parseRoute, sameFilters } from "../../../src/tickets/web/model/routes.js";

const LIST = { view: "list", filters: {} };

for (const [hash, route] of [
  ["#/tickets", LIST],
  ["#/tickets?status=open", { view: "list", filters: { status: "open" } }],
  [
    "#/tickets?category=billing&unread=1",
    { view: "list", filters: { category: "billing", unread: "1" } },
  ],
  ["#/tickets/42", { view: "ticket", id: 42, filters: {} }],
  ["#/tickets/42?status=closed", { view: "ticket", id: 42, filters: { status: "closed" } }],
  ["#/new", { view: "new", filters: {} }],
  ["#/new?follows=42", { view: "new", follows: 42, filters: {} }],
]) {
  test(`${hash} is parsed and formatted`, () => {
    const parsed = parseRoute(hash);
    assert.deepEqual(parsed, route);
    assert.deepEqual(parseRoute(formatRoute(parsed)), route);
  });
}

for (const hash of [
  "",
  "#",
  "#pricing",
  "#/",
  "#/tickets/",
  "#/tickets/abc",
  "#/tickets/-1",
  "#/tickets/1e3",
]) {
  test(`"${hash}" is the list without filters`, () => {
    assert.deepEqual(parseRoute(hash), LIST);
  });
}

test("unknown filters are ignored", () => {
  assert.deepEqual(parseRoute("#/tickets?status=lost&category=toString&unread=yes&x=1"), LIST);
});

test("empty filters are left out", () => {
  const filters = { status: "", category: undefined };
  assert.equal(formatRoute({ view: "list", filters }), "#/tickets");
});

test("an empty filter equals a missing one", () => {
  assert.ok(sameFilters({ status: "" }, {}));
  assert.ok(!sameFilters({ status: "open" }, {}));
});

test("a follow-up of something that is no id is a ticket of its own", () => {
  for (const follows of ["", "x", "-1", "1e3", "1".repeat(16)]) {
    assert.deepEqual(parseRoute(`#/new?follows=${follows}`), { view: "new", filters: {} });
  }
});
