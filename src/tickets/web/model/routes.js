// Addresses: what the dashboard shows, as the fragment of the page's address.
//
// `#/tickets?status=open` is a list, `#/tickets/42?status=open` a ticket opened from that list, so that
// going back finds the same list; `#/new` is the form. The fragment works under any path and in any host.

import { CATEGORIES, STATUSES } from "./labels.js";

const CHOICES = { status: STATUSES, category: CATEGORIES, unread: { 1: "Unread" } };

/** Read a fragment; one that means nothing here is the whole list. */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  const filters = readFilters(new URLSearchParams(query));
  const ticket = /^\/tickets\/(\d{1,15})$/.exec(path);
  if (ticket) return { view: "ticket", id: Number(ticket[1]), filters };
  return { view: path === "/new" ? "new" : "list", filters };
}

/** Write a route as a fragment. */
export function formatRoute({ view, id, filters }) {
  const path = { list: "/tickets", ticket: `/tickets/${id}`, new: "/new" }[view];
  return `#${path}${formatQuery(filters)}`;
}

/** Write a query with its question mark, of what has a value; "" where nothing has. */
export function formatQuery(parameters = {}) {
  const query = `${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value))}`;
  return query && `?${query}`;
}

function readFilters(query) {
  const chosen = Object.entries(CHOICES).map(([name, choices]) => [name, query.get(name), choices]);
  return Object.fromEntries(chosen.filter(([, value, choices]) => Object.hasOwn(choices, value)));
}

export const sameFilters = (a, b) => Object.keys(CHOICES).every((name) => (a[name] || "") === (b[name] || ""));
