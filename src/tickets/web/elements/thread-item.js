// Items of a thread: a message, the separator of a day, the divider before what is new.

import { h, showTime, userText } from "../lib/dom.js";
import { normalizeLines } from "../lib/text.js";
import { clockTime } from "../lib/time.js";
import { senderLabel } from "../model/labels.js";

/** Creates the element for an item of `threadItems`. */
export function createItem({ day, isNew, message }, side, ticket) {
  if (message) return createMessage(message, side, ticket);
  return h(isNew ? "li.t-new" : "li.t-day", h("h3", isNew ? "New" : day));
}

function createMessage(message, side, ticket) {
  const time = h("time");
  showTime(time, message.created_at, clockTime);
  return h(
    `li.t-message.${message.sender_type === side ? "t-own" : "t-other"}`,
    { tabindex: -1, "data-id": message.id },
    h("p.t-meta", userText("span.t-sender", senderLabel(message, side, ticket)), time),
    userText("p.t-text", normalizeLines(message.message)),
  );
}
