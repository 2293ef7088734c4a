// Base class of both dashboards: sign-in, routing, polling, and the views that both have.

import "../elements/ticket-filters.js";
import "../elements/ticket-list.js";
import "../elements/ticket-thread.js";

import { Router } from "../controllers/router.js";
import { ServiceElement } from "../controllers/service-element.js";
import { TicketController } from "../controllers/ticket-controller.js";
import { h } from "../lib/dom.js";
import { dispatch, handleEvents } from "../lib/events.js";
import { plural } from "../lib/numbers.js";
import { normalizeLine } from "../lib/text.js";
import { Api, ApiError } from "../model/api.js";
import { COOKIE } from "../model/cookie-fetch.js";
import { formatRoute, sameFilters } from "../model/routes.js";
import { TicketList } from "../model/ticket-list.js";
import { Shell } from "./shell.js";

const OFFLINE = "You are offline. This page updates itself when you are back online.";
const UNKNOWN_TOKEN = "This token is unknown, or it has expired.";
// printable ASCII: other characters cannot be sent in a header
const VALID_TOKEN = /^[\x21-\x7e]+$/;

/**
 * A subclass has `side`, `pageTitle` and `shellOptions` (see Shell), and these methods:
 *
 * - `build()` creates its views, once.
 * - `showRoute(route, previous)` shows a route; returns the element that should get the focus, or a
 *   promise of it.
 * - `refresh()` loads what is new in its views.
 * - `clear()` removes data of the person who has signed out from its own views.
 * - `emptyContent()` returns the nodes to show in place of an empty list.
 */
export class Dashboard extends ServiceElement {
  heading = h("h2", { tabindex: -1 }, "Tickets");
  filters = h("ticket-filters");
  rows = h("ticket-list");
  thread = h("ticket-thread");
  back = h("a.t-back", h("span", { "aria-hidden": "true" }, "← "), "Back to tickets");
  router = null;
  route = null;
  #viewTitle = "";
  #unreadCount = 0;

