// Addresses: what is written is read again, and nothing else means anything.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formatRoute, parseRoute, sameFilters } from "../../src/tickets/web/model/routes.js";

const LIST = { view: "list", filters: {} };

for (const [hash, route] of [
  ["#/tickets", LIST],
  ["#/tickets?status=open", { view: "list", filters: { status: "open" } }],
  ["#/tickets?category=billing&unread=1", { view: "list", filters: { category: "billing", unread: "1" } }],
  ["#/tickets/42", { view: "ticket", id: 42, filters: {} }],
  ["#/tickets/42?status=closed", { view: "ticket", id: 42, filters: { status: "closed" } }],
  ["#/new", { view: "new", filters: {} }],
]) {
  test(`${hash} is read and written`, () => {
    const parsed = parseRoute(hash);
    assert.deepEqual({ ...parsed, filters: { ...parsed.filters } }, route);
    const again = parseRoute(formatRoute(parsed));
    assert.equal(formatRoute(again), formatRoute(parsed));
  });
}

for (const hash of ["", "#", "#pricing", "#/", "#/tickets/", "#/tickets/abc", "#/tickets/-1", "#/tickets/1e3"]) {
  test(`"${hash}" is the whole list`, () => {
    assert.deepEqual(parseRoute(hash), LIST);
  });
}

test("a filter that does not exist is none", () => {
  assert.deepEqual(parseRoute("#/tickets?status=lost&category=toString&unread=yes&x=1"), LIST);
});

test("filters that are empty are not written", () => {
  assert.equal(formatRoute({ view: "list", filters: { status: "", category: undefined } }), "#/tickets");
});

test("filters are the same whether empty or absent", () => {
  assert.ok(sameFilters({ status: "" }, {}));
  assert.ok(!sameFilters({ status: "open" }, {}));
});
