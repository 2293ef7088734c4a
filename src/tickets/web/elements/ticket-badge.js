// <ticket-badge>: unread count, for a navigation item; hidden at 0.

import { ServiceElement } from "../controllers/service-element.js";
import { h, setText } from "../lib/dom.js";

const MAX_SHOWN = 99;

/**
 * With `side="user"` or `side="admin"` it polls the count, given `api` and `token` like a
 * dashboard. Without a side it shows the `count` that is set.
 */
export class TicketBadgeElement extends ServiceElement {
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
    const unsubscribe = this.connection.poller.subscribe({
      onCount: (count) => {
        this.count = count;
      },
    });
    signal.addEventListener("abort", unsubscribe);
  }

  get side() {
    return this.getAttribute("side");
  }

  set count(count) {
    this.hidden = !count;
    setText(this.#number, count > MAX_SHOWN ? `${MAX_SHOWN}+` : `${count}`);
  }
}

customElements.define("ticket-badge", TicketBadgeElement);
