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

/**
 * The first element below another one that a selector names.
 * @type {(selector: string, root?: ParentNode) => HTMLElement}
 */
export const find = (selector, root = document) => root.querySelector(selector);

/** Sets text, and touches the page only if it is another one. */
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/**
 * What nobody sees in a name, or takes for something else: format characters and whatever else may be ignored, marks that
 * change the letter before them, odd blanks, blanks at an end or behind another, letters that look Latin beside Latin ones,
 * and the letters that stand for all these.
 */
const HIDDEN = [
  "[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\u2800\\ufe20-\\ufe2f\\ufff0-\\ufffb]",
  "(?! )\\p{Zs}|^ | $|(?<= ) |\\\\(?=u\\{)",
  "[\\p{sc=Cyrl}\\p{sc=Grek}\\p{sc=Armn}\\p{sc=Cher}](?:(?=\\p{L}*\\p{sc=Latn})|(?<=\\p{sc=Latn}\\p{L}*))",
].join("|");

/** The same, and emoji as a whole: what joins their parts can be seen in them. Not every browser knows those. */
const PARTS = (() => {
  try {
    return new RegExp(`\\p{RGI_Emoji}|${HIDDEN}`, "gv");
  } catch {
    return new RegExp(HIDDEN, "gu");
  }
})();
const EMOJI = /^\p{Emoji}/u;

/** Letters that look Latin and are not, by script: all of it, and those. */
const ALIKE = [
  {
    script: "Cyrillic",
    all: /\p{sc=Cyrl}/gu,
    alike:
      /^[\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u04cf\u0451\u0457\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u051a\u051c\u0401\u0407]+$/u,
  },
  {
    script: "Greek",
    all: /\p{sc=Grek}/gu,
    alike:
      /^[\u03b1\u03b9\u03bd\u03bf\u03c1\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7]+$/u,
  },
];
/** The script of a name that nobody could tell from a Latin one. */
const scriptOf = (name) => ALIKE.find(({ all, alike }) => alike.test((name.match(all) ?? []).join("")))?.script;

const escaped = (letter) => `\\u{${letter.codePointAt(0).toString(16)}}`;

/** A name as text in which nothing is hidden: no other name looks the same. */
export const shown = (name) => h("span", {}, letters(name)).textContent;

/** The same as children of an element: what is hidden stands out. */
export function letters(name) {
  const parts = [];
  let end = 0;
  for (const found of name.matchAll(PARTS)) {
    if (EMOJI.test(found[0])) continue;
    parts.push(name.slice(end, found.index), h("span", { class: "escape" }, escaped(found[0])));
    end = found.index + found[0].length;
  }
  const script = scriptOf(name);
  return [...parts, name.slice(end), script ? h("span", { class: "script" }, ` ${script}`) : ""].filter(
    (part) => part !== "",
  );
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
  const moves = elements
    .map((element) => ({ element, old: before.get(element.dataset.key) }))
    .map(({ element, old }) => ({ element, isNew: !old, distance: old ? old.top - element.offsetTop : 0 }));
  // Where most are elsewhere or new, nobody can follow them.
  if (2 * moves.filter(({ isNew, distance }) => isNew || distance !== 0).length > elements.length) return;
  for (const { element, isNew, distance } of moves) {
    if (isNew) element.animate([{ opacity: 0.3 }, { opacity: 1 }], { duration: 400 });
    else slide(element, distance);
  }
}

/** Moves only what is not in its place, so that the focus stays where it is. */
function place(list, elements) {
  const wanted = new Set(elements);
  [...list.children].filter((element) => !wanted.has(element)).forEach((element) => element.remove());
  elements.forEach((element, index) => {
    if (list.children[index] !== element) {
      const focused = element.contains(document.activeElement) ? (find(":focus", element) ?? element) : null;
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

/** A card with a title. */
export const card = (className, id, title, ...children) =>
  h("section", { class: `card ${className}`, "aria-labelledby": id }, h("h2", { id }, title), ...children);
