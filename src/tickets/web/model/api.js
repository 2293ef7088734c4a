// The service's REST API from one side: every call a method, every failure an ApiError.

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

  /**
   * A ticket with its thread. This marks it read: ask for what a person is about to see, and for
   * nothing else. (The one place for `peek` and an acknowledgement, once the service has them.)
   */
  async ticket(id) {
    return (await this.#call("GET", `${this.#admin}/${id}`)).ticket;
  }

  async create(body, key) {
    return (await this.#call("POST", "", { body, key })).ticket;
  }

  async reply(id, message, key) {
    return (await this.#call("POST", `${this.#admin}/${id}/reply`, { body: { message }, key })).message;
  }

  async move(id, status) {
    return (await this.#call("PUT", `/admin/${id}/status`, { body: { status } })).status;
  }

  async #call(method, path, { query = {}, body, key } = {}) {
    const { token } = this;
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString();
    const headers = this.#admin ? { "X-Admin-Token": token } : { Authorization: `Bearer ${token}` };
    if (body) headers["Content-Type"] = "application/json";
    if (key) headers["Idempotency-Key"] = key;
    const response = await this.#fetch(this.root + path + (search && `?${search}`), {
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
