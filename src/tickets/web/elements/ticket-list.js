// <ticket-list>: the rows of a list, or why there are none. Dispatches `show-more` and `try-again`.

import { button, h, hasFocus, isFocusLost, setText, showTime, userText } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";
import { plural } from "../lib/numbers.js";
import { reconcile } from "../lib/reconcile.js";
import { normalizeLine } from "../lib/text.js";
import { relativeTime } from "../lib/time.js";
import { categoryLabel, STATUSES } from "../model/labels.js";
import { formatRoute } from "../model/routes.js";
import { loadStatus } from "./load-status.js";

export class TicketListElement extends HTMLElement {
  #rows = h("ul.t-rows", { role: "list" });
  #status = h("div.t-state", { role: "status", tabindex: -1 });
  #more = button("t-button.t-more", "Show more", () => this.#showMore());

  connectedCallback() {
    if (!this.firstChild) this.append(this.#status, this.#rows, this.#more);
  }

  /** Shows a list (model/ticket-list.js); if it has no rows, shows the nodes in `emptyContent`. */
  show(list, emptyContent) {
    const isReady = list.phase === "ready";
    const rows = isReady ? list.rows : [];
    const restoreFocus = this.#saveFocus();
    reconcile(this.#rows, rows, {
      key: ({ id }) => id,
      create: createRow,
      update: (item, ticket) => updateRow(item.parts, ticket, list),
    });
    this.#rows.hidden = !rows.length;
    this.#more.hidden = !isReady || !list.hasMore;
    setText(this.#more, "Show more");
    if (rows.length) this.#showStatus([]);
    else this.#showStatus(isReady ? emptyContent : loadStatus(this, list));
    restoreFocus();
  }

  get links() {
    return [...this.#rows.querySelectorAll("a")];
  }

  /** Returns the link in a ticket's row, if the list has that row. */
  findLink(id) {
    const route = new RegExp(`/${id}(\\?|$)`);
    return this.links.find((link) => route.test(link.getAttribute("href")));
  }

  /**
   * Returns a function that restores the focus if its row or button goes away: to the row that
   * takes its place, or to the first new one after "Show more".
   */
  #saveFocus() {
    const hadFocus = hasFocus(this);
    const focusedRow = this.links.indexOf(document.activeElement);
    const index = hasFocus(this.#more) ? this.links.length : Math.max(focusedRow, 0);
    return () => {
      if (!hadFocus || !isFocusLost()) return;
      (this.links.at(Math.min(index, this.links.length - 1)) ?? this.#status).focus();
    };
  }

  /** Replaces the status message only if its text differs: screen readers repeat new nodes. */
  #showStatus(nodes) {
    const text = nodes.map((node) => node.textContent).join("");
    if (this.#status.textContent !== text) this.#status.replaceChildren(...nodes);
    this.#status.hidden = !text;
  }

  #showMore() {
    setText(this.#more, "Loading…");
    dispatch(this, "show-more");
  }
}

function createRow() {
  const parts = {
    unread: h("span.t-hidden", "Unread: "),
    subject: userText("span"),
    about: userText("p.t-about"),
    status: h("span"),
    category: userText("span"),
    count: h("span"),
    time: h("time"),
  };
  const { unread, subject, about, ...facts } = parts;
  const link = h("a.t-row-link", unread, subject);
  const item = h("li.t-row", link, about, h("p.t-meta", ...Object.values(facts)));
  return Object.assign(item, { parts: { ...parts, link, item } });
}

function updateRow(parts, ticket, list) {
  const isOpen = ticket.id === list.openId;
  // the open ticket is just being read
  const isUnread = ticket[list.unreadField] && !isOpen;
  const route = { view: "ticket", id: ticket.id, filters: list.filters };
  parts.item.classList.toggle("t-unread", isUnread);
  parts.unread.hidden = !isUnread;
  parts.link.setAttribute("href", formatRoute(route));
  parts.link.setAttribute("aria-current", isOpen);
  setText(parts.subject, normalizeLine(ticket.subject));
  // admins see who opened it, users see the last message
  const about = "user_email" in ticket ? (ticket.user_email ?? "") : ticket.last_message;
  setText(parts.about, normalizeLine(about));
  parts.status.className = `t-status t-${ticket.status}`;
  setText(parts.status, STATUSES[ticket.status]);
  setText(parts.category, categoryLabel(ticket));
  setText(parts.count, plural(ticket.message_count, "message"));
  showTime(parts.time, ticket.updated_at, relativeTime);
}

customElements.define("ticket-list", TicketListElement);
