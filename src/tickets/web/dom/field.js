// A labelled control with its counter and its error, tied together for everybody's ears.

import { counter, problem } from "../model/limits.js";
import { h, labelled, setText } from "./build.js";

/** `limit` is one of LIMITS; without it there is no counter. */
export function field(label, control, limit) {
  const root = labelled("div.t-field", label, control);
  const error = h("p.t-error", { id: `${control.id}-error`, "aria-live": "polite" });
  const count = h("span.t-count", { id: `${control.id}-count` });
  control.setAttribute("aria-describedby", `${error.id} ${count.id}`);
  root.firstChild.after(count);
  root.append(error);

  /** Show a sentence at the field; "" takes it away. */
  const fail = (sentence) => {
    setText(error, sentence);
    if (sentence) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };

  /** Count; what is already too long is said while it is typed. */
  const measure = () => {
    const tooLong = limit ? problem(control.value, { ...limit, minLength: 0 }) : "";
    if (limit) setText(count, counter(control.value, limit));
    count.classList.toggle("t-over", Boolean(tooLong));
    fail(tooLong);
  };

  control.addEventListener("input", measure);
  return {
    root,
    control,
    fail,
    measure,
    /** Say what is wrong with it before it is sent; return whether it is fine. */
    check() {
      fail(limit && control.checkVisibility() ? problem(control.value, limit) : "");
      return !control.hasAttribute("aria-invalid");
    },
  };
}
