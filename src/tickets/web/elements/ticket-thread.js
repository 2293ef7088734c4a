// <ticket-thread>: one ticket with its messages and the form to reply; wants `change-status`, `mark-unread`,
// `try-again`, and what the form wants: `send-reply`, `write-draft`.

import { field } from "../dom/field.js";
import { Live, button, focusIsLost, h, isFocused, labelled, reconcile, reasons, select, setText, showTime, typed, want } from "../dom/build.js";
import { STATUSES, categoryLabel, plural, senderLabel } from "../model/labels.js";
import { LIMITS } from "../model/limits.js";
import { threadItems } from "../model/thread.js";
import { clockTime, relativeTime } from "../model/time.js";
import { form } from "./ticket-form.js";

// pixels from the end that count as being there
const NEAR = 48;
const CONTROL = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl";

export class TicketThread extends Live {
  reply = form(
    "send-reply",
    "Send reply",
    { message: field("Your reply", h("textarea", { dir: "auto" }), LIMITS.reply) },
    h("span.t-hint.t-keys", `${CONTROL}+Enter sends`),
  );
  heading = typed("h2", "", { tabindex: -1 });
  /** What was typed when the ticket was closed. */
  unsent = h("textarea", { readonly: true, dir: "auto" });
  #facts = h("p.t-meta");
  #opened = h("time");
  #status = select(STATUSES, { onchange: ({ target }) => want(this, "change-status", target.value) });
  #state = h("div.t-state", { role: "status", tabindex: -1 });
  #messages = h("ol.t-messages", { role: "list" });
  #scroll = h("div.t-scroll", { tabindex: 0, role: "region", "aria-label": "Messages" }, this.#messages);
  #newer = button("t-button.t-primary.t-newer", "", () => this.#showNewer());
  #news = [];
  #closed = h("div.t-shut", { tabindex: -1 }, h("p", "This ticket is closed and takes no further replies."));
  #body = h("div.t-thread", { hidden: true });
  /** The id of the ticket whose messages are there. */
  #shown = null;
  #atEnd = true;

  connected(signal) {
    if (!this.firstChild) this.#build();
    // whatever scrolls, this pane or the page, here or in a host
    document.addEventListener("scroll", () => this.#scrolled(), { capture: true, passive: true, signal });
    // bubbles get their real height only when they come into view, and the reply box grows as one types
    const resized = new ResizeObserver(() => this.#atEnd && this.toEnd());
    resized.observe(this.#scroll);
    resized.observe(this.#messages);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Show a thread (model/thread.js); `arrived` are the messages that have come since the last time. */
  show(thread, arrived = []) {
    const { ticket, messages } = thread;
    const retried = isFocused(this.#state);
    this.#state.replaceChildren(...reasons(this, thread));
    this.#state.hidden = Boolean(ticket);
    this.#body.hidden = !ticket;
    if (retried) (ticket ? this.heading : this.#state).focus();
    // one that cannot be had just now is still this one, with what was typed
    if (!ticket) return thread.error || this.#forget();
    const follow = this.#atEnd || this.#shown !== ticket.id;
    this.#showTicket(ticket);
    this.#showMessages(ticket, messages);
    this.#news.push(...arrived);
    if (follow) this.toEnd();
    else if (arrived.length) this.#offerNews();
  }

  /** Scroll to the newest message and the box below it. */
  toEnd() {
    this.#leaveNews();
    this.#atEnd = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#body.scrollIntoView({ block: "end" });
  }

  /** Whether the ticket takes no replies; the box is gone then. */
  get isClosed() {
    return this.reply.hidden;
  }

  #build() {
    const way =
      this.side === "user"
        ? h("a.t-button", { href: "#/new" }, "Open a new ticket")
        : h("p.t-hint", "Give it another status to reply again.");
    this.#closed.append(way, labelled("div.t-field", "Your unsent reply", this.unsent));
    this.#body.append(
      h(
        "header.t-thread-head",
        this.heading,
        this.#facts,
        this.side === "admin" && labelled("div.t-filter", "Status", this.#status),
        button("t-button", "Mark as unread", () => want(this, "mark-unread")),
      ),
      this.#scroll,
      this.#newer,
      h("div.t-foot", this.reply, this.#closed),
    );
    this.append(this.#state, this.#body);
    this.#leaveNews();
  }

  #showTicket(ticket) {
    const { status } = ticket;
    setText(this.heading, ticket.subject);
    showTime(this.#opened, ticket.created_at, (iso) => `opened ${relativeTime(iso)}`);
    const whose = ticket.user_email ? [typed("span", ticket.user_email)] : [];
    this.#facts.replaceChildren(
      h(`span.t-status.t-${status}`, STATUSES[status]),
      typed("span", categoryLabel(ticket)),
      ...whose,
      h("span", `#${ticket.id}`),
      this.#opened,
    );
    this.#status.value = status;
    const typing = isFocused(this.reply) || (this.reply.sending && focusIsLost());
    this.reply.hidden = status === "closed";
    this.#closed.hidden = status !== "closed";
    this.unsent.value = this.reply.values.message;
    this.unsent.parentElement.hidden = !this.unsent.value.trim();
    if (typing && this.isClosed) this.#closed.focus();
  }

  /** Leave nothing of the ticket before in the page. */
  #forget() {
    this.#shown = null;
    reconcile(this.#messages, [], { key: () => null });
    this.#facts.replaceChildren();
    this.#leaveNews();
    setText(this.heading, "");
    setText(this.#newer, "");
    this.unsent.value = "";
    this.reply.values = {};
  }

  #showMessages(ticket, messages) {
    this.#shown = ticket.id;
    reconcile(this.#messages, threadItems(messages), {
      last: true,
      key: ({ key }) => key,
      create: ({ message }) => (message ? createMessage(message, this.side, ticket) : h("li.t-day", h("h3"))),
      update: (item, { day }) => day && setText(item.firstChild, day),
    });
  }

  #scrolled() {
    if (this.#body.hidden) return;
    const bottom = Math.min(this.#scroll.getBoundingClientRect().bottom, window.innerHeight);
    this.#atEnd = this.#messages.getBoundingClientRect().bottom < bottom + NEAR;
    if (this.#atEnd) this.#leaveNews();
  }

  #offerNews() {
    setText(this.#newer, `${plural(this.#news.length, "new message")} ↓`);
    this.#newer.hidden = false;
  }

  #leaveNews() {
    this.#news = [];
    this.#newer.hidden = true;
  }

  #showNewer() {
    const item = this.#messages.querySelector(`[data-id="${this.#news[0].id}"]`);
    this.#leaveNews();
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
    h("p.t-meta", typed("span.t-who", senderLabel(message, side, ticket)), time),
    typed("p.t-text", message.message),
  );
}

customElements.define("ticket-thread", TicketThread);
