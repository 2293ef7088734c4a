// What has been typed and not been sent: kept until it was sent, through reloads, failures and sign-outs;
// and its sending, which happens once however often it is asked for.
//
// In localStorage, because a closed tab must not lose a text either. A draft belongs to whoever was signed
// in (`owner` in the scope, see connection.js), so that the next person at this computer does not see it.

import { randomKey } from "./api.js";

const PREFIX = "tickets:draft:";
const KEPT_FOR = 90 * 24 * 3_600_000;

export class Drafts {
  #storage;
  #scope;

  /** `scope` tells service, side and person apart. */
  constructor(storage, scope) {
    this.#storage = storage;
    this.#scope = `${PREFIX}${scope}:`;
  }

  /** The fields of a form as they were typed; none where there is no draft. */
  read(form) {
    return this.#load(form).fields;
  }

  write(form, fields) {
    this.#save(form, { ...this.#load(form), fields });
  }

  /**
   * The body and the idempotency key to send this content with, `more` beside it: the same ones for each
   * try, so that a try which did arrive, and whose answer was lost, is recognised; another key as soon as
   * the content is another.
   */
  attempt(form, content, more) {
    const draft = this.#load(form);
    const text = JSON.stringify(content);
    if (draft.sent?.text !== text) {
      draft.sent = { text, key: randomKey(), body: { ...content, ...more } };
      this.#save(form, draft);
    }
    return draft.sent;
  }

  /** The next try is another request: nothing has come of this one, and nothing will. */
  giveUp(form) {
    this.#save(form, { fields: this.read(form) });
  }

  /** Forget a draft: it was sent. */
  clear(form) {
    this.#storage.removeItem(this.#scope + form);
  }

  #load(form) {
    return parsed(this.#storage.getItem(this.#scope + form)) ?? { fields: {} };
  }

  #save(form, draft) {
    try {
      this.#storage.setItem(this.#scope + form, JSON.stringify({ ...draft, at: Date.now() }));
    } catch {
      // the storage is full: what was typed still stands in the form
    }
  }
}

/** Drop drafts, anybody's, that nobody has touched for three months. */
export function pruneDrafts(storage, now = Date.now()) {
  for (const key of Object.keys(storage)) {
    if (key.startsWith(PREFIX) && !(now - parsed(storage.getItem(key))?.at < KEPT_FOR)) storage.removeItem(key);
  }
}

export class Outbox {
  #underWay = new Map();

  isSending(form) {
    return this.#underWay.has(form);
  }

  /**
   * Send a form's content with `request(body, key)`, as `drafts.attempt()` has it. The draft goes when that
   * succeeds, and stays when it rejects, as this then does too: trying again is up to a person. Asked
   * again meanwhile, it is joined.
   */
  send(form, content, drafts, request, more) {
    if (!this.isSending(form)) {
      const { body, key } = drafts.attempt(form, content, more);
      const sending = request(body, key)
        .then((result) => (drafts.clear(form), result))
        .finally(() => this.#underWay.delete(form));
      this.#underWay.set(form, sending);
    }
    return this.#underWay.get(form);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // not ours, or cut off: as good as none
    return null;
  }
}