  connected(signal) {
    if (!this.shell) this.#build();
    this.route = null;
    this.router = new Router((route) => this.#navigate(route), {
      inMemory: this.getAttribute("routing") === "memory",
      signal,
    });
    const handleTokenChange = ({ detail }) => this.#handleTokenChange(detail);
    this.connection.addEventListener("token-changed", handleTokenChange, { signal });
    const unsubscribe = this.connection.poller.subscribe({
      onPoll: () => this.route && this.refresh(),
      onCount: (count) => this.#showUnreadCount(count),
      onError: (error) => this.#showPollError(error),
    });
    signal.addEventListener("abort", unsubscribe);
    window.addEventListener("offline", () => this.shell.showBanner(OFFLINE), { signal });
    this.#handleTokenChange("signed-out");
  }

  /** Removes the token, and clears everything that it gave access to. */
  signOut() {
    this.connection.signOut();
  }

  /** Sets the page's title, with the unread count in front, if the dashboard is the whole page. */
  setTitle(viewTitle) {
    this.#viewTitle = viewTitle;
    const count = this.#unreadCount ? `(${this.#unreadCount}) ` : "";
    if (this.hasAttribute("page")) document.title = `${count}${viewTitle} · ${this.pageTitle}`;
  }

  /** Loads the list for the route's filters. The list shows an error in its place. */
  async loadList() {
    const { filters } = this.route;
    const hasNewFilters = !sameFilters(filters, this.list.filters);
    await this.list.load(filters).catch(() => {});
    if (hasNewFilters) this.shell.announce(plural(this.list.rows.length, "ticket"));
  }

  /** Opens the route's ticket; resolves to the element that should get the focus. */
  async openTicket({ id, filters }) {
    this.back.setAttribute("href", formatRoute({ view: "list", filters }));
    this.thread.filters = filters;
    this.setTitle(`Ticket #${id}`);
    await this.ticketController.open(id);
    const { ticket } = this.ticketController;
    if (ticket?.id !== id) return this.back;
    this.setTitle(normalizeLine(ticket.subject));
    return this.thread.heading;
  }

  #build() {
    this.shell = new Shell({ ...this.shellOptions, isPage: this.hasAttribute("page") });
    this.append(this.shell.root);
    this.filters.side = this.side;
    this.thread.side = this.side;
    const showList = () => this.rows.show(this.list, this.emptyContent());
    this.list = new TicketList(this.connection.api, this.side, showList);
    this.shell.content.append(...this.build());
    this.ticketController = new TicketController(this.connection, this.thread);
    this.list.getOpenTicket = () => this.ticketController.ticket;
    this.addEventListener("click", (event) => this.router.handleClick(event));
    this.#handleEvents();
  }

  #handleEvents() {
    const showError = (error) => this.shell.showError(error.message);
    handleEvents(this, {
      "sign-in": ({ token }) => this.#signIn(token.trim()),
      "sign-out": () => this.signOut(),
      "try-cookie": () => this.connection.useToken(COOKIE),
      announce: (text) => this.shell.announce(text),
      "show-error": showError,
      "filter-tickets": (filters) => this.router.go({ ...this.route, filters }),
      "close-ticket": () => this.router.go({ view: "list", filters: this.route.filters }),
      "show-more": () => this.list.showMore().catch(showError),
      "ticket-read": (id) => {
        this.list.markRead(id);
        this.connection.poller.refreshCount();
      },
      "ticket-changed": () => {
        this.shell.showError("");
        this.list.refresh().catch(() => {});
      },
    });
    handleEvents(this.rows, { "try-again": () => this.loadList() });
  }

  #handleTokenChange(change) {
    if (this.connection.token) {
      const wasAsked = this.shell.signInForm !== null;
      this.shell.hideSignIn();
      if (this.route) this.connection.poller.poll();
      else this.#navigate(this.router.route, { focus: wasAsked });
    } else if (change === "refused" && this.route) {
      // a host page that has another token prevents the default, and sets that token
      if (dispatch(this, "ticket-refused")) this.#askToSignIn({ again: true });
    } else this.#showSignedOut();
  }

  #showSignedOut() {
    this.route = null;
    this.list.openId = null;
    this.list.clear();
    this.ticketController.open(null);
    this.clear();
    this.shell.announce("");
    this.shell.showError("");
    this.setTitle("Sign in");
    this.#askToSignIn({ again: false });
  }

  #askToSignIn({ again }) {
    this.shell.askToSignIn({ again, usesCookie: this.connection.usesCookie });
  }

  async #signIn(token) {
    const form = this.shell.signInForm;
    const api = new Api(this.connection.api.root, this.side);
    api.token = token;
    form.sending = true;
    try {
      if (!VALID_TOKEN.test(token)) throw new ApiError("", { status: 401 });
      await api.unreadCount();
      this.connection.signIn(token);
    } catch (error) {
      form.sending = false;
      const fields = [{ field: "token", message: UNKNOWN_TOKEN }];
      form.showFailure(error.status === 401 ? new ApiError("", { status: 400, fields }) : error);
    }
  }

  async #navigate(route, { focus = false } = {}) {
    if (!this.connection.token) return;
    const previous = this.route;
    this.route = route;
    this.shell.showError("");
    const target = await this.showRoute(route, previous);
    // not after the page was loaded: a new page starts at its beginning
    const hasMoved = previous && (previous.view !== route.view || previous.id !== route.id);
    if ((focus || hasMoved) && route === this.route) target.focus({ preventScroll: true });
  }

  #showUnreadCount(count) {
    if (count > this.#unreadCount) this.shell.announce(plural(count, "unread ticket"));
    this.#unreadCount = count;
    this.shell.badge.count = count;
    this.shell.showBanner("");
    this.setTitle(this.#viewTitle);
    dispatch(this, "ticket-unread", count);
  }

  #showPollError({ status, message }) {
    // after a 401 the dashboard asks to sign in
    if (status !== 401) this.shell.showBanner(navigator.onLine ? message : OFFLINE);
  }
}
