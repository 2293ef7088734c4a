// <ticket-thread>: one ticket with its messages and the reply form. Dispatches `change-status`,
// `mark-unread`, `try-again`, and the form's `send-reply` and `write-draft`.

import {
  button,
  h,
  hasFocus,
  isFocusLost,
  labelled,
  select,
  setText,
  showTime,
  userText,
} from "../lib/dom.js";
import { dispatch } from "../lib/events.js";
import { LiveElement } from "../lib/live-element.js";
import { plural } from "../lib/numbers.js";
import { reconcile } from "../lib/reconcile.js";
import { normalizeLine, normalizeLines } from "../lib/text.js";
import { clockTime, relativeTime } from "../lib/time.js";
import { categoryLabel, STATUSES, senderLabel } from "../model/labels.js";
import { threadItems } from "../model/thread.js";
import { TEXT_RULES } from "../model/validation.js";
import { loadStatus } from "./load-status.js";
import { textField } from "./text-field.js";
import { createForm } from "./ticket-form.js";

// distance from the end, in pixels, that still counts as the end
const END_TOLERANCE = 48;
const CONTROL_KEY = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export class TicketThreadElement extends LiveElement {
  reply = createForm({
    submitEvent: "send-reply",
    label: "Send reply",
    fields: { message: textField("Your reply", h("textarea", { dir: "auto" }), TEXT_RULES.reply) },
    aside: h("span.t-hint.t-keys", `${CONTROL_KEY}+Enter sends`),
  });
  heading = userText("h2", "", { tabindex: -1 });
  /** The reply that was being typed when the ticket was closed. */
  unsent = h("textarea", { readonly: true, dir: "auto" });
  #facts = h("p.t-meta");
  #createdAt = h("time");
  #statusSelect = select(STATUSES, {
    onchange: ({ target }) => dispatch(this, "change-status", target.value),
  });
  #loadStatus = h("div.t-state", { role: "status", tabindex: -1 });
  #messages = h("ol.t-messages", { role: "list" });
  #scrollPane = h(
    "div.t-scroll",
    { tabindex: 0, role: "region", "aria-label": "Messages" },
    this.#messages,
  );
  #newMessagesButton = button("t-button.t-primary.t-newer", "", () => this.#goToNewMessages());
  #newMessages = [];
  #closedNotice = h(
    "div.t-closed-notice",
    { tabindex: -1 },
    h("p", "This ticket is closed and takes no further replies."),
  );
  #body = h("div.t-thread", { hidden: true });
  #shownTicketId = null;
  #isAtEnd = true;

  connected(signal) {
    if (!this.firstChild) this.#build();
    // capture: either this pane scrolls, or the page, or a part of the host page
    const options = { capture: true, passive: true, signal };
    document.addEventListener("scroll", () => this.#handleScroll(), options);
    // messages get their real height when they come into view, and the reply box grows with its
    // text
    const resized = new ResizeObserver(() => this.#isAtEnd && this.scrollToEnd());
    resized.observe(this.#scrollPane);
    resized.observe(this.#messages);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Shows a thread (model/thread.js); `arrived` are those that are new since the last call. */
  show(thread, arrived = []) {
    const { ticket, messages } = thread;
    this.#showLoadStatus(thread);
    if (!ticket) {
      // a ticket that failed to load keeps its draft
      if (!thread.error) this.#clear();
      return;
    }
    const shouldFollow = this.#isAtEnd || this.#shownTicketId !== ticket.id;
    this.#showTicket(ticket);
    this.#showMessages(ticket, messages);
    this.#newMessages.push(...arrived);
    if (shouldFollow) this.scrollToEnd();
    else if (arrived.length) this.#offerNewMessages();
  }

  /** Scrolls to the newest message and the reply box below it. */
  scrollToEnd() {
    this.#dismissNewMessages();
    this.#isAtEnd = true;
    this.#scrollPane.scrollTop = this.#scrollPane.scrollHeight;
    this.#body.scrollIntoView({ block: "end" });
  }

  /** Whether the ticket takes no replies; the reply form is hidden then. */
  get isClosed() {
    return this.reply.hidden;
  }

  #build() {
    const wayOut =
      this.side === "user"
        ? h("a.t-button", { href: "#/new" }, "Open a new ticket")
        : h("p.t-hint", "Give it another status to reply again.");
    this.#closedNotice.append(wayOut, labelled("div.t-field", "Your unsent reply", this.unsent));
    this.#body.append(
      h(
        "header.t-thread-head",
        this.heading,
        this.#facts,
        this.side === "admin" && labelled("div.t-filter", "Status", this.#statusSelect),
        button("t-button", "Mark as unread", () => dispatch(this, "mark-unread")),
      ),
      this.#scrollPane,
      this.#newMessagesButton,
      h("div.t-foot", this.reply, this.#closedNotice),
    );
    this.append(this.#loadStatus, this.#body);
    this.#dismissNewMessages();
  }

  #showLoadStatus(thread) {
    const { ticket } = thread;
    // "Try again" goes away
    const hadFocus = hasFocus(this.#loadStatus);
    this.#loadStatus.replaceChildren(...loadStatus(this, thread));
    this.#loadStatus.hidden = Boolean(ticket);
    this.#body.hidden = !ticket;
    if (hadFocus) (ticket ? this.heading : this.#loadStatus).focus();
  }

  #showTicket(ticket) {
    const { status } = ticket;
    setText(this.heading, normalizeLine(ticket.subject));
    showTime(this.#createdAt, ticket.created_at, (iso) => `opened ${relativeTime(iso)}`);
    const email = ticket.user_email ? [userText("span", ticket.user_email)] : [];
    this.#facts.replaceChildren(
      h(`span.t-status.t-${status}`, STATUSES[status]),
      userText("span", categoryLabel(ticket)),
      ...email,
      h("span", `#${ticket.id}`),
      this.#createdAt,
    );
    this.#statusSelect.value = status;
    const wasTyping = hasFocus(this.reply) || (this.reply.sending && isFocusLost());
    this.reply.hidden = status === "closed";
    this.#closedNotice.hidden = status !== "closed";
    this.unsent.value = this.reply.values.message;
    this.unsent.parentElement.hidden = !this.unsent.value.trim();
    if (wasTyping && this.isClosed) this.#closedNotice.focus();
  }

  /** Removes everything of the previous ticket from the page. */
  #clear() {
    this.#shownTicketId = null;
    reconcile(this.#messages, [], { key: () => null });
    this.#facts.replaceChildren();
    this.#dismissNewMessages();
    setText(this.heading, "");
    setText(this.#newMessagesButton, "");
    this.unsent.value = "";
    this.reply.values = {};
  }

  #showMessages(ticket, messages) {
    this.#shownTicketId = ticket.id;
    reconcile(this.#messages, threadItems(messages), {
      last: true,
      key: ({ key }) => key,
      create: ({ message }) =>
        message ? createMessage(message, this.side, ticket) : h("li.t-day", h("h3")),
      update: (item, { day }) => day && setText(item.firstChild, day),
    });
  }

  #handleScroll() {
    if (this.#body.hidden) return;
    const bottom = Math.min(this.#scrollPane.getBoundingClientRect().bottom, window.innerHeight);
    this.#isAtEnd = this.#messages.getBoundingClientRect().bottom < bottom + END_TOLERANCE;
    if (this.#isAtEnd) this.#dismissNewMessages();
  }

  #offerNewMessages() {
    setText(this.#newMessagesButton, `${plural(this.#newMessages.length, "new message")} ↓`);
    this.#newMessagesButton.hidden = false;
  }

  #dismissNewMessages() {
    this.#newMessages = [];
    this.#newMessagesButton.hidden = true;
  }

  #goToNewMessages() {
    const item = this.#messages.querySelector(`[data-id="${this.#newMessages[0].id}"]`);
    this.#dismissNewMessages();
    item.focus({ preventScroll: true });
    item.scrollIntoView();
  }
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

customElements.define("ticket-thread", TicketThreadElement);
