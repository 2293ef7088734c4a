// One open ticket with its messages, and how both are brought up to date.

import { dayKey, dayLabel } from "./time.js";

/** The messages that the service gave, and behind them those that it did not know yet: none goes away. */
export function mergeMessages(given, known) {
  const ids = new Set(given.map((message) => message.id));
  return [...given, ...known.filter((message) => !ids.has(message.id))];
}

/** What a thread shows, in order: a separator for each day, and its messages. */
export function threadItems(messages, now = Date.now()) {
  const items = [];
  let day = null;
  for (const message of messages) {
    const { id, created_at: at } = message;
    if (dayKey(at) !== day) items.push({ key: `day ${dayKey(at)}`, day: dayLabel(at, now) });
    day = dayKey(at);
    items.push({ key: id, message });
  }
  return items;
}

export class Thread {
  id = null;
  ticket = null;
  messages = [];
  /** How many messages there are of which each one is here. */
  seen = 0;
  /** "idle", "loading", "ready" or "failed". */
  phase = "idle";
  error = null;
  #api;
  #changed;
  #edits = 0;

  /** `changed(arrived)` is told of the messages that have come since the thread was shown. */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Show a ticket; null is none. Rejects where it cannot be had. */
  open(id) {
    if (id !== this.id || this.phase !== "ready") {
      const phase = id === null ? "idle" : "loading";
      Object.assign(this, { id, phase, ticket: null, messages: [], seen: 0, error: null });
      this.#changed([]);
    }
    return this.refresh();
  }

  /** Take up what is new, and resolve to the messages that have come. */
  async refresh() {
    const { id } = this;
    if (id === null) return [];
    const edits = this.#edits;
    try {
      const { messages, ...ticket } = await this.#api.ticket(id);
      if (id !== this.id) return [];
      const known = new Set(this.messages.map((message) => message.id));
      const arrived = this.phase === "ready" ? messages.filter((one) => !known.has(one.id)) : [];
      // what it says of the ticket may be older than a change made here meanwhile; messages never are
      if (edits === this.#edits || !this.ticket) this.ticket = ticket;
      this.messages = mergeMessages(messages, this.messages);
      this.seen = Math.max(this.seen, ticket.message_count);
      Object.assign(this, { phase: "ready", error: null });
      this.#changed(arrived);
      return arrived;
    } catch (error) {
      if (id !== this.id) return [];
      if (this.phase !== "ready") Object.assign(this, { phase: "failed", error });
      this.#changed([]);
      throw error;
    }
  }

  /**
   * Show one's own message at once; it is the one that came after the `seen` ones. Where the thread is still on its way, which
   * may be how it was before, it is shown with it.
   */
  add(message, seen) {
    if (message.ticket_id !== this.id) return;
    this.messages = mergeMessages(this.messages, [message]);
    this.seen = Math.max(this.seen, seen + 1);
    this.#changed([]);
  }

  /** Show a change of the ticket at once; without one, show again what it is. */
  patch(id, changes) {
    if (id !== this.id || !this.ticket) return;
    if (changes) this.#edits += 1;
    Object.assign(this.ticket, changes);
    this.#changed([]);
  }
}
