// The ticket that is open on a dashboard: its thread, the reply that is being typed, and its sending.

import { STATUSES, plural, senderLabel } from "../model/labels.js";
import { Thread } from "../model/thread.js";
import { answer, focusIsLost, isFocused, want } from "./build.js";

const formOf = (id) => `reply:${id}`;

/** Tells on `element`, a <ticket-thread>, what has happened: `ticket-read`, `ticket-changed`, `say`, `complain`, `leave`. */
export class Conversation {
  #connection;
  #element;
  #thread;
  #moving = Promise.resolve();
  #reading = Promise.resolve();

  constructor(connection, element) {
    this.#connection = connection;
    this.#element = element;
    this.#thread = new Thread(connection.api, (arrived) => this.#show(arrived));
    answer(element, {
      "write-draft": (fields) => connection.drafts.write(formOf(this.ticket.id), fields),
      "send-reply": ({ message }) => this.#send(this.ticket.id, message),
      "change-status": (status) => this.#move(this.ticket.id, status),
      "mark-unread": () => this.#markUnread(this.ticket.id),
      "try-again": () => this.open(this.#thread.id),
    });
  }

  /** The ticket, once it is there. */
  get ticket() {
    return this.#thread.ticket;
  }

  /** Show a ticket, null for none. Where it cannot be had, the element says why. */
  async open(id) {
    const opening = this.#thread.open(id).catch(() => {});
    if (id !== null && !this.ticket) {
      const { drafts, outbox } = this.#connection;
      this.#element.reply.values = drafts.read(formOf(id));
      this.#element.reply.sending = outbox.isSending(formOf(id));
    }
    await opening;
    this.#acknowledge();
  }

  /** Take up what is new; it is read then. */
  async refresh() {
    await this.#thread.refresh();
    await this.#acknowledge();
  }

  /**
   * Mark as read what is there to be seen, where the ticket is unread. What fails, or would be marked while
   * nobody looks, is for the next refresh.
   */
  #acknowledge() {
    const { ticket } = this;
    const flag = `${this.#element.side}_unread`;
    // a host page may have hidden it, behind a tab of its own
    if (!ticket?.[flag] || document.hidden || !this.#element.checkVisibility()) return null;
    const { id } = ticket;
    this.#reading = this.#connection.api
      .acknowledge(id, this.#thread.seen)
      .then((unread) => {
        if (unread) return;
        this.#thread.patch(id, { [flag]: false });
        want(this.#element, "ticket-read", id);
      })
      .catch(() => {});
    return this.#reading;
  }

  /** Mark it unread; it is left before that, or it would be read again. */
  async #markUnread(id) {
    const { api, feed } = this.#connection;
    this.#thread.open(null);
    want(this.#element, "leave");
    await this.#reading;
    try {
      await api.markUnread(id);
      this.#tell(id, "Marked as unread.");
      feed.count();
    } catch (error) {
      want(this.#element, "complain", error);
    }
  }

  #show(arrived) {
    this.#element.show(this.#thread, arrived);
    const { side } = this.#element;
    const news = arrived.filter((message) => message.sender_type !== side);
    if (!news.length) return;
    const text = news.length === 1 ? `: ${news[0].message.slice(0, 200)}` : "";
    const who = senderLabel(news[0], side, this.ticket);
    want(this.#element, "say", `${plural(news.length, "new message")} from ${who}${text}`);
  }

  async #send(id, message) {
    const { api, drafts, outbox } = this.#connection;
    const { reply } = this.#element;
    const form = formOf(id);
    const isOpen = () => id === this.#thread.id;
    const request = async (body, key) => [await api.reply(id, body, key), body.seen];
    reply.sending = true;
    try {
      const [sent, seen] = await outbox.send(form, { message }, drafts, request, { seen: this.#thread.seen });
      this.#tell(id, "Reply sent.");
      this.#thread.add(sent, seen);
      if (!isOpen()) return;
      reply.values = {};
      reply.sending = false;
      this.#element.toEnd();
      if (focusIsLost() || isFocused(reply)) reply.focus();
    } catch (error) {
      const { code } = error;
      const grown = code === "thread-grown";
      if (grown) drafts.giveUp(form);
      // show that it is closed, or what has come in, with the text that was not sent
      if (isOpen() && (grown || code === "ticket-closed")) await this.refresh().catch(() => {});
      if (!isOpen()) return;
      reply.sending = false;
      if (!this.#element.isClosed) reply.failure = error;
    }
  }

  /** One after the other, or the last choice might arrive before the one that it corrects. */
  #move(id, status) {
    const move = (this.#moving = this.#moving.then(async () => {
      try {
        const now = await this.#connection.api.move(id, status);
        if (move === this.#moving) this.#thread.patch(id, { status: now });
        this.#tell(id, `Status is now ${STATUSES[now]}.`);
      } catch (error) {
        // shows the status that it still has
        this.#thread.patch(id);
        want(this.#element, "complain", error);
      }
    }));
  }

  #tell(id, text) {
    want(this.#element, "say", text);
    want(this.#element, "ticket-changed", id);
  }
}
