// The ticket that is open on a dashboard: its thread, the reply that is being typed, and its sending.

import { STATUSES, plural, senderLabel } from "../model/labels.js";
import { Thread } from "../model/thread.js";
import { answer, focusIsLost, isFocused, want } from "./build.js";

const formOf = (id) => `reply:${id}`;

/** Tells on `element`, a <ticket-thread>, what has happened: `ticket-read`, `ticket-changed`, `say`, `complain`. */
export class Conversation {
  #connection;
  #element;
  #thread;
  #moving = Promise.resolve();

  constructor(connection, element) {
    this.#connection = connection;
    this.#element = element;
    this.#thread = new Thread(connection.api, (arrived) => this.#show(arrived));
    answer(element, {
      "write-draft": (fields) => connection.drafts.write(formOf(this.ticket.id), fields),
      "send-reply": ({ message }) => this.#send(this.ticket.id, message),
      "change-status": (status) => this.#move(this.ticket.id, status),
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
    if (this.ticket) want(this.#element, "ticket-read", this.ticket.id);
  }

  /** Take up what is new; it is read then. */
  async refresh() {
    const arrived = await this.#thread.refresh();
    if (arrived.length) want(this.#element, "ticket-read", this.ticket.id);
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
    const isOpen = () => id === this.#thread.id;
    reply.sending = true;
    try {
      const sent = await outbox.send(formOf(id), { message }, drafts, (key) => api.reply(id, message, key));
      this.#tell(id, "Reply sent.");
      this.#thread.add(sent);
      if (!isOpen()) return;
      reply.values = {};
      reply.sending = false;
      this.#element.toEnd();
      if (focusIsLost() || isFocused(reply)) reply.focus();
    } catch (error) {
      // closed meanwhile: show that it is, with the text that could not be sent
      if (isOpen() && error.code === "ticket-closed") await this.refresh().catch(() => {});
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
