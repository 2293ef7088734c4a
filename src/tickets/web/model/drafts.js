// Drafts: unsent text of the forms, with the idempotency key of the last attempt to send it.
//
// They are in localStorage, so that they survive reloads, failures, sign-outs and closed tabs. A
// draft belongs to the person who was signed in (see `drafts` in session.js), so that the next
// person at this computer does not see it.

import { createIdempotencyKey } from "./api.js";

const PREFIX = "tickets:draft:";
const MAX_AGE = 90 * 24 * 3_600_000;

/** @typedef {Record<string, string>} Fields */
/** @typedef {{ text: string, key: string, body: object }} Attempt */
/** @typedef {{ fields: Fields, sent?: Attempt, at?: number }} Draft */
/** @typedef {Pick<Storage, "getItem" | "setItem" | "removeItem">} DraftStorage */

export class Drafts {
  #storage;
  #scope;

  /**
   * @param {DraftStorage} storage
   * @param {string} scope identifies service, side and person
   */
  constructor(storage, scope) {
    this.#storage = storage;
    this.#scope = `${PREFIX}${scope}:`;
  }

  /**
   * Returns the fields of a form as they were typed; empty without a draft.
   *
   * @param {string} form
   */
  read(form) {
    return this.#load(form).fields;
  }

  /**
   * @param {string} form
   * @param {Fields} fields
   */
  write(form, fields) {
    this.#save(form, { ...this.#load(form), fields });
  }

  /**
   * Returns body and idempotency key to send this content with; the body also has `extra`.
   *
   * Both stay the same for every attempt at the same content, so that the service recognises a
   * request that it has carried out already. Other content gets another key.
   *
   * @param {string} form
   * @param {object} content
   * @param {object} [extra]
   * @returns {Attempt}
   */
  attempt(form, content, extra) {
    const draft = this.#load(form);
    const text = JSON.stringify(content);
    if (draft.sent?.text === text) return draft.sent;
    const attempt = { text, key: createIdempotencyKey(), body: { ...content, ...extra } };
    this.#save(form, { ...draft, sent: attempt });
    return attempt;
  }

  /**
   * Drops the last attempt, which the service has refused for good; the next one is a new request.
   *
   * @param {string} form
   */
  dropAttempt(form) {
    this.#save(form, { fields: this.read(form) });
  }

  /**
   * Deletes a draft, because it was sent.
   *
   * @param {string} form
   */
  delete(form) {
    this.#storage.removeItem(this.#scope + form);
  }

  /**
   * @param {string} form
   * @returns {Draft}
   */
  #load(form) {
    return parseDraft(this.#storage.getItem(this.#scope + form)) ?? { fields: {} };
  }

  /**
   * @param {string} form
   * @param {Draft} draft
   */
  #save(form, draft) {
    try {
      this.#storage.setItem(this.#scope + form, JSON.stringify({ ...draft, at: Date.now() }));
    } catch {
      // the storage is full; the form still has the text
    }
  }
}

/**
 * Deletes the drafts, of anybody, that have not changed for 90 days.
 *
 * @param {DraftStorage} storage
 * @param {number} [now] milliseconds since the epoch
 */
export function deleteOldDrafts(storage, now = Date.now()) {
  for (const key of Object.keys(storage)) {
    if (!key.startsWith(PREFIX)) continue;
    const age = now - (parseDraft(storage.getItem(key))?.at ?? 0);
    // also without a valid date, where the age is not a number
    if (!(age < MAX_AGE)) storage.removeItem(key);
  }
}

/**
 * @param {string | null} json
 * @returns {Draft | null} null if it is not a draft
 */
function parseDraft(json) {
  try {
    return JSON.parse(json ?? "null");
  } catch {
    return null;
  }
}
