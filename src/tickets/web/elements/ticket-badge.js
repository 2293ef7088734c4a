// <ticket-badge>: how many tickets hold something unread, for a navigation item; nothing at nought.

import { h, setText } from "../dom/build.js";
import { Connected } from "../dom/host.js";

/**
 * With `side="user"` or `side="admin"` it counts by itself, given `api` and `token` as the dashboards
 * are; without, it shows the `count` that it is given.
 */
export class TicketBadge extends Connected {
  #number = h("span");

  connectedCallback() {
    if (!this.firstChild) {
      this.append(this.#number, h("span.t-hidden", " unread"));
      this.count = 0;
    }
    if (this.side) super.connectedCallback();
  }

  disconnectedCallback() {
    if (this.side) super.disconnectedCallback();
  }

  connected(signal) {
    signal.addEventListener("abort", this.connection.feed.subscribe({ count: (count) => (this.count = count) }));
  }

  get side() {
    return this.getAttribute("side");
  }

  set count(count) {
    this.hidden = !count;
    setText(this.#number, count > 99 ? "99+" : `${count}`);
  }
}

customElements.define("ticket-badge", TicketBadge);
