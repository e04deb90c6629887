/* Small helpers. Everything from the server goes through textContent: text of a document is never markup. */

export const byId = (id) => document.getElementById(id);

/** A new element with a class, and with texts or other nodes inside. */
export function make(name, className, ...children) {
  const element = document.createElement(name);
  if (className) {
    element.className = className;
  }
  element.append(...children);
  return element;
}

export const clone = (id) => byId(id).content.cloneNode(true);

const NUMBER = new Intl.NumberFormat("en");
const PERCENT = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const number = (value) => NUMBER.format(value);
export const percentValue = (share) => PERCENT.format(100 * share);
export const percent = (share) => `${percentValue(share)}\u00a0%`;

/** Milliseconds as people read them: 843 ms, 2.41 s, 31.7 s. */
export function duration(millis) {
  if (millis < 1000) {
    return `${Math.round(millis)} ms`;
  }
  return `${(millis / 1000).toFixed(millis < 10_000 ? 2 : 1)} s`;
}

export const count = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;
