// <ticket-account>: the user's dashboard, with their tickets, one ticket, and the form for a new one.

import { answer, h, select } from "../dom/build.js";
import { Dashboard } from "../dom/dashboard.js";
import { field } from "../dom/field.js";
import { CATEGORIES, STATUSES } from "../model/labels.js";
import { LIMITS } from "../model/limits.js";
import { form } from "./ticket-form.js";

// the form's name among the drafts
const NEW = "new";

export class TicketAccount extends Dashboard {
  side = "user";
  frame = { brand: "Account", title: "Support" };
  #form = newTicket();
  #views;
  #scrolled = 0;

  build() {
    const open = h("a.t-button.t-primary", { href: "#/new" }, "New ticket");
    this.#views = {
      list: h("section.t-view", h("header.t-head", this.heading, this.filters, open), this.rows),
      new: h("section.t-view.t-narrow", h("h2", "New ticket"), this.#form),
      ticket: h("section.t-view.t-filled", this.back, this.thread),
    };
    answer(this.#form, {
      "write-draft": (fields) => this.connection.drafts.write(NEW, fields),
      "create-ticket": () => this.#create(this.#form.values),
    });
    return Object.values(this.#views);
  }

  async show(route, from) {
    const { list } = this.#views;
    // where the list has its own height it scrolls, else the page does
    if (from?.view === "list") this.#scrolled = list.scrollTop || window.scrollY;
    for (const [name, view] of Object.entries(this.#views)) view.hidden = name !== route.view;
    if (route.view === "ticket") return this.openTicket(route);
    if (route.view === "new") return this.#showForm();
    this.conversation.open(null);
    this.filters.filters = route.filters;
    this.retitle("Tickets");
    this.loadList();
    if (from?.view !== "ticket") return this.heading;
    list.scrollTop = this.#scrolled;
    if (!list.scrollTop) window.scrollTo(0, this.#scrolled);
    return this.rows.link(from.id) ?? this.heading;
  }

  async refresh() {
    await (this.route.view === "ticket" ? this.conversation.refresh() : this.list.refresh());
  }

  empty() {
    const { status } = this.list.filters;
    if (!status) {
      return [
        h("p", "You have no tickets yet. Ask us anything: we answer here."),
        h("a.t-button.t-primary", { href: "#/new" }, "Open your first ticket"),
      ];
    }
    return [
      h("p", `You have no tickets that are ${STATUSES[status].toLowerCase()}.`),
      h("a.t-button", { href: "#/tickets" }, "Show all tickets"),
    ];
  }

  forget() {
    this.#form.values = {};
  }

  #showForm() {
    const { drafts, outbox } = this.connection;
    const draft = drafts.read(NEW);
    // a reply that a closed ticket did not take is not to be typed again
    const unsent = this.conversation.ticket && this.thread.isClosed && this.thread.unsent.value;
    if (unsent && !draft.message) drafts.write(NEW, { ...draft, message: unsent });
    this.conversation.open(null);
    this.retitle("New ticket");
    this.#form.values = drafts.read(NEW);
    this.#form.sending = outbox.isSending(NEW);
    return this.#form;
  }

  async #create({ other_category: custom, ...content }) {
    // a custom category stays typed where another one was chosen, and is not sent
    if (content.category === "other") content.other_category = custom;
    const { api, drafts, outbox } = this.connection;
    const form = this.#form;
    form.sending = true;
    try {
      const { id } = await outbox.send(NEW, content, drafts, (body, key) => api.create(body, key));
      form.sending = false;
      form.values = {};
      this.shell.say(`Ticket #${id} is open.`);
      if (this.route?.view === "new") this.router.go({ view: "ticket", id }, { replace: true });
      else await this.list.refresh().catch(() => {});
    } catch (error) {
      form.sending = false;
      form.failure = error;
    }
  }
}

function newTicket() {
  const line = { dir: "auto", autocomplete: "off" };
  const fields = {
    category: field("Category", select(CATEGORIES)),
    other_category: field("Custom category (optional)", h("input", line), LIMITS.other_category),
    subject: field("Subject", h("input", line), LIMITS.subject),
    message: field("Message", h("textarea", line), LIMITS.message),
  };
  return form("create-ticket", "Open ticket", fields, h("a.t-button", { href: "#/tickets" }, "Cancel"));
}

customElements.define("ticket-account", TicketAccount);
