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

/**
 * What nobody sees in a name, or takes for something else: format characters and whatever else may be ignored, marks that
 * change the letter before them, odd blanks, blanks at an end or behind another, and the letters that stand for all these.
 */
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u2800\ufe20-\ufe2f\ufff0-\ufffb]|(?! )\p{Zs}|^ | $|(?<= ) |\\(?=u\{)/gu;

const escaped = (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`;

/** A name as text in which nothing is hidden: no other name looks the same. */
export const shown = (name) => name.replace(HIDDEN, escaped);

/** The same as children of an element: what is hidden stands out. */
export function letters(name) {
  const parts = [];
  let end = 0;
  for (const found of name.matchAll(HIDDEN)) {
    parts.push(name.slice(end, found.index), h("span", { class: "escape" }, escaped(found[0])));
    end = found.index + found[0].length;
  }
  return [...parts, name.slice(end)].filter((part) => part !== "");
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
      duration: 300,
      easing: "cubic-bezier(.2, .7, .2, 1)",
    });
  }
}
