// Ticket list: filtered, paged, refreshed by polling. The open ticket's row is pinned to its place.

import { sameFilters } from "./routes.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Side} Side */
/** @typedef {import("./api.js").Ticket} Ticket */
/** @typedef {import("./routes.js").Filters} Filters */
/** @typedef {import("./thread.js").Phase} Phase */

const PAGE_SIZE = 50;
// the service's maximum for one request
const MAX_PAGE_SIZE = 200;

export class TicketList {
  /** @type {Filters} */
  filters = {};
  /** @type {Phase} */
  phase = "idle";
  /** @type {unknown} */
  error = null;
  /**
   * The rows to show. Filtering unread tickets happens here: the service has no such filter, and
   * lists them first.
   *
   * @type {Ticket[]}
   */
  rows = [];
  /**
   * Returns the current state of the open ticket, for when the service no longer lists it.
   *
   * @type {() => Ticket | null}
   */
  getOpenTicket = () => null;
  #api;
  #onChange;
  /** @type {Ticket[]} */
  #allRows = [];
  /** @type {string | null} */
  #nextCursor = null;
  #targetSize = PAGE_SIZE;
  /** Number of the latest load; responses to earlier ones are dropped. */
  #load = 0;
  /** @type {number | null} */
  #openId = null;
  /**
   * The open ticket's row as it was when the ticket was opened: it decides the row's place.
   *
   * @type {Ticket | null}
   */
  #pinned = null;

  /**
   * @param {Pick<Api, "listTickets">} api
   * @param {Side} side
   * @param {() => void} onChange
   */
  constructor(api, side, onChange) {
    this.#api = api;
    this.#onChange = onChange;
    /** The property of a row that says whether this side has not read the ticket. */
    this.unreadField = /** @type {const} */ (`${side}_unread`);
  }

  /** The id of the open ticket. Its row keeps its place, read or not, whatever its status. */
  get openId() {
    return this.#openId;
  }

  set openId(id) {
    if (id === this.#openId) return;
    this.#openId = id;
    this.#pinned = null;
    this.#pin();
    this.#onChange();
  }

  get hasMore() {
    if (!this.#nextCursor) return false;
    // unread tickets come first: once the last row is a read one, there are no more
    return !this.filters.unread || Boolean(this.#allRows.at(-1)?.[this.unreadField]);
  }

  /**
   * Returns whether the list for these filters is loaded.
   *
   * @param {Filters} filters
   */
  isLoadedFor(filters) {
    return this.phase === "ready" && sameFilters(filters, this.filters);
  }

  /**
   * Shows the list for these filters. A list that is loaded is refreshed and stays visible
   * meanwhile.
   *
   * @param {Filters} filters
   */
  load(filters) {
    if (!this.isLoadedFor(filters)) this.#clear("loading", filters);
    return this.refresh();
  }

  showMore() {
    this.#targetSize = this.#allRows.length + PAGE_SIZE;
    return this.refresh();
  }

  /** Loads all shown pages again. Rejects if that fails, and keeps what was shown. */
  async refresh() {
    if (this.phase === "idle") return;
    this.#load += 1;
    const load = this.#load;
    try {
      const isDone = await this.#loadPages(() => load === this.#load);
      if (!isDone) return;
      this.phase = "ready";
      this.error = null;
    } catch (error) {
      if (load !== this.#load) return;
      if (this.phase !== "ready") {
        this.phase = "failed";
        this.error = error;
      }
      throw error;
    } finally {
      if (load === this.#load) this.#onChange();
    }
  }

  /**
   * Optimistic update: shows a ticket as read before the next refresh.
   *
   * @param {number} id
   */
  markRead(id) {
    const row = this.#find(id);
    if (row) row[this.unreadField] = false;
    this.#onChange();
  }

  /** Clears the list, when somebody has signed out. */
  clear() {
    this.#clear("idle", this.filters);
  }

  /**
   * @param {Phase} phase
   * @param {Filters} filters
   */
  #clear(phase, filters) {
    this.#load += 1;
    this.#allRows = [];
    this.rows = [];
    this.#pinned = null;
    this.#nextCursor = null;
    this.#targetSize = PAGE_SIZE;
    this.phase = phase;
    this.filters = filters;
    this.#onChange();
  }

  /**
   * Loads pages up to the target size; returns false if another load started meanwhile.
   *
   * @param {() => boolean} isCurrent
   */
  async #loadPages(isCurrent) {
    const { status, category } = this.filters;
    /**
     * By id: a ticket that moves to the front between two pages is returned twice.
     *
     * @type {Map<number, Ticket>}
     */
    const rows = new Map();
    /** @type {string | null} */
    let cursor = null;
    do {
      const limit = Math.min(this.#targetSize - rows.size, MAX_PAGE_SIZE);
      const page = await this.#api.listTickets({ status, category, limit, cursor });
      if (!isCurrent()) return false;
      for (const row of page.tickets) rows.set(row.id, row);
      cursor = page.next_cursor;
    } while (cursor && rows.size < this.#targetSize);
    this.#setRows(rows);
    this.#nextCursor = cursor;
    return true;
  }

  /** @param {number | null} id */
  #find(id) {
    return this.#allRows.find((row) => row.id === id);
  }

  #pin() {
    const row = this.#find(this.#openId);
    if (row) this.#pinned ??= { ...row };
  }

  /**
   * Takes rows in the service's order; the pinned one goes back to its place.
   *
   * @param {Map<number, Ticket>} rows
   */
  #setRows(rows) {
    const pinned = this.#pinned;
    if (pinned) {
      const open = rows.get(pinned.id) ?? { ...pinned, ...this.getOpenTicket() };
      rows.delete(pinned.id);
      this.#allRows = [...rows.values()];
      const next = this.#allRows.findIndex((row) => comesAfter(row, pinned, this.unreadField));
      this.#allRows.splice(next < 0 ? this.#allRows.length : next, 0, open);
    } else this.#allRows = [...rows.values()];
    this.#pin();
    this.rows = this.filters.unread
      ? this.#allRows.filter((row) => row[this.unreadField] || row.id === this.#openId)
      : this.#allRows;
  }
}

/**
 * Returns whether a row comes after another one in the admins' order: unread first, then by latest
 * change.
 *
 * @param {Ticket} row
 * @param {Ticket} other
 * @param {"user_unread" | "admin_unread"} unreadField
 */
function comesAfter(row, other, unreadField) {
  if (row[unreadField] !== other[unreadField]) return other[unreadField];
  const later = Date.parse(other.updated_at) - Date.parse(row.updated_at);
  return later ? later > 0 : row.id < other.id;
}
