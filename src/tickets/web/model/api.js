// The service's REST API from one side: every call a method, every failure an ApiError.

import { formatQuery } from "./routes.js";

const TIMEOUT = 30_000;

/** What went wrong, `message` being a sentence for a person; status 0 is "no answer at all". */
export class ApiError extends Error {
  constructor(message, { status = 0, fields = [], code = "" } = {}) {
    super(message);
    Object.assign(this, { status, fields, code });
  }
}

const UNREACHABLE = "The service cannot be reached. Please check your connection and try again.";
const BROKEN = "Something went wrong on our side. Please try again.";
// where the answer comes from a proxy, which knows no problem details
const SENTENCES = { 413: "This is too long to be sent.", 429: "Please wait a moment and try again." };

export class Api {
  token = null;
  /** Called with a token that was refused. */
  onRefused = () => {};
  #admin;
  #fetch;

  /** `root` is where the API is, up to and with `/api/v1/tickets`; `side` is "user" or "admin". */
  constructor(root, side, fetch = (...request) => globalThis.fetch(...request)) {
    this.root = root;
    this.#admin = side === "admin" ? "/admin" : "";
    this.#fetch = fetch;
  }

  list(query) {
    return this.#call("GET", this.#admin && "/admin/all", { query });
  }

  async unread() {
    return (await this.#call("GET", `${this.#admin}/unread`)).unread;
  }

  stats() {
    return this.#call("GET", "/admin/stats");
  }

  /** A ticket with its thread. It stays unread: a response may be lost on its way to whom it is for. */
  async ticket(id) {
    return (await this.#call("GET", `${this.#admin}/${id}`, { query: { peek: true } })).ticket;
  }

  /** Mark a ticket read of which this many messages were shown; resolve to whether it is unread still. */
  async acknowledge(id, seen) {
    return (await this.#call("POST", `${this.#admin}/${id}/read`, { body: { seen } })).unread;
  }

  /** Mark a ticket unread. */
  markUnread(id) {
    return this.#call("POST", `${this.#admin}/${id}/unread`);
  }

  async create(body, key) {
    return (await this.#call("POST", "", { body, key })).ticket;
  }

  /** `seen` is how many messages the writer was shown: where there are more, this is refused. */
  async reply(id, body, key) {
    return (await this.#call("POST", `${this.#admin}/${id}/reply`, { body, key })).message;
  }

  async move(id, status) {
    return (await this.#call("PUT", `/admin/${id}/status`, { body: { status } })).status;
  }

  async #call(method, path, { query, body, key } = {}) {
    const { token } = this;
    const headers = this.#admin ? { "X-Admin-Token": token } : { Authorization: `Bearer ${token}` };
    if (body) headers["Content-Type"] = "application/json";
    if (method !== "GET") headers["Idempotency-Key"] = key ?? randomKey();
    const response = await this.#fetch(this.root + path + formatQuery(query), {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT),
    }).catch(() => {
      throw new ApiError(UNREACHABLE);
    });
    const content = await response.json().catch(() => null);
    if (response.ok && content) return content;
    const { status } = response;
    if (status === 401) this.onRefused(token);
    throw new ApiError(content?.detail ?? SENTENCES[status] ?? BROKEN, {
      status,
      fields: content?.errors,
      code: content?.type?.split(":").at(-1),
    });
  }
}

/** A name for one request, under which it takes effect once. */
export function randomKey() {
  // randomUUID exists on secure origins alone; an intranet's plain http is not one
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
