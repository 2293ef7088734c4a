// Routes: what a dashboard shows, as the fragment of the page's address.
//
// `#/tickets?status=open` is a list. `#/tickets/42?status=open` is a ticket that was opened from
// that list, so that going back leads to the same list. `#/new` is the form for a new ticket,
// `#/new?follows=42` for one that continues a closed ticket.
// Fragments work under any path and on any host page.

import { CATEGORIES, STATUSES } from "./labels.js";

/** @typedef {{ status?: string, category?: string, unread?: string }} Filters */
/** @typedef {{ id?: undefined, follows?: undefined, filters?: Filters }} NoTicket */
/** @typedef {NoTicket & { view: "list" }} ListRoute */
/** @typedef {Omit<NoTicket, "follows"> & { view: "new", follows?: number }} NewRoute */
/** @typedef {Omit<NoTicket, "id"> & { view: "ticket", id: number }} TicketRoute */
/** @typedef {ListRoute | NewRoute | TicketRoute} Route */

/** @type {Record<keyof Filters, Record<string, string>>} */
const CHOICES = { status: STATUSES, category: CATEGORIES, unread: { 1: "Unread" } };
const ID = /^\d{1,15}$/;
const FILTERS = /** @type {(keyof Filters)[]} */ (Object.keys(CHOICES));

/**
 * Parses a fragment. Any other fragment of the page counts as the list without filters.
 *
 * @param {string} hash
 * @returns {Route & { filters: Filters }}
 */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split("?", 2);
  const parameters = new URLSearchParams(query);
  const filters = parseFilters(parameters);
  const ticket = /^\/tickets\/(\d{1,15})$/.exec(path);
  if (ticket) return { view: "ticket", id: Number(ticket[1]), filters };
  if (path !== "/new") return { view: "list", filters };
  const follows = parameters.get("follows") ?? "";
  return ID.test(follows)
    ? { view: "new", follows: Number(follows), filters }
    : { view: "new", filters };
}

/**
 * Formats a route as a fragment.
 *
 * @param {Route} route
 */
export function formatRoute({ view, id, follows, filters }) {
  const path = { list: "/tickets", ticket: `/tickets/${id}`, new: "/new" }[view];
  return `#${path}${formatQuery({ ...filters, follows })}`;
}

/**
 * Formats a query string of the parameters that have a value, with its question mark; "" if none
 * has.
 *
 * @param {Record<string, string | number | boolean | null | undefined>} [parameters]
 */
export function formatQuery(parameters = {}) {
  const present = Object.entries(parameters).filter(([, value]) => value);
  const query = `${new URLSearchParams(present.map(([name, value]) => [name, String(value)]))}`;
  return query && `?${query}`;
}

/**
 * Returns whether two sets of filters select the same tickets; an empty filter equals a missing
 * one.
 *
 * @param {Filters} a
 * @param {Filters} b
 */
export const sameFilters = (a, b) => FILTERS.every((name) => (a[name] || "") === (b[name] || ""));

/**
 * @param {URLSearchParams} query
 * @returns {Filters} without unknown names and values
 */
function parseFilters(query) {
  /** @type {Filters} */
  const filters = {};
  for (const name of FILTERS) {
    const value = query.get(name);
    if (value !== null && Object.hasOwn(CHOICES[name], value)) filters[name] = value;
  }
  return filters;
}
