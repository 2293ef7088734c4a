// <ticket-admin>: the admins' dashboard, with figures, all tickets, and one ticket beside the list.

import "../elements/ticket-shortcuts.js";
import "../elements/ticket-stats.js";

import { button, h, hasFocus } from "../lib/dom.js";
import { dispatch, handleEvents } from "../lib/events.js";
import { Dashboard } from "./dashboard.js";

export class TicketAdminElement extends Dashboard {
  side = "admin";
  pageTitle = "Support admin";
  #shortcuts = h("ticket-shortcuts");
  #stats = h("ticket-stats");
  shellOptions = {
    brand: "Admin",
    group: "Support",
    more: button("t-quiet", "Keyboard shortcuts", () => this.#shortcuts.open()),
  };
  #layout;
  #listScroll = 0;

  build() {
    const hint = h("p.t-state.t-nothing", "Choose a ticket to read and answer it.");
    this.#layout = h(
      "section.t-split",
      h("header.t-split-head", this.heading, this.#stats),
      h("div.t-split-list", this.filters, this.rows),
      h("div.t-split-ticket", this.back, this.thread, hint),
    );
    this.#shortcuts.commands = {
      j: () => this.#focusRow(1),
      k: () => this.#focusRow(-1),
      r: () => this.#focusReply(),
      u: () => this.ticketController.ticket && dispatch(this.thread, "mark-unread"),
      "/": () => this.filters.focus(),
      "?": () => this.#shortcuts.open(),
    };
    const refreshStats = () => this.#refreshStats().catch(() => {});
    handleEvents(this, { "ticket-read": refreshStats, "ticket-changed": refreshStats });
    return [this.#layout, this.#shortcuts];
  }

  showRoute(route, previous) {
    const isTicket = route.view === "ticket";
    if (previous?.view === "list") this.#listScroll = window.scrollY;
    this.#layout.classList.toggle("t-ticket-open", isTicket);
    this.filters.filters = route.filters;
    this.#stats.filters = route.filters;
    this.list.openId = isTicket ? route.id : null;
    // do not reload when a ticket opens: rows would move under the pointer
    if (!isTicket || !this.list.isLoadedFor(route.filters)) this.loadList();
    this.#refreshStats().catch((error) => this.shell.showError(error.message));
    if (isTicket) return this.openTicket(route);
    this.ticketController.open(null);
    this.setTitle("Tickets");
    if (previous?.view !== "ticket") return this.heading;
    window.scrollTo(0, this.#listScroll);
    return this.rows.findLink(previous.id) ?? this.heading;
  }

  async refresh() {
    // the ticket first: it is marked as read, which list and figures then show
    await this.ticketController.refresh();
    await Promise.all([this.list.refresh(), this.#refreshStats()]);
  }

  emptyContent() {
    if (!Object.values(this.list.filters).some(Boolean)) {
      return [h("p", "There are no tickets yet.")];
    }
    return [
      h("p", "No tickets match these filters."),
      h("a.t-button", { href: "#/tickets" }, "Show all tickets"),
    ];
  }

  clear() {
    this.#stats.stats = { categories: {} };
  }

  async #refreshStats() {
    const stats = await this.connection.api.stats();
    // not after a sign-out
    if (this.route) this.#stats.stats = stats;
  }

  #focusReply() {
    if (this.ticketController.ticket && !this.thread.isClosed) this.thread.reply.focus();
  }

  /** Moves the focus by some rows, starting from the focused one, or from the open ticket. */
  #focusRow(offset) {
    const { links } = this.rows;
    const current = hasFocus(this.rows)
      ? document.activeElement
      : this.rows.findLink(this.list.openId);
    const index = current ? links.indexOf(current) + offset : 0;
    links[Math.min(Math.max(index, 0), links.length - 1)]?.focus();
  }
}

customElements.define("ticket-admin", TicketAdminElement);
