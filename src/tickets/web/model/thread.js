// Thread: the open ticket with its messages, refreshed by polling and updated optimistically.

import { mergeMessages, reachesBack } from "./thread-items.js";

/** @typedef {import("./api.js").Api} Api */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Ticket} Ticket */
/** @typedef {"idle" | "loading" | "ready" | "failed"} Phase */
/** @typedef {import("./api.js").Side} Side */
/** @typedef {import("./api.js").TicketDetail} TicketDetail */

/**
 * The open ticket. Its messages are a run without gaps from some message to the newest one:
 * `showOlder` extends it at its beginning, refreshes do at its end.
 */
export class Thread {
  /** @type {number | null} */
  id = null;
  /** @type {Ticket | null} */
  ticket = null;
  /** @type {Message[]} */
  messages = [];
  /**
   * Cursor of the messages before the first one here; null where the thread begins.
   *
   * @type {string | null}
   */
  before = null;
  /**
   * The `message_count` of the newest response that was shown. It may be acknowledged only if
   * `isAllShown`.
   */
  seen = 0;
  /**
   * Whether every message that was unread when the ticket was opened is among `messages`. If not,
   * the reader has to show older ones first, or they would count as read unseen.
   */
  isAllShown = false;
  /**
   * Id of the first message of the other side that was new when the ticket was opened; null if
   * there is none, or if it is not here yet.
   *
   * @type {number | null}
   */
  firstNew = null;
  /** @type {Phase} */
  phase = "idle";
  /** @type {unknown} */
  error = null;
  #api;
  #onChange;
  #side;
  #updates = 0;
  /** The reader's mark when the ticket was opened: an ordinal; null if nothing was unread. */
  #mark = /** @type {number | null} */ (null);
  /** Ordinal of the last message that a response had; one's own reply may lie beyond a gap. */
  #last = /** @type {number | null} */ (null);
  #older = /** @type {Promise<number> | null} */ (null);

  /**
   * @param {Pick<Api, "getTicket">} api
   * @param {(arrived: Message[]) => void} onChange gets the messages that arrived since the thread
   *   was opened
   * @param {Side} side the reader's
   */
  constructor(api, onChange, side) {
    this.#api = api;
    this.#onChange = onChange;
    this.#side = side;
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
      this.before = null;
      this.seen = 0;
      this.isAllShown = false;
      this.firstNew = null;
      this.phase = id === null ? "idle" : "loading";
      this.error = null;
      this.#older = null;
      this.#last = null;
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
      const detail = await this.#load(id);
      // another ticket was opened meanwhile
      if (id !== this.id) return [];
      const { messages, messages_before: before = null, seen, ...ticket } = detail;
      // the response may be older than an update made here; its messages are never outdated
      if (updates === this.#updates || !this.ticket) this.ticket = ticket;
      const isUnread = Boolean(ticket[`${this.#side}_unread`]);
      if (this.phase !== "ready") this.#mark = isUnread ? seen : null;
      // as when it was read in another tab
      if (!isUnread) this.isAllShown = true;
      return this.#receive(messages, before, ticket.message_count);
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
   * Loads the page before the first message; resolves to the number of messages that it added. A
   * second call while the first is pending returns the same promise. Rejects if that fails.
   *
   * @returns {Promise<number>}
   */
  showOlder() {
    const { id, before } = this;
    if (id === null || before === null) return Promise.resolve(0);
    const loading =
      this.#older ??
      this.#loadOlder(id, before).finally(() => {
        if (this.#older === loading) this.#older = null;
      });
    this.#older = loading;
    return loading;
  }

  /**
   * Optimistic update: shows one's own message, the one after the first `seen`, before the next
   * refresh. While the thread is still loading, the message is kept and shown with it.
   *
   * @param {Message} message
   * @param {number} [seen] undefined if the message was sent without it
   */
  add(message, seen) {
    if (message.ticket_id !== this.id) return;
    this.messages = mergeMessages(this.messages, [message]);
    if (seen !== undefined) this.seen = Math.max(this.seen, seen + 1);
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
   * Loads the newest page, and those before it that are needed to leave no gap after the known
   * messages, as when many came in while the page was asleep.
   *
   * @param {number} id
   * @returns {Promise<TicketDetail>}
   */
  async #load(id) {
    const detail = await this.#api.getTicket(id);
    while (
      this.#last !== null &&
      id === this.id &&
      detail.messages_before &&
      !reachesBack(detail.messages, this.#last)
    ) {
      const page = await this.#api.getTicket(id, detail.messages_before);
      detail.messages = mergeMessages(detail.messages, page.messages);
      detail.messages_before = page.messages_before;
    }
    return detail;
  }

  /**
   * @param {number} id
   * @param {string} before
   */
  async #loadOlder(id, before) {
    const page = await this.#api.getTicket(id, before);
    if (id !== this.id) return 0;
    const count = this.messages.length;
    this.messages = mergeMessages(this.messages, page.messages);
    this.before = page.messages_before;
    this.#findNew();
    this.#onChange([]);
    return this.messages.length - count;
  }

  /**
   * @param {Message[]} messages
   * @param {string | null} before
   * @param {number} count
   */
  #receive(messages, before, count) {
    const known = new Set(this.messages.map((message) => message.id));
    const isFirst = this.phase !== "ready";
    const arrived = isFirst ? [] : messages.filter(({ id }) => !known.has(id));
    this.messages = mergeMessages(messages, this.messages);
    this.#last = messages.at(-1)?.ordinal ?? this.#last;
    if (isFirst || before === null) this.before = before;
    this.seen = Math.max(this.seen, count);
    this.phase = "ready";
    this.error = null;
    this.#findNew();
    this.#onChange(arrived);
    return arrived;
  }

  /** Finds out whether the messages reach back to the mark, and which is the first new one. */
  #findNew() {
    const mark = this.#mark;
    if (mark === null || this.firstNew !== null) return;
    if (this.before !== null && !reachesBack(this.messages, mark)) return;
    this.isAllShown = true;
    const first = this.messages.findIndex(
      ({ ordinal, sender_type: sender }) => ordinal > mark && sender !== this.#side,
    );
    // at the beginning of the thread everything is new
    if (first > 0 || (first === 0 && this.before)) this.firstNew = this.messages[first].id;
  }
}
