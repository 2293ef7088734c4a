// <ticket-admin>: the admins' portal, with figures, everybody's tickets, and one of them beside the list.

import "./ticket-keys.js";
import "./ticket-stats.js";

import { answer, button, h, isFocused, want } from "../dom/build.js";
import { Dashboard } from "../dom/dashboard.js";

export class TicketAdmin extends Dashboard {
  side = "admin";
  #keys = h("ticket-keys");
  #stats = h("ticket-stats");
  frame = {
    brand: "Admin",
    group: "Support",
    title: "Support admin",
    more: button("t-quiet", "Keyboard shortcuts", () => this.#keys.open()),
  };
  #desk;
  #scrolled = 0;

  build() {
    this.#desk = h(
      "section.t-desk",
      h("header.t-desk-head", this.heading, this.#stats),
      h("div.t-desk-list", this.filters, this.rows),
      h("div.t-desk-ticket", this.back, this.thread, h("p.t-state.t-nothing", "Choose a ticket to read and answer it.")),
    );
    this.#keys.commands = {
      j: () => this.#step(1),
      k: () => this.#step(-1),
      r: () => this.conversation.ticket && !this.thread.isClosed && this.thread.reply.focus(),
      u: () => this.conversation.ticket && want(this.thread, "mark-unread"),
      "/": () => this.filters.focus(),
      "?": () => this.#keys.open(),
    };
    const count = () => this.#count().catch(() => {});
    answer(this, { "ticket-read": count, "ticket-changed": count });
    return [this.#desk, this.#keys];
  }

  async show(route, from) {
    const opened = route.view === "ticket";
    if (from?.view === "list") this.#scrolled = window.scrollY;
    this.#desk.classList.toggle("t-opened", opened);
    this.filters.filters = this.#stats.filters = route.filters;
    this.list.opened = opened ? route.id : null;
    // not with each ticket that is opened: rows would move away under the pointer
    if (!opened || !this.list.shows(route.filters)) this.loadList();
    this.#count().catch((error) => this.shell.complain(error.message));
    if (opened) return this.openTicket(route);
    this.conversation.open(null);
    this.retitle("Tickets");
    if (from?.view !== "ticket") return this.heading;
    window.scrollTo(0, this.#scrolled);
    return this.rows.link(from.id) ?? this.heading;
  }

  async refresh() {
    // the thread first: what it marks read, the list and the figures then know
    await this.conversation.refresh();
    await Promise.all([this.list.refresh(), this.#count()]);
  }

  empty() {
    if (!Object.values(this.list.filters).some(Boolean)) return [h("p", "There are no tickets yet.")];
    return [
      h("p", "No ticket fits these filters."),
      h("a.t-button", { href: "#/tickets" }, "Show all tickets"),
    ];
  }

  forget() {
    this.#stats.stats = { categories: {} };
  }

  async #count() {
    const stats = await this.connection.api.stats();
    if (this.route) this.#stats.stats = stats;
  }

  /** Move the focus through the list, beginning at the ticket that is open. */
  #step(by) {
    const { links } = this.rows;
    const here = isFocused(this.rows) ? document.activeElement : this.rows.link(this.list.opened);
    const next = here ? links.indexOf(here) + by : 0;
    links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
  }
}

customElements.define("ticket-admin", TicketAdmin);
