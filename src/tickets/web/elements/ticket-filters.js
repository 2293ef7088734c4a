// <ticket-filters>: narrows the list by status, for admins by category too; wants `filter-tickets`.

import { labelled, select, want } from "../dom/build.js";
import { CATEGORIES, STATUSES } from "../model/labels.js";

const STATUS = { "": "All statuses", ...STATUSES };
const CATEGORY = { "": "All categories", ...CATEGORIES };

export class TicketFilters extends HTMLElement {
  #filters = {};
  #status = this.#select("status", STATUS);
  #category = this.#select("category", CATEGORY);

  connectedCallback() {
    if (this.firstChild) return;
    this.append(labelled("div.t-filter", "Filter by status", this.#status));
    if (this.side === "admin") this.append(labelled("div.t-filter", "Filter by category", this.#category));
  }

  set filters(filters) {
    this.#filters = filters;
    this.#status.value = filters.status ?? "";
    this.#category.value = filters.category ?? "";
  }

  focus() {
    this.#status.focus();
  }

  #select(name, choices) {
    const onchange = ({ target }) => want(this, "filter-tickets", { ...this.#filters, [name]: target.value });
    return select(choices, { onchange });
  }
}

customElements.define("ticket-filters", TicketFilters);
