// Session of one side at one service. All elements of a page that use it share one token and one
// poller.

import { openStorage } from "../lib/storage.js";
import { Api } from "./api.js";
import { COOKIE, createCookieFetch } from "./cookie-fetch.js";
import { Drafts, deleteOldDrafts } from "./drafts.js";
import { Outbox } from "./outbox.js";
import { UnreadPoller } from "./poller.js";

/** @typedef {import("./api.js").Side} Side */
/** @typedef {"signed-in" | "signed-out" | "refused"} TokenChange */

/** @type {Map<string, Connection>} */
const connections = new Map();

/**
 * Returns the connection to an API root for a side, the same one each time.
 *
 * @param {string} root
 * @param {Side} side
 * @param {boolean} [usesCookie] whether the host's cookie signs in
 */
export function connect(root, side, usesCookie = false) {
  const name = `${side} ${root}${usesCookie ? " cookie" : ""}`;
  let connection = connections.get(name);
  if (!connection) {
    connection = new Connection(root, side, name, usesCookie);
    connections.set(name, connection);
  }
  return connection;
}

/** Dispatches `token-changed` when somebody signs in or out; its `detail` is a `TokenChange`. */
class Connection extends EventTarget {
  outbox = new Outbox();
  #session = openStorage("sessionStorage");
  #local = openStorage("localStorage");
  #tokenKey;
  #ownerKey;

  /**
   * @param {string} root
   * @param {Side} side
   * @param {string} name
   * @param {boolean} [usesCookie]
   */
  constructor(root, side, name, usesCookie = false) {
    super();
    this.usesCookie = usesCookie;
    // both parts of the name are in the storage key, so that no other service ever gets the token
    this.#tokenKey = `tickets:${name}:token`;
    this.#ownerKey = `tickets:${name}:owner`;
    const cookieFetch = createCookieFetch((person, before) => this.#usePerson(person, before));
    this.api = usesCookie ? new Api(root, side, cookieFetch) : new Api(root, side);
    this.api.onTokenRefused = (token) => {
      // a late response to an earlier token says nothing about the current one
      if (token === this.token) this.#dropToken("refused");
    };
    this.poller = new UnreadPoller(() => this.api.unreadCount());
    deleteOldDrafts(this.#local);
    this.useToken(usesCookie ? COOKIE : this.#session.getItem(this.#tokenKey));
  }

  /**
   * Uses the drafts of the person whose cookie it is; clears everything of another one before.
   *
   * @param {string} person
   * @param {string | null} before
   */
  #usePerson(person, before) {
    if (before) this.signOut();
    this.#session.setItem(this.#ownerKey, person);
    if (before) this.useToken(COOKIE);
  }

  get token() {
    return this.api.token;
  }

  /**
   * The drafts of the person who is signed in, identified by a fingerprint of the session's first
   * token.
   *
   * A later token, after the first has expired, belongs to the same person, who finds the drafts
   * again. After a sign-out, another token may be somebody else's and finds none; the same token
   * finds them again.
   */
  get drafts() {
    return new Drafts(this.#local, `${this.#ownerKey}:${this.#session.getItem(this.#ownerKey)}`);
  }

  /**
   * Uses a token that the host page provides and stores itself; null signs out.
   *
   * @param {string | null} token
   */
  useToken(token) {
    if (token !== this.token) this.#setToken(token || null, token ? "signed-in" : "signed-out");
  }

  /**
   * Uses a token from a person or a link, and stores it for the session.
   *
   * @param {string} token
   */
  signIn(token) {
    this.#session.setItem(this.#tokenKey, token);
    this.useToken(token);
  }

  signOut() {
    this.#session.removeItem(this.#ownerKey);
    this.#dropToken("signed-out");
  }

  /** @param {TokenChange} change */
  #dropToken(change) {
    this.#session.removeItem(this.#tokenKey);
    this.#setToken(null, change);
  }

  /**
   * @param {string | null} token
   * @param {TokenChange} change
   */
  #setToken(token, change) {
    this.api.token = token;
    if (token && !this.#session.getItem(this.#ownerKey)) {
      this.#session.setItem(this.#ownerKey, fingerprint(token));
    }
    this.poller.active = Boolean(token);
    this.dispatchEvent(new CustomEvent("token-changed", { detail: change }));
  }
}

const FNV_OFFSET = 2_166_136_261;
const FNV_PRIME = 16_777_619;

/**
 * Hashes a token with FNV-1a to 32 bits. So many tokens share a fingerprint that it reveals none.
 *
 * @param {string} token
 */
function fingerprint(token) {
  let hash = FNV_OFFSET;
  for (const character of token) {
    const code = /** @type {number} */ (character.codePointAt(0));
    // biome-ignore lint/suspicious/noBitwiseOperators: the hash is defined by them
    hash = Math.imul(hash ^ code, FNV_PRIME);
  }
  // biome-ignore lint/suspicious/noBitwiseOperators: makes the number unsigned
  return (hash >>> 0).toString(36);
}
