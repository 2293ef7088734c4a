// <ticket-account>: the user's dashboard, with their tickets, one ticket, and the form for a new
// one.

import { textField } from "../elements/text-field.js";
import { createForm } from "../elements/ticket-form.js";
import { h, select } from "../lib/dom.js";
import { handleEvents } from "../lib/events.js";
import { CATEGORIES, STATUSES } from "../model/labels.js";
import { formatRoute } from "../model/routes.js";
import { TEXT_RULES } from "../model/validation.js";
import { Dashboard } from "./dashboard.js";

// name of the new ticket's draft
const NEW = "new";

export class TicketAccountElement extends Dashboard {
  side = "user";
  pageTitle = "Support";
  shellOptions = { brand: "Account" };
  #form = createTicketForm();
  #followed = h("p.t-followed", { hidden: true });
  /** Id of the closed ticket that the new one continues; undefined if it stands alone. */
  #follows = undefined;
  #views;
  #listScroll = 0;

  build() {
    const open = h("a.t-button.t-primary", { href: "#/new" }, "New ticket");
    this.#views = {
      list: h("section.t-view", h("header.t-head", this.heading, this.filters, open), this.rows),
      new: h("section.t-view.t-narrow", h("h2", "New ticket"), this.#followed, this.#form),
      ticket: h("section.t-view.t-filled", this.back, this.thread),
    };
    handleEvents(this.#form, {
      "write-draft": (fields) => this.connection.drafts.write(NEW, fields),
      "create-ticket": (fields) => this.#createTicket(fields),
    });
    return Object.values(this.#views);
  }

  showRoute(route, previous) {
    const { list } = this.#views;
    // either the list scrolls, if it has a height of its own, or the page
    if (previous?.view === "list") this.#listScroll = list.scrollTop || window.scrollY;
    for (const [name, view] of Object.entries(this.#views)) view.hidden = name !== route.view;
    if (route.view === "ticket") return this.openTicket(route);
    if (route.view === "new") return this.#showForm(route);
    this.ticketController.open(null);
    this.filters.filters = route.filters;
    this.setTitle("Tickets");
    this.loadList();
    if (previous?.view !== "ticket") return this.heading;
    list.scrollTop = this.#listScroll;
    if (!list.scrollTop) window.scrollTo(0, this.#listScroll);
    return this.rows.findLink(previous.id) ?? this.heading;
  }

  async refresh() {
    await (this.route.view === "ticket" ? this.ticketController.refresh() : this.list.refresh());
  }

  emptyContent() {
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

  clear() {
    this.#form.values = {};
  }

  #showForm({ follows }) {
    const { drafts, outbox } = this.connection;
    const draft = drafts.read(NEW);
    // start with the reply that a closed ticket did not accept
    const unsent = this.ticketController.ticket && this.thread.isClosed && this.thread.unsent.value;
    if (unsent && !draft.message) drafts.write(NEW, { ...draft, message: unsent });
    this.ticketController.open(null);
    this.setTitle("New ticket");
    this.#follows = follows;
    this.#followed.hidden = !follows;
    const href = formatRoute({ view: "ticket", id: follows });
    this.#followed.replaceChildren(
      "This continues ticket ",
      h("a", { href }, `#${follows}`),
      ". ",
      h("a", { href: "#/new" }, "Open it on its own"),
    );
    this.#form.values = drafts.read(NEW);
    this.#form.sending = outbox.isSending(NEW);
    return this.#form;
  }

  async #createTicket({ other_category: custom, ...content }) {
    // the draft keeps a custom category if another category is chosen, but it is not sent
    if (content.category === "other") content.other_category = custom;
    if (this.#follows) content.follows = this.#follows;
    const { api, drafts, outbox } = this.connection;
    const form = this.#form;
    const request = (body, key) => api.createTicket(body, key);
    form.sending = true;
    try {
      const { id } = await outbox.send(NEW, { content, drafts, request });
      form.sending = false;
      form.values = {};
      this.shell.announce(`Ticket #${id} is open.`);
      if (this.route?.view === "new") this.router.go({ view: "ticket", id }, { replace: true });
      else await this.list.refresh().catch(() => {});
    } catch (error) {
      form.sending = false;
      form.showFailure(error);
    }
  }
}

function createTicketForm() {
  const attributes = { dir: "auto", autocomplete: "off" };
  const { other_category: custom, subject, message } = TEXT_RULES;
  return createForm({
    submitEvent: "create-ticket",
    label: "Open ticket",
    fields: {
      category: textField("Category", select(CATEGORIES)),
      other_category: textField("Custom category (optional)", h("input", attributes), custom),
      subject: textField("Subject", h("input", attributes), subject),
      message: textField("Message", h("textarea", attributes), message),
    },
    aside: h("a.t-button", { href: "#/tickets" }, "Cancel"),
  });
}

customElements.define("ticket-account", TicketAccountElement);
