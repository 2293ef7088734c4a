// Thread: the open ticket with its messages, refreshed by polling and updated optimistically.

import { dayKey, dayLabel } from "../lib/time.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Ticket} Ticket */
/** @typedef {"idle" | "loading" | "ready" | "failed"} Phase */
/** @typedef {{ key: string | number, day?: string, message?: Message }} ThreadItem */

/**
 * Merges messages: those that the service returned, then those that it did not know yet. No message
 * disappears.
 *
 * @param {Message[]} received
 * @param {Message[]} known
 */
export function mergeMessages(received, known) {
  const ids = new Set(received.map((message) => message.id));
  return [...received, ...known.filter((message) => !ids.has(message.id))];
}

/**
 * Returns what a thread shows, in order: its messages, and a separator before each day's first one.
 *
 * @param {Message[]} messages
 * @param {number} [now] milliseconds since the epoch
 */
export function threadItems(messages, now = Date.now()) {
  /** @type {ThreadItem[]} */
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
  /** @type {number | null} */
  id = null;
  /** @type {Ticket | null} */
  ticket = null;
  /** @type {Message[]} */
  messages = [];
  /** How many of the ticket's messages were shown, counted from the first without a gap. */
  seen = 0;
  /** @type {Phase} */
  phase = "idle";
  /** @type {unknown} */
  error = null;
  #api;
  #onChange;
  #updates = 0;

  /**
   * @param {Pick<Api, "getTicket">} api
   * @param {(arrived: Message[]) => void} onChange gets the messages that arrived since the thread
   *   was opened
   */
  constructor(api, onChange) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /**
   * Opens a ticket; null closes the current one. Rejects if the ticket cannot be loaded.
   *
   * @param {number | null} id
   */
  open(id) {
    if (id !== this.id || this.phase !== "ready") {
      this.id = id;
      this.ticket = null;
      this.messages = [];
      this.seen = 0;
      this.phase = id === null ? "idle" : "loading";
      this.error = null;
      this.#onChange([]);
    }
    return this.refresh();
  }

  /**
   * Loads the ticket again; resolves to the messages that arrived. Rejects if that fails, and keeps
   * what was shown.
   *
   * @returns {Promise<Message[]>}
   */
  async refresh() {
    const { id } = this;
    if (id === null) return [];
    const updates = this.#updates;
    try {
      const { messages, ...ticket } = await this.#api.getTicket(id);
      // another ticket was opened meanwhile
      if (id !== this.id) return [];
      // the response may be older than an update made here; its messages are never outdated
      if (updates === this.#updates || !this.ticket) this.ticket = ticket;
      return this.#receive(messages, ticket.message_count);
    } catch (error) {
      if (id !== this.id) return [];
      if (this.phase !== "ready") {
        this.phase = "failed";
        this.error = error;
      }
      this.#onChange([]);
      throw error;
    }
  }

  /**
   * Optimistic update: shows one's own message, the one after the first `seen`, before the next
   * refresh. While the thread is still loading, the message is kept and shown with it.
   *
   * @param {Message} message
   * @param {number} seen
   */
  add(message, seen) {
    if (message.ticket_id !== this.id) return;
    this.messages = mergeMessages(this.messages, [message]);
    this.seen = Math.max(this.seen, seen + 1);
    this.#onChange([]);
  }

  /**
   * Optimistic update: shows changes of the ticket before the next refresh. Without changes, shows
   * the ticket again as it is.
   *
   * @param {number} id
   * @param {Partial<Ticket>} [changes]
   */
  update(id, changes) {
    if (id !== this.id || !this.ticket) return;
    if (changes) this.#updates += 1;
    Object.assign(this.ticket, changes);
    this.#onChange([]);
  }

  /**
   * @param {Message[]} messages
   * @param {number} count
   */
  #receive(messages, count) {
    const known = new Set(this.messages.map((message) => message.id));
    const arrived = this.phase === "ready" ? messages.filter(({ id }) => !known.has(id)) : [];
    this.messages = mergeMessages(messages, this.messages);
    this.seen = Math.max(this.seen, count);
    this.phase = "ready";
    this.error = null;
    this.#onChange(arrived);
    return arrived;
  }
}
