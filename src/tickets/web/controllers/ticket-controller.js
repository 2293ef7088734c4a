// Controller of the open ticket: loads and polls its thread, marks it as read, sends replies,
// changes its status or closes it.

import { hasFocus, isFocusLost } from "../lib/dom.js";
import { dispatch, handleEvents } from "../lib/events.js";
import { plural } from "../lib/numbers.js";
import { normalizeLine } from "../lib/text.js";
import { STATUSES, senderLabel } from "../model/labels.js";
import { Thread } from "../model/thread.js";

const PREVIEW_LENGTH = 200;

const preview = ({ message }) => normalizeLine(message).slice(0, PREVIEW_LENGTH);

const draftName = (id) => `reply:${id}`;

/**
 * Drives a `<ticket-thread>`. Dispatches these events on it, for the dashboard: `ticket-read`,
 * `ticket-changed`, `announce`, `show-error`, `close-ticket`.
 */
export class TicketController {
  #connection;
  #element;
  #thread;
  #statusChange = Promise.resolve();
  #marking = Promise.resolve();

  constructor(connection, element) {
    this.#connection = connection;
    this.#element = element;
    const show = (arrived) => this.#showThread(arrived);
    this.#thread = new Thread(connection.api, show, element.side);
    handleEvents(element, {
      "write-draft": (fields) => connection.drafts.write(draftName(this.ticket.id), fields),
      "send-reply": ({ message }) => this.#sendReply(this.ticket.id, message),
      "change-status": (status) => this.#changeStatus(this.ticket.id, status),
      "mark-unread": () => this.#markUnread(this.ticket.id),
      "show-older": () => this.#showOlder(),
      "solve-ticket": () => this.#solve(this.ticket.id),
      "try-again": () => this.open(this.#thread.id),
    });
  }

  /** The open ticket; null until it is loaded. */
  get ticket() {
    return this.#thread.ticket;
  }

  /** Opens a ticket; null closes the current one. The element shows an error if loading fails. */
  async open(id) {
    const opening = this.#thread.open(id).catch(() => {});
    if (id !== null && !this.ticket) {
      const { drafts, outbox } = this.#connection;
      this.#element.reply.values = drafts.read(draftName(id));
      this.#element.reply.sending = outbox.isSending(draftName(id));
    }
    await opening;
    this.#markRead();
  }

  /** Loads new messages, and marks the ticket as read. */
  async refresh() {
    await this.#thread.refresh();
    await this.#markRead();
  }

  /**
   * Marks an unread ticket as read, as far as its messages were shown. After a failure, while the
   * ticket is not visible, or until older unread messages are shown, the next call tries again.
   */
  #markRead() {
    const { ticket } = this;
    const unreadField = `${this.#element.side}_unread`;
    // a host page may have hidden the dashboard, for example behind a tab of its own
    const isVisible = !document.hidden && this.#element.checkVisibility();
    if (!ticket?.[unreadField] || !isVisible || !this.#thread.isAllShown) return null;
    const { id } = ticket;
    this.#marking = this.#connection.api
      .markRead(id, this.#thread.seen)
      .then((isUnread) => {
        if (isUnread) return;
        this.#thread.update(id, { [unreadField]: false });
        dispatch(this.#element, "ticket-read", id);
      })
      .catch(() => {});
    return this.#marking;
  }

  /** Marks the ticket as unread. Closes it first, or a refresh would mark it as read again. */
  async #markUnread(id) {
    const { api, poller } = this.#connection;
    this.#thread.open(null);
    dispatch(this.#element, "close-ticket");
    await this.#marking;
    try {
      await api.markUnread(id);
      this.#reportChange(id, "Marked as unread.");
      poller.refreshCount();
    } catch (error) {
      dispatch(this.#element, "show-error", error);
    }
  }

  /** Shows a page of older messages; what was unread among them may be marked as read then. */
  async #showOlder() {
    const { id } = this.#thread;
    try {
      const count = await this.#thread.showOlder();
      if (id !== this.#thread.id) return;
      dispatch(this.#element, "announce", `${plural(count, "older message")} shown.`);
      this.#markRead();
    } catch (error) {
      if (id !== this.#thread.id) return;
      this.#thread.update(id);
      dispatch(this.#element, "show-error", error);
    }
  }

  /** Closes one's own ticket. */
  async #solve(id) {
    try {
      const status = await this.#connection.api.closeTicket(id);
      this.#thread.update(id, { status });
      this.#reportChange(id, "Ticket closed.");
    } catch (error) {
      dispatch(this.#element, "show-error", error);
    }
  }

  #showThread(arrived) {
    this.#element.show(this.#thread, arrived);
    const { side } = this.#element;
    const messages = arrived.filter((message) => message.sender_type !== side);
    if (!messages.length) return;
    const sender = senderLabel(messages[0], side, this.ticket);
    const text = messages.length === 1 ? `: ${preview(messages[0])}` : "";
    const count = plural(messages.length, "new message");
    dispatch(this.#element, "announce", `${count} from ${sender}${text}`);
  }

  async #sendReply(id, message) {
    const { api, drafts, outbox } = this.#connection;
    const { reply } = this.#element;
    const draft = draftName(id);
    const isOpen = () => id === this.#thread.id;
    const request = async (body, key) => ({
      sent: await api.reply(id, body, key),
      seen: body.seen,
    });
    // a reply with `seen` counts everything as shown to its writer, older messages included
    const extra = this.#thread.isAllShown ? { seen: this.#thread.seen } : {};
    reply.sending = true;
    try {
      const result = await outbox.send(draft, { content: { message }, extra, drafts, request });
      this.#reportChange(id, "Reply sent.");
      this.#showSent(result);
      if (!isOpen()) return;
      reply.values = {};
      reply.sending = false;
      this.#element.scrollToEnd();
      if (isFocusLost() || hasFocus(reply)) reply.focus();
    } catch (error) {
      const hasGrown = error.code === "thread-grown";
      if (hasGrown) drafts.dropAttempt(draft);
      // show the new messages, or that the ticket is closed, beside the text that was not sent
      const isOutdated = hasGrown || error.code === "ticket-closed";
      if (isOpen() && isOutdated) await this.refresh().catch(() => {});
      if (!isOpen()) return;
      reply.sending = false;
      if (!this.#element.isClosed) reply.showFailure(error);
    }
  }

  /** Shows one's own reply; loads what it has changed beside, where that is not known here. */
  #showSent({ sent, seen }) {
    this.#thread.add(sent, seen);
    if (sent.ticket_id !== this.ticket?.id) return;
    // a user's reply opens a resolved ticket again; without `seen`, the new count is not known
    const isReopened = this.#element.side === "user" && this.ticket.status === "resolved";
    if (isReopened || seen === undefined) this.refresh().catch(() => {});
  }

  /** Sends status changes one at a time, so that an earlier choice cannot overwrite a later one. */
  #changeStatus(id, choice) {
    const change = this.#statusChange.then(async () => {
      try {
        const status = await this.#connection.api.changeStatus(id, choice);
        if (change === this.#statusChange) this.#thread.update(id, { status });
        this.#reportChange(id, `Status is now ${STATUSES[status]}.`);
      } catch (error) {
        // show the status that the ticket still has
        this.#thread.update(id);
        dispatch(this.#element, "show-error", error);
      }
    });
    this.#statusChange = change;
  }

  #reportChange(id, text) {
    dispatch(this.#element, "announce", text);
    dispatch(this.#element, "ticket-changed", id);
  }
}
