// What the two dashboards have in common: who is signed in, where they are, and what is new.

import "../elements/ticket-filters.js";
import "../elements/ticket-list.js";
import "../elements/ticket-thread.js";

import { Api, ApiError } from "../model/api.js";
import { plural } from "../model/labels.js";
import { TicketList } from "../model/list.js";
import { formatRoute, sameFilters } from "../model/routes.js";
import { answer, h, want } from "./build.js";
import { Conversation } from "./conversation.js";
import { Connected } from "./host.js";
import { Router } from "./router.js";
import { Shell } from "./shell.js";

const OFFLINE = "You are offline. This page brings itself up to date when you are back.";

/**
 * A dashboard has `side` and `frame` (see Shell), and these: `build()` makes its views once,
 * `show(route, from)` shows a route and resolves to what should have the focus, `refresh()` takes up
 * what is new, `forget()` takes away what the views of its own show, and `empty()` is what to show for a
 * list without rows.
 */
export class Dashboard extends Connected {
  heading = h("h2", { tabindex: -1 }, "Tickets");
  filters = h("ticket-filters");
  rows = h("ticket-list");
  thread = h("ticket-thread");
  back = h("a.t-back", h("span", { "aria-hidden": "true" }, "← "), "Back to tickets");
  router = null;
  route = null;
  #view = "";
  #unread = 0;

  connected(signal) {
    if (!this.shell) this.#build();
    this.route = null;
    this.router = new Router((route) => this.#go(route), this.getAttribute("routing") === "memory", signal);
    this.connection.addEventListener("token", ({ detail }) => this.#enter(detail), { signal });
    const leave = this.connection.feed.subscribe({
      tick: () => this.route && this.refresh(),
      count: (count) => this.#count(count),
      failed: ({ status, message }) => status !== 401 && this.shell.warn(navigator.onLine ? message : OFFLINE),
    });
    signal.addEventListener("abort", leave);
    window.addEventListener("offline", () => this.shell.warn(OFFLINE), { signal });
    this.#enter("out");
  }

  /** Forget the token, and show nothing of it any more. */
  signOut() {
    this.connection.signOut();
  }

  /** Name the view in the page's title, with the count in front, where the page is this dashboard's. */
  retitle(view) {
    this.#view = view;
    const count = this.#unread ? `(${this.#unread}) ` : "";
    if (this.hasAttribute("page")) document.title = `${count}${view} · ${this.frame.title}`;
  }

  /** Show the list of the route's filters; what goes wrong is shown in its place. */
  async loadList() {
    const { filters } = this.route;
    const filtered = !sameFilters(filters, this.list.filters);
    await this.list.load(filters).catch(() => {});
    if (filtered) this.shell.say(plural(this.list.rows.length, "ticket"));
  }

  /** Show the route's ticket; resolve to what should have the focus. */
  async openTicket({ id, filters }) {
    this.back.setAttribute("href", formatRoute({ view: "list", filters }));
    this.retitle(`Ticket #${id}`);
    await this.conversation.open(id);
    const { ticket } = this.conversation;
    if (ticket?.id !== id) return this.back;
    this.retitle(ticket.subject);
    return this.thread.heading;
  }

  #build() {
    this.shell = new Shell({ ...this.frame, page: this.hasAttribute("page") });
    this.append(this.shell.root);
    this.filters.side = this.thread.side = this.side;
    this.list = new TicketList(this.connection.api, this.side, () => this.rows.show(this.list, this.empty()));
    this.shell.content.append(...this.build());
    this.conversation = new Conversation(this.connection, this.thread);
    this.list.current = () => this.conversation.ticket;
    this.addEventListener("click", (event) => this.router.follow(event));
    const refresh = () => this.list.refresh().catch(() => {});
    answer(this, {
      "sign-in": ({ token }) => this.#signIn(token.trim()),
      "sign-out": () => this.signOut(),
      say: (text) => this.shell.say(text),
      complain: (error) => this.shell.complain(error.message),
      "filter-tickets": (filters) => this.router.go({ ...this.route, filters }),
      leave: () => this.router.go({ view: "list", filters: this.route.filters }),
      "show-more": () => this.list.showMore().catch((error) => this.shell.complain(error.message)),
      "ticket-read": (id) => {
        this.list.markRead(id);
        this.connection.feed.count();
      },
      "ticket-changed": () => {
        this.shell.complain("");
        refresh();
      },
    });
    answer(this.rows, { "try-again": () => this.loadList() });
  }

  #enter(why) {
    if (this.connection.token) {
      const asked = this.shell.signIn;
      this.shell.welcome();
      if (this.route) this.connection.feed.tick();
      else this.#go(this.router.route, asked);
    } else if (why === "refused" && this.route) {
      // the host page may have another token; it then prevents this, and gives that
      if (want(this, "ticket-refused")) this.shell.askToSignIn(true);
    } else {
      this.route = null;
      this.list.opened = null;
      this.list.reset();
      this.conversation.open(null);
      this.forget();
      this.shell.say("");
      this.shell.complain("");
      this.retitle("Sign in");
      this.shell.askToSignIn(false);
    }
  }

  async #signIn(token) {
    const { signIn } = this.shell;
    const probe = Object.assign(new Api(this.connection.api.root, this.side), { token });
    signIn.sending = true;
    try {
      // anything else could not stand in a header
      if (!/^[\x21-\x7e]+$/.test(token)) throw new ApiError("", { status: 401 });
      await probe.unread();
      this.connection.signIn(token);
    } catch (error) {
      signIn.sending = false;
      const fields = [{ field: "token", message: "This token is not known here, or it has expired." }];
      signIn.failure = error.status === 401 ? new ApiError("", { status: 400, fields }) : error;
    }
  }

  async #go(route, focus) {
    if (!this.connection.token) return;
    const from = this.route;
    this.route = route;
    this.shell.complain("");
    const target = await this.show(route, from);
    // not on arrival: a page that has just been loaded begins at its beginning
    const moved = from && (from.view !== route.view || from.id !== route.id);
    if ((focus || moved) && route === this.route) target.focus({ preventScroll: true });
  }

  #count(count) {
    if (count > this.#unread) this.shell.say(plural(count, "unread ticket"));
    this.#unread = count;
    this.shell.badge.count = count;
    this.shell.warn("");
    this.retitle(this.#view);
    want(this, "ticket-unread", count);
  }
}
