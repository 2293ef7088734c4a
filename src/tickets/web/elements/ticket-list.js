// <ticket-list>: rows of tickets, or why there are none; wants `show-more` and `try-again`.

import { button, focusIsLost, h, isFocused, reconcile, reasons, setText, showTime, typed, want } from "../dom/build.js";
import { STATUSES, categoryLabel, plural } from "../model/labels.js";
import { formatRoute } from "../model/routes.js";
import { relativeTime } from "../model/time.js";

export class TicketList extends HTMLElement {
  #rows = h("ul.t-rows", { role: "list" });
  #state = h("div.t-state", { role: "status", tabindex: -1 });
  #more = button("t-button.t-more", "Show more", () => this.#showMore());

  connectedCallback() {
    if (!this.firstChild) this.append(this.#state, this.#rows, this.#more);
  }

  /** Show a list (model/list.js); `empty` are the nodes to show where it has no rows. */
  show(list, empty) {
    const ready = list.phase === "ready";
    const rows = ready ? list.rows : [];
    const focused = isFocused(this);
    // should what has the focus go away, then this is what takes its place: the row there, or the first new one
    const row = Math.max(this.links.indexOf(document.activeElement), isFocused(this.#more) ? this.links.length : 0);
    reconcile(this.#rows, rows, {
      key: ({ id }) => id,
      create: createRow,
      update: (item, ticket) => updateRow(item.parts, ticket, list),
    });
    this.#rows.hidden = !rows.length;
    this.#more.hidden = !ready || !list.more;
    setText(this.#more, "Show more");
    const instead = ready ? empty : reasons(this, list);
    const text = rows.length ? "" : instead.map((part) => part.textContent).join("");
    // said once is enough
    if (this.#state.textContent !== text) this.#state.replaceChildren(...(text ? instead : []));
    this.#state.hidden = !text;
    if (focused && focusIsLost()) (this.links.at(Math.min(row, rows.length - 1)) ?? this.#state).focus();
  }

  get links() {
    return [...this.#rows.querySelectorAll("a")];
  }

  /** The link of a ticket's row, where it is in the list. */
  link(id) {
    return this.links.find((link) => new RegExp(`/${id}(\\?|$)`).test(link.getAttribute("href")));
  }

  #showMore() {
    setText(this.#more, "Loading…");
    want(this, "show-more");
  }
}

function createRow() {
  const parts = {
    unread: h("span.t-hidden", "Unread: "),
    subject: typed("span"),
    about: typed("p.t-about"),
    status: h("span"),
    category: typed("span"),
    count: h("span"),
    time: h("time"),
  };
  const { unread, subject, about, ...facts } = parts;
  const link = h("a.t-row-link", unread, subject);
  const item = h("li.t-row", link, about, h("p.t-meta", ...Object.values(facts)));
  return Object.assign(item, { parts: { ...parts, link, item } });
}

function updateRow(parts, ticket, list) {
  const current = ticket.id === list.opened;
  // what is open is being read
  const unread = ticket[list.flag] && !current;
  parts.item.classList.toggle("t-unread", unread);
  parts.unread.hidden = !unread;
  parts.link.setAttribute("href", formatRoute({ view: "ticket", id: ticket.id, filters: list.filters }));
  parts.link.setAttribute("aria-current", current);
  setText(parts.subject, ticket.subject);
  // admins see whose it is, users what was said last
  setText(parts.about, "user_email" in ticket ? (ticket.user_email ?? "") : ticket.last_message);
  parts.status.className = `t-status t-${ticket.status}`;
  setText(parts.status, STATUSES[ticket.status]);
  setText(parts.category, categoryLabel(ticket));
  setText(parts.count, plural(ticket.message_count, "message"));
  showTime(parts.time, ticket.updated_at, relativeTime);
}

customElements.define("ticket-list", TicketList);
