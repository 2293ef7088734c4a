// <ticket-stats>: the admins' figures, as cards that filter the list, and a chart of the
// categories. Dispatches `filter-tickets` with the filters.

import { button, h, setText } from "../lib/dom.js";
import { dispatch } from "../lib/events.js";
import { CATEGORIES } from "../model/labels.js";

// the label, the property of the stats, and the filter that shows exactly those tickets
const CARDS = [
  { label: "Open", count: "open_count", filter: "status", value: "open" },
  { label: "In progress", count: "in_progress_count", filter: "status", value: "in_progress" },
  { label: "Resolved", count: "resolved_count", filter: "status", value: "resolved" },
  { label: "Unread", count: "unread_count", filter: "unread", value: "1" },
];
const UNKNOWN = "–";

export class TicketStatsElement extends HTMLElement {
  #filters = {};
  #cards = CARDS.map(({ label, ...card }) => {
    const element = button("t-card", `${label} `, () => this.#toggleFilter(card));
    const figure = h("b", UNKNOWN);
    element.append(figure);
    return { ...card, element, figure };
  });
  #bars = h("ul", { role: "list" });

  connectedCallback() {
    if (this.firstChild) return;
    const cards = this.#cards.map(({ element }) => element);
    this.append(
      h("div.t-cards", { role: "group", "aria-label": "Figures" }, ...cards),
      h("figure.t-chart", h("figcaption", "Tickets by category"), this.#bars),
    );
  }

  set filters(filters) {
    this.#filters = filters;
    for (const { element, filter, value } of this.#cards) {
      element.setAttribute("aria-pressed", filters[filter] === value);
    }
  }

  set stats({ categories, ...counts }) {
    for (const { figure, count } of this.#cards) setText(figure, `${counts[count] ?? UNKNOWN}`);
    const max = Math.max(1, ...Object.values(categories));
    const bars = Object.entries(categories).map(([category, value]) =>
      h(
        "li",
        `${CATEGORIES[category]} `,
        // hidden from screen readers: the number beside it says the same
        h("meter", { "aria-hidden": "true", max, value }),
        h("span", `${value}`),
      ),
    );
    this.#bars.replaceChildren(...bars);
  }

  /** Toggles a card's filter, status or unread; the category that is chosen beside it stays. */
  #toggleFilter({ filter, value }) {
    const { category } = this.#filters;
    const isOn = this.#filters[filter] === value;
    dispatch(this, "filter-tickets", isOn ? { category } : { category, [filter]: value });
  }
}

customElements.define("ticket-stats", TicketStatsElement);
