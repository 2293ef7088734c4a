// Messages of a thread in their order, and what a page shows of them.

import { dayKey, dayLabel } from "../lib/time.js";

/** @typedef {import("./api.js").Message} Message */
/**
 * @typedef {{ key: string | number, day?: string, isNew?: boolean, message?: Message }} ThreadItem
 */

// a message without an ordinal is one's own, just sent
/** @param {Message} message */
const place = ({ ordinal }) => ordinal || Number.POSITIVE_INFINITY;

/**
 * Merges messages in the order of their ordinals. No message disappears: neither one that the
 * service did not know yet, nor an older one that its page does not reach back to.
 *
 * @param {Message[]} received
 * @param {Message[]} known
 */
export function mergeMessages(received, known) {
  const ids = new Set(received.map((message) => message.id));
  const others = known.filter((message) => !ids.has(message.id));
  // stable: those without an ordinal stay behind the others
  return [...received, ...others].sort((a, b) =>
    place(a) < place(b) ? -1 : Number(place(a) > place(b)),
  );
}

/**
 * Returns what a thread shows, in order: its messages, a separator before each day's first one, and
 * a divider before the first new one.
 *
 * @param {Message[]} messages
 * @param {object} [options]
 * @param {number | null} [options.firstNew] id of the first new message
 * @param {number} [options.now] milliseconds since the epoch
 */
export function threadItems(messages, { firstNew = null, now = Date.now() } = {}) {
  /** @type {ThreadItem[]} */
  const items = [];
  let day = null;
  for (const message of messages) {
    const { id, created_at: at } = message;
    if (dayKey(at) !== day) items.push({ key: `day ${dayKey(at)}`, day: dayLabel(at, now) });
    day = dayKey(at);
    if (id === firstNew) items.push({ key: "new", isNew: true });
    items.push({ key: id, message });
  }
  return items;
}

/**
 * Returns whether messages in order leave no gap after the one with this ordinal.
 *
 * @param {Message[]} messages
 * @param {number} ordinal
 */
export const reachesBack = (messages, ordinal) =>
  messages.length > 0 && messages[0].ordinal <= ordinal + 1;
