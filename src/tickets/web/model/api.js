// Client of the REST API for one side: a method for each operation, an ApiError for each failure.

import { formatQuery } from "./routes.js";

/** @typedef {"user" | "admin"} Side */
/** @typedef {"open" | "in_progress" | "resolved" | "closed"} Status */
/** @typedef {"support" | "billing" | "feature_suggestion" | "other"} Category */

/**
 * @typedef {object} Message
 * @property {number} id
 * @property {number} ticket_id
 * @property {Side} sender_type
 * @property {number | null} sender_id null for admins
 * @property {string | null} sender_name of a named admin, as it was when the message was written
 * @property {string} message
 * @property {string} created_at
 * @property {number} ordinal its place in the thread; 0 where the service did not say
 */

/**
 * A ticket as lists and the ticket itself have it. `user_email` is there for admins only.
 *
 * @typedef {object} Ticket
 * @property {number} id
 * @property {string} subject
 * @property {Category} category
 * @property {string | null} other_category
 * @property {Status} status
 * @property {boolean} [user_unread]
 * @property {boolean} [admin_unread]
 * @property {number} message_count
 * @property {string} [last_message]
 * @property {string | null} [user_email]
 * @property {string} created_at
 * @property {string} updated_at
 * @property {number | null} [follows] the closed ticket that this one continues
 * @property {number[]} [followed_by] the tickets that continue this one
 */

/**
 * A page of a thread: `messages_before` is the cursor of the page before, null where the thread
 * begins; `seen` is the ordinal of the last message that this side was shown without a gap.
 *
 * @typedef {{ messages: Message[], messages_before: string | null, seen: number }} ThreadPage
 */

/** @typedef {Ticket & ThreadPage} TicketDetail */
/** @typedef {{ tickets: Ticket[], next_cursor: string | null }} TicketPage */
/** @typedef {{ field: string, message: string }} FieldError */

/**
 * @typedef {object} ListQuery
 * @property {string | undefined} status
 * @property {string | undefined} category
 * @property {number} limit
 * @property {string | null} cursor
 */

/** @typedef {Record<string, string | number | boolean | null | undefined>} Parameters */

const TIMEOUT = 30_000;

const UNREACHABLE = "The service cannot be reached. Please check your connection and try again.";
const UNEXPECTED = "Something went wrong on our side. Please try again.";

/**
 * Sentences for responses without problem details, as a proxy may send them.
 *
 * @type {Record<number, string>}
 */
const SENTENCES = {
  413: "This is too long to be sent.",
  429: "You're doing that too often. Please wait a moment and try again.",
};

/** A failed call; `message` is a sentence for the person at the page. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {object} [details]
   * @param {number} [details.status] HTTP status; 0 without a response
   * @param {FieldError[]} [details.fields]
   * @param {string} [details.code] last part of the problem's type
   */
  constructor(message, { status = 0, fields = [], code = "" } = {}) {
    super(message);
    this.status = status;
    this.fields = fields;
    this.code = code;
  }
}

export class Api {
  /** @type {string | null} */
  token = null;
  /**
   * Called with the token that the service refused.
   *
   * @type {(token: string | null) => void}
   */
  onTokenRefused = () => {};
  #prefix;
  #fetch;

  /**
   * @param {string} root address of the API, up to and including `/api/v1/tickets`
   * @param {Side} side
   * @param {typeof globalThis.fetch} [fetch]
   */
  constructor(root, side, fetch = (...request) => globalThis.fetch(...request)) {
    this.root = root;
    this.#prefix = side === "admin" ? "/admin" : "";
    this.#fetch = fetch;
  }

  /**
   * @param {ListQuery} query
   * @returns {Promise<TicketPage>}
   */
  listTickets(query) {
    return this.#call("GET", this.#prefix && "/admin/all", { query: { ...query } });
  }

  /** @returns {Promise<number>} */
  async unreadCount() {
    return (await this.#call("GET", `${this.#prefix}/unread`)).unread;
  }

  /** @returns {Promise<Record<string, unknown>>} */
  stats() {
    return this.#call("GET", "/admin/stats");
  }

  /**
   * Fetches a ticket with a page of its messages and leaves it unread: the response may get lost
   * before anybody sees it. `markRead` follows when it was shown.
   *
   * @param {number} id
   * @param {string | null} [before] cursor of an older page; the newest page without it
   * @returns {Promise<TicketDetail>}
   */
  async getTicket(id, before) {
    const query = { peek: true, before };
    return (await this.#call("GET", `${this.#prefix}/${id}`, { query })).ticket;
  }

  /**
   * Marks a ticket as read if it has no more than the `seen` messages that were shown; resolves to
   * whether it is still unread.
   *
   * @param {number} id
   * @param {number} seen
   * @returns {Promise<boolean>}
   */
  async markRead(id, seen) {
    return (await this.#call("POST", `${this.#prefix}/${id}/read`, { body: { seen } })).unread;
  }

  /** @param {number} id */
  async markUnread(id) {
    await this.#call("POST", `${this.#prefix}/${id}/unread`);
  }

  /**
   * @param {object} body
   * @param {string} key idempotency key
   * @returns {Promise<TicketDetail>}
   */
  async createTicket(body, key) {
    return (await this.#call("POST", "", { body, key })).ticket;
  }

  /**
   * Adds a message. The service refuses it if the ticket has more than the `seen` messages that its
   * writer was shown.
   *
   * @param {number} id
   * @param {object} body with `message` and `seen`
   * @param {string} key idempotency key
   * @returns {Promise<Message>}
   */
  async reply(id, body, key) {
    return (await this.#call("POST", `${this.#prefix}/${id}/reply`, { body, key })).message;
  }

  /**
   * Closes one's own ticket, because it is solved.
   *
   * @param {number} id
   * @returns {Promise<Status>}
   */
  async closeTicket(id) {
    return (await this.#call("POST", `/${id}/close`)).status;
  }

  /**
   * @param {number} id
   * @param {Status} status
   * @returns {Promise<Status>}
   */
  async changeStatus(id, status) {
    return (await this.#call("PUT", `/admin/${id}/status`, { body: { status } })).status;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ query?: Parameters, body?: object, key?: string }} [request]
   * @returns {Promise<any>} the body, whose type is the operation's
   */
  async #call(method, path, { query, body, key } = {}) {
    const { token } = this;
    const response = await this.#fetch(this.root + path + formatQuery(query), {
      method,
      headers: this.#headers(method, body, key),
      body: body ? JSON.stringify(body) : null,
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT),
    }).catch(() => {
      throw new ApiError(UNREACHABLE);
    });
    const content = await response.json().catch(() => null);
    if (response.ok && content) return content;
    const { status } = response;
    if (status === 401) this.onTokenRefused(token);
    throw new ApiError(content?.detail ?? SENTENCES[status] ?? UNEXPECTED, {
      status,
      fields: content?.errors,
      code: content?.type?.split(":").at(-1),
    });
  }

  /**
   * @param {string} method
   * @param {object} [body]
   * @param {string} [key]
   */
  #headers(method, body, key) {
    const token = this.token ?? "";
    /** @type {Record<string, string>} */
    const headers = this.#prefix
      ? { "X-Admin-Token": token }
      : { Authorization: `Bearer ${token}` };
    if (body) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = key ?? createIdempotencyKey();
    return headers;
  }
}

/** Creates an idempotency key: the service carries out a request once per key. */
export function createIdempotencyKey() {
  // `crypto.randomUUID` exists on secure origins only, and an intranet may use plain HTTP
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
