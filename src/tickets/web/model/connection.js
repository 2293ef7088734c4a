// One side of one service, shared by all elements of a page that show it: one token, one poll.

import { Api } from "./api.js";
import { Drafts, Outbox, pruneDrafts } from "./drafts.js";
import { Feed } from "./feed.js";

const connections = new Map();

/** The connection for an API root and a side, the same one each time. */
export function connect(root, side) {
  const name = `${side} ${root}`;
  if (!connections.has(name)) connections.set(name, new Connection(root, side, name));
  return connections.get(name);
}

/** The browser's storage; where that is blocked, one that lasts as long as the page. */
export function storageOf(name) {
  try {
    globalThis[name].setItem("tickets:probe", "");
    globalThis[name].removeItem("tickets:probe");
    return globalThis[name];
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}

/** Tells `token` whenever who is signed in has changed; its `detail` is why: "in", "out" or "refused". */
class Connection extends EventTarget {
  outbox = new Outbox();
  #session = storageOf("sessionStorage");
  #local = storageOf("localStorage");
  #token;
  #owner;

  constructor(root, side, name) {
    super();
    // kept under the names of both, so that a token never goes to another service than its own
    this.#token = `tickets:${name}:token`;
    this.#owner = `tickets:${name}:owner`;
    this.api = new Api(root, side);
    this.api.onRefused = (token) => token === this.token && this.#end("refused");
    this.feed = new Feed(() => this.api.unread());
    pruneDrafts(this.#local);
    this.use(this.#session.getItem(this.#token));
  }

  get token() {
    return this.api.token;
  }

  /**
   * The drafts of whoever is signed in, told by a mark of the first token of this session.
   *
   * A later token, after one has expired, belongs to the same person, who finds what was typed. After a
   * sign-out it may be somebody else's, who does not; the same token finds it again.
   */
  get drafts() {
    return new Drafts(this.#local, `${this.#owner}:${this.#session.getItem(this.#owner)}`);
  }

  /** Use a token that the host page gives, and keeps itself; null is none. */
  use(token) {
    if (token !== this.token) this.#set(token || null, token ? "in" : "out");
  }

  /** Use a token that a person or a link gives, and keep it for the session. */
  signIn(token) {
    this.#session.setItem(this.#token, token);
    this.use(token);
  }

  signOut() {
    this.#session.removeItem(this.#owner);
    this.#end("out");
  }

  #end(why) {
    this.#session.removeItem(this.#token);
    this.#set(null, why);
  }

  #set(token, why) {
    this.api.token = token;
    if (token && !this.#session.getItem(this.#owner)) this.#session.setItem(this.#owner, mark(token));
    this.feed.active = Boolean(token);
    this.dispatchEvent(new CustomEvent("token", { detail: why }));
  }
}

/** FNV-1a, 32 bits: many tokens share a mark, so that it gives nothing away. */
function mark(text) {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  return (hash >>> 0).toString(36);
}
