// <ticket-badge>: how many tickets hold something unread, for a navigation item; nothing at nought.

import { h, setText } from "../dom/build.js";
import { connectionOf } from "../dom/host.js";

/**
 * With `side="user"` or `side="admin"` it counts by itself, given `api` and `token` as the dashboards
 * are; without, it shows the `count` that it is given.
 */
export class TicketBadge extends HTMLElement {
  #token = null;
  #number = h("span");
  #live = null;

  connectedCallback() {
    if (!this.firstChild) {
      this.append(this.#number, h("span.t-hidden", " unread"));
      this.count = 0;
    }
    if (!this.side) return;
    const { signal } = (this.#live = new AbortController());
    const leave = connectionOf(this).feed.subscribe({ count: (count) => (this.count = count) });
    signal.addEventListener("abort", leave);
  }

  disconnectedCallback() {
    this.#live?.abort();
  }

  get side() {
    return this.getAttribute("side");
  }

  get token() {
    return this.#token ?? this.getAttribute("token");
  }

  set token(token) {
    this.#token = token;
    if (this.#live) connectionOf(this);
  }

  set count(count) {
    this.hidden = !count;
    setText(this.#number, count > 99 ? "99+" : String(count));
  }
}

customElements.define("ticket-badge", TicketBadge);
