// <ticket-filters>: narrows the list by status, and by category with the attribute `categories`; wants
// `filter-tickets` with the filters.

import { labelled, select, want } from "../dom/build.js";
import { CATEGORIES, STATUSES } from "../model/labels.js";

export class TicketFilters extends HTMLElement {
  #filters = {};
  #selects = {};

  connectedCallback() {
    if (this.firstChild) return;
    this.#offer("status", "Status", { "": "All statuses", ...STATUSES });
    if (!this.hasAttribute("categories")) return;
    this.#offer("category", "Category", { "": "All categories", ...CATEGORIES });
  }

  set filters(filters) {
    this.#filters = filters;
    for (const [name, control] of Object.entries(this.#selects)) control.value = filters[name] ?? "";
  }

  focus() {
    this.#selects.status.focus();
  }

  #offer(name, label, choices) {
    const onchange = ({ target }) => want(this, "filter-tickets", { ...this.#filters, [name]: target.value });
    this.#selects[name] = select(choices, { onchange });
    this.append(labelled("div.t-filter", label, this.#selects[name]));
  }
}

customElements.define("ticket-filters", TicketFilters);
