// Form field: a labelled control with its character counter and its error message.

import { h, labelled, setText } from "../lib/dom.js";
import { formatCounter, validateText } from "../model/validation.js";

/** `rule` is one of TEXT_RULES; without it, the field has no counter and is always valid. */
export function textField(label, control, rule) {
  const root = labelled("div.t-field", label, control);
  const error = h("p.t-error", { id: `${control.id}-error`, "aria-live": "polite" });
  const counter = h("span.t-count", { id: `${control.id}-count` });
  control.setAttribute("aria-describedby", `${error.id} ${counter.id}`);
  root.firstChild.after(counter);
  root.append(error);

  /** Shows an error; "" clears it. */
  const showError = (sentence) => {
    setText(error, sentence);
    if (sentence) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };

  /** Updates the counter. While somebody types, only a text that is too long is an error. */
  const updateCounter = () => {
    const tooLong = rule ? validateText(control.value, { ...rule, minLength: 0 }) : "";
    if (rule) setText(counter, formatCounter(control.value, rule));
    counter.classList.toggle("t-over", Boolean(tooLong));
    showError(tooLong);
  };

  /** Validates the text before it is sent, and shows the error; returns whether it is valid. */
  const validate = () => {
    showError(rule && control.checkVisibility() ? validateText(control.value, rule) : "");
    return !control.hasAttribute("aria-invalid");
  };

  control.addEventListener("input", updateCounter);
  return { root, control, showError, updateCounter, validate };
}
