// <ticket-thread>: one ticket with its messages and the reply form. Dispatches `change-status`,
// `mark-unread`, `show-older`, `solve-ticket`, `try-again`, and the form's `send-reply` and
// `write-draft`.

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
import { ScrollAnchor } from "../lib/scrolling.js";
import { normalizeLine } from "../lib/text.js";
import { relativeTime } from "../lib/time.js";
import { categoryLabel, STATUSES } from "../model/labels.js";
import { formatRoute } from "../model/routes.js";
import { threadItems } from "../model/thread-items.js";
import { TEXT_RULES } from "../model/validation.js";
import { loadStatus } from "./load-status.js";
import { createSolveDialog } from "./solve-dialog.js";
import { textField } from "./text-field.js";
import { createItem } from "./thread-item.js";
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
  /** The filters of the list behind the ticket, which links to other tickets keep. */
  filters = {};
  #facts = h("p.t-meta");
  #links = h("p.t-meta", { hidden: true });
  #createdAt = h("time");
  #statusSelect = select(STATUSES, {
    onchange: ({ target }) => dispatch(this, "change-status", target.value),
  });
  #loadStatus = h("div.t-state", { role: "status", tabindex: -1 });
  #olderButton = button("t-button.t-older", "", () => this.#showOlder());
  #messages = h("ol.t-messages", { role: "list" });
  #anchor = new ScrollAnchor(this.#messages, ".t-message");
  #scrollPane = h(
    "div.t-scroll",
    { tabindex: 0, role: "region", "aria-label": "Messages" },
    this.#olderButton,
    this.#messages,
  );
  #newMessagesButton = button("t-button.t-primary.t-newer", "", () => this.#goToNewMessages());
  #newMessages = [];
  #solveButton = button("t-button", "Close ticket", () => this.#solveDialog.showModal());
  #solveDialog = createSolveDialog(() => dispatch(this, "solve-ticket"));
  #followUp = h("a.t-button", "Open a follow-up");
  #closedNotice = h(
    "div.t-closed-notice",
    { tabindex: -1 },
    h("p", "This ticket is closed and takes no further replies."),
  );
  #body = h("div.t-thread", { hidden: true });
  #shownTicketId = null;
  #isAtEnd = true;
  /** Where the messages began in the window at the last scroll event. */
  #top = 0;

  connected(signal) {
    if (!this.firstChild) this.#build();
    // capture: either this pane scrolls, or the page, or a part of the host page
    const options = { capture: true, passive: true, signal };
    document.addEventListener("scroll", () => this.#handleScroll(), options);
    // messages get their real height when they come into view, and the reply box grows with its
    // text
    const resized = new ResizeObserver(() =>
      this.#isAtEnd ? this.scrollToEnd() : this.#anchor.restore(),
    );
    resized.observe(this.#scrollPane);
    resized.observe(this.#messages);
    signal.addEventListener("abort", () => resized.disconnect());
  }

  /** Shows a thread (model/thread.js); `arrived` are those that are new since the last call. */
  show(thread, arrived = []) {
    const { ticket } = thread;
    this.#showLoadStatus(thread);
    if (!ticket) {
      // a ticket that failed to load keeps its draft
      if (!thread.error) this.#clear();
      return;
    }
    const shouldFollow = this.#isAtEnd || this.#shownTicketId !== ticket.id;
    const first = this.#messages.querySelector(".t-message");
    this.#showTicket(ticket);
    this.#showMessages(thread);
    this.#showOlderButton(thread, first);
    this.#newMessages.push(...arrived);
    if (shouldFollow) this.scrollToEnd();
    else {
      this.#anchor.restore();
      if (arrived.length) this.#offerNewMessages();
    }
  }

  /** Scrolls to the newest message and the reply box below it. */
  scrollToEnd() {
    this.#dismissNewMessages();
    this.#anchor.release();
    this.#isAtEnd = true;
    this.#scrollPane.scrollTop = this.#scrollPane.scrollHeight;
    this.#body.scrollIntoView({ block: "end" });
    this.#top = this.#messages.getBoundingClientRect().top;
  }

  /** Whether the ticket takes no replies; the reply form is hidden then. */
  get isClosed() {
    return this.reply.hidden;
  }

  #build() {
    const wayOut =
      this.side === "user"
        ? this.#followUp
        : h("p.t-hint", "Give it another status to reply again.");
    this.#closedNotice.append(wayOut, labelled("div.t-field", "Your unsent reply", this.unsent));
    this.#body.append(
      h(
        "header.t-thread-head",
        this.heading,
        this.#facts,
        this.#links,
        this.side === "admin" && labelled("div.t-filter", "Status", this.#statusSelect),
        button("t-button", "Mark as unread", () => dispatch(this, "mark-unread")),
        this.side === "user" && this.#solveButton,
        this.side === "user" && this.#solveDialog,
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
    this.#showLinks(ticket);
    this.#statusSelect.value = status;
    const hadFocus = hasFocus(this.reply) || hasFocus(this.#solveButton);
    const wasTyping = hadFocus || (this.reply.sending && isFocusLost());
    this.#solveButton.hidden = status === "closed";
    if (status === "closed") this.#solveDialog.close();
    this.#followUp.href = formatRoute({ view: "new", follows: ticket.id });
    this.reply.hidden = status === "closed";
    this.#closedNotice.hidden = status !== "closed";
    this.unsent.value = this.reply.values.message;
    this.unsent.parentElement.hidden = !this.unsent.value.trim();
    if (wasTyping && this.isClosed) this.#closedNotice.focus();
  }

  /** Removes everything of the previous ticket from the page. */
  #clear() {
    this.#shownTicketId = null;
    this.#anchor.release();
    reconcile(this.#messages, [], { key: () => null });
    this.#facts.replaceChildren();
    this.#links.replaceChildren();
    this.#solveDialog.close();
    this.#dismissNewMessages();
    setText(this.heading, "");
    setText(this.#newMessagesButton, "");
    this.unsent.value = "";
    this.reply.values = {};
  }

  #showMessages({ ticket, messages, firstNew }) {
    this.#shownTicketId = ticket.id;
    reconcile(this.#messages, threadItems(messages, { firstNew }), {
      last: true,
      around: (work) => (this.#isAtEnd ? work() : this.#anchor.keep(work)),
      key: ({ key }) => key,
      create: (item) => createItem(item, this.side, ticket),
      update: (item, { day }) => day && setText(item.firstChild, day),
    });
  }

  /** Shows the links between a closed ticket and its follow-ups; keeps the focus on them. */
  #showLinks({ follows, followed_by: followers = [] }) {
    const links = follows ? [[follows, `Follows #${follows}`]] : [];
    for (const id of followers) links.push([id, `Followed by #${id}`]);
    this.#links.hidden = !links.length;
    if (this.#links.textContent === links.map(([, text]) => text).join("")) return;
    const { filters } = this;
    this.#links.replaceChildren(
      ...links.map(([id, text]) =>
        h("a", { href: formatRoute({ view: "ticket", id, filters }) }, text),
      ),
    );
  }

  /**
   * Shows the button for older messages, if there are any. If it goes away, it gives its focus to
   * the message that was first until now.
   */
  #showOlderButton({ before, isAllShown }, first) {
    const hadFocus = hasFocus(this.#olderButton);
    setText(this.#olderButton, isAllShown ? "Show older messages" : "Show older unread messages");
    this.#olderButton.hidden = before === null;
    if (hadFocus && before === null) first?.focus({ preventScroll: true });
  }

  #showOlder() {
    setText(this.#olderButton, "Loading…");
    dispatch(this, "show-older");
  }

  #handleScroll() {
    if (this.#body.hidden) return;
    this.#anchor.releaseIfScrolled();
    const end = Math.min(this.#scrollPane.getBoundingClientRect().bottom, window.innerHeight);
    const { top, bottom } = this.#messages.getBoundingClientRect();
    const isAtEnd = bottom < end + END_TOLERANCE;
    // a thread that has only grown since the last event is followed to its new end
    if (isAtEnd || top > this.#top) this.#isAtEnd = isAtEnd;
    this.#top = top;
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

customElements.define("ticket-thread", TicketThreadElement);
