// Outbox: sends each form once at a time, under the idempotency key of its draft.

/** @typedef {import("./drafts.js").Drafts} Drafts */

export class Outbox {
  /** @type {Map<string, Promise<any>>} */
  #pending = new Map();

  /** @param {string} form */
  isSending(form) {
    return this.#pending.has(form);
  }

  /**
   * Sends a form's content with `request(body, key)`; both come from `drafts.attempt()`, and
   * `extra` goes into the body too.
   *
   * Deletes the draft on success. Keeps it on failure and rejects: retrying is the person's
   * decision. A second call while the first is pending returns the same promise.
   *
   * @template Result
   * @param {string} form
   * @param {object} options
   * @param {object} options.content
   * @param {object} [options.extra]
   * @param {Drafts} options.drafts
   * @param {(body: any, key: string) => Promise<Result>} options.request knows what it sends
   * @returns {Promise<Result>}
   */
  send(form, { content, extra = {}, drafts, request }) {
    const pending = this.#pending.get(form);
    if (pending) return pending;
    const { body, key } = drafts.attempt(form, content, extra);
    const sending = request(body, key)
      .then((result) => {
        drafts.delete(form);
        return result;
      })
      .finally(() => this.#pending.delete(form));
    this.#pending.set(form, sending);
    return sending;
  }
}
