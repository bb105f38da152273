// Elements, and lists of them that move smoothly. Text is always set as text: names are chosen by strangers.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (functions are listeners) and children. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Sets text, and touches the page only if it is another one. */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

export function reducesMotion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Shows items in their order, each in an element of its own that is made once and moves to its new place.
 * `row` has `key(item)`, `make(item)`, `show(element, item)`, and `stays` if its elements are not to be seen moving.
 */
export function arrange(list, items, row) {
  const before = new Map();
  for (const element of list.children) {
    before.set(element.dataset.key, { element, top: element.offsetTop });
  }
  const elements = items.map((item) => {
    const key = row.key(item);
    const element = before.get(key)?.element ?? row.make(item);
    element.dataset.key = key;
    row.show(element, item);
    return element;
  });
  place(list, elements);
  if (row.stays || reducesMotion()) {
    return;
  }
  for (const element of elements) {
    const old = before.get(element.dataset.key);
    if (old) {
      slide(element, old.top - element.offsetTop);
    } else if (before.size > 0) {
      element.animate([{ opacity: 0 }, { opacity: 1 }], { duration: 400 });
    }
  }
}

/** Moves only what is not in its place, so that the focus stays where it is. */
function place(list, elements) {
  const wanted = new Set(elements);
  [...list.children].filter((element) => !wanted.has(element)).forEach((element) => element.remove());
  elements.forEach((element, index) => {
    if (list.children[index] !== element) {
      const focused = element.contains(document.activeElement) ? document.activeElement : null;
      list.insertBefore(element, list.children[index] ?? null);
      focused?.focus({ preventScroll: true });
    }
  });
}

function slide(element, distance) {
  if (distance !== 0) {
    element.animate([{ transform: `translateY(${distance}px)` }, { transform: "none" }], {
      duration: 600,
      easing: "cubic-bezier(.2, .7, .2, 1)",
    });
  }
}
