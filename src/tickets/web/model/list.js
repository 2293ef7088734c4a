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
  /** The ticket that is open: it keeps its place among the unread ones although it is read now. */
  opened = null;
  #api;
  #changed;
  #rows = [];
  #cursor = null;
  #wanted = PAGE;
  #turn = 0;

  constructor(api, side, changed) {
    this.#api = api;
    this.#changed = changed;
    /** The rows' own name for being unread by this side. */
    this.flag = `${side}_unread`;
  }

  /** The rows to show. The service has no filter for unread ones, and need not: they come first. */
  get rows() {
    const { filters, opened } = this;
    return filters.unread ? this.#rows.filter((row) => row[this.flag] || row.id === opened) : this.#rows;
  }

  get more() {
    return Boolean(this.#cursor && (!this.filters.unread || this.#rows.at(-1)?.[this.flag]));
  }

  /** Show the list for these filters; what is there already is refreshed, without going blank. */
  load(filters) {
    if (this.phase !== "ready" || !sameFilters(filters, this.filters)) {
      this.reset({ filters, phase: "loading" });
    }
    return this.refresh();
  }

  showMore() {
    this.#wanted = this.#rows.length + PAGE;
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
      this.#rows = [...rows.values()];
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
    const row = this.#rows.find((one) => one.id === id);
    if (row) row[this.flag] = false;
    this.#changed();
  }

  /** Forget everything that was shown. */
  reset(next = { phase: "idle" }) {
    this.#turn += 1;
    this.#rows = [];
    this.#cursor = null;
    this.#wanted = PAGE;
    Object.assign(this, next);
    this.#changed();
  }
}
