// A list of tickets: as many as were asked for, always as fresh as the last look.

import { sameFilters } from "./routes.js";

const PAGE = 50;
// rows that the service gives at once
const MOST = 200;

export class TicketList {
  filters = {};
  /** "idle", "loading", "ready" or "failed". */
  phase = "idle";
  error = null;
  /** The rows to show. The service has no filter for unread ones, and need not: they come first. */
  rows = [];
  /** Gives the ticket that is open as it is now, for when the service does not list it any more. */
  current = () => null;
  #api;
  #changed;
  #all = [];
  #cursor = null;
  #wanted = PAGE;
  #turn = 0;
  #opened = null;
  /** The row of the open ticket as it was when that was opened. */
  #place = null;

  constructor(api, side, changed) {
    this.#api = api;
    this.#changed = changed;
    /** The rows' own name for being unread by this side. */
    this.flag = `${side}_unread`;
  }

  /** The id of the ticket that is open: its row stays where it is, read or moved to another status as it may be. */
  get opened() {
    return this.#opened;
  }

  set opened(id) {
    if (id === this.#opened) return;
    this.#opened = id;
    this.#place = null;
    this.#mark();
    this.#changed();
  }

  get more() {
    return Boolean(this.#cursor && (!this.filters.unread || this.#all.at(-1)?.[this.flag]));
  }

  /** Whether the list for these filters is there. */
  shows(filters) {
    return this.phase === "ready" && sameFilters(filters, this.filters);
  }

  /** Show the list for these filters; what is there already is refreshed, without going blank. */
  load(filters) {
    if (!this.shows(filters)) this.reset({ filters, phase: "loading" });
    return this.refresh();
  }

  showMore() {
    this.#wanted = this.#all.length + PAGE;
    return this.refresh();
  }

  /** Take up what is new. Rejects where that fails, and then keeps what was there. */
  async refresh() {
    if (this.phase === "idle") return;
    // a later look at the list makes this one pointless
    const turn = ++this.#turn;
    const { status, category } = this.filters;
    // by id: while it is paged through, a ticket may move to the front
    const rows = new Map();
    let cursor = null;
    try {
      do {
        const limit = Math.min(this.#wanted - rows.size, MOST);
        const page = await this.#api.list({ status, category, limit, cursor });
        if (turn !== this.#turn) return;
        for (const row of page.tickets) rows.set(row.id, row);
        cursor = page.next_cursor;
      } while (cursor && rows.size < this.#wanted);
      this.#arrange(rows);
      this.#cursor = cursor;
      Object.assign(this, { phase: "ready", error: null });
    } catch (error) {
      if (turn !== this.#turn) return;
      if (this.phase !== "ready") Object.assign(this, { phase: "failed", error });
      throw error;
    } finally {
      if (turn === this.#turn) this.#changed();
    }
  }

  /** Show at once that a ticket was read, before the next refresh does. */
  markRead(id) {
    const row = this.#find(id);
    if (row) row[this.flag] = false;
    this.#changed();
  }

  /** Forget everything that was shown. */
  reset(next = { phase: "idle" }) {
    this.#turn += 1;
    this.#all = this.rows = [];
    this.#place = null;
    this.#cursor = null;
    this.#wanted = PAGE;
    Object.assign(this, next);
    this.#changed();
  }

  #find(id) {
    return this.#all.find((row) => row.id === id);
  }

  #mark() {
    const row = this.#find(this.#opened);
    if (row) this.#place ??= { ...row };
  }

  /** Take rows in the service's order, by id; the open one goes where it was before. */
  #arrange(rows) {
    const { flag } = this;
    const place = this.#place;
    const open = place && (rows.get(place.id) ?? { ...place, ...this.current() });
    rows.delete(open?.id);
    this.#all = [...rows.values()];
    if (open) {
      const at = this.#all.findIndex((row) => isBehind(row, place, flag));
      this.#all.splice(at < 0 ? this.#all.length : at, 0, open);
    }
    this.#mark();
    this.rows = this.filters.unread ? this.#all.filter((row) => row[flag] || row.id === this.#opened) : this.#all;
  }
}

/** Whether a row comes after another one in the admins' list: unread first, then what has changed last. */
function isBehind(row, other, flag) {
  if (row[flag] !== other[flag]) return other[flag];
  const later = Date.parse(other.updated_at) - Date.parse(row.updated_at);
  return later ? later > 0 : row.id < other.id;
}
