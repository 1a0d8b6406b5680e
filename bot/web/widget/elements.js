// Making elements. Text reaches the page as text nodes only, and a link only where its address is one of a website.

/**
 * Return an element; an attribute that is false or null is left out.
 * @param {string} tag @param {Record<string, string | false | null | undefined>} attributes
 * @param {(Node | string)[]} children
 */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'string') node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** @param {string} label @param {() => unknown} act @param {Record<string, string>} attributes */
function button(label, act, attributes = {}) {
  const node = /** @type {HTMLButtonElement} */ (element('button', { type: 'button', ...attributes }, label));
  node.addEventListener('click', guarded(act));
  return node;
}

/**
 * Return `act` so that no error of ours leaves it for the site's own error handlers. The log gets the kind of error
 * alone: its message may hold what the visitor wrote.
 * @template {any[]} A @param {(...args: A) => unknown} act @returns {(...args: A) => void}
 */
function guarded(act) {
  const tell = (/** @type {any} */ error) => console.warn(`clinic-chat: ${error?.name ?? 'error'}`);
  return (...args) => {
    try {
      const result = act(...args);
      if (result instanceof Promise) result.catch(tell);
    } catch (error) {
      tell(error);
    }
  };
}

/** Return a word of page.yml, `n` filled in. @param {string} name @param {string | number} n */
const say = (name, n = '') => String(WIDGET.words[name] ?? '').replace('{n}', () => String(n));

/** @param {string} text */
const hidden = (text) => element('span', { class: 'hidden' }, text);

/** Return `text` as a paragraph in its own direction, the clinic's numbers as links. @param {unknown} text */
const paragraph = (text, attributes = {}) => element('p', { dir: 'auto', ...attributes }, ...withLinks(String(text)));

/**
 * Return a link, or the bare label where `url` is no web address.
 * @param {string | null | undefined} url @param {string} label
 */
function webLink(url, label, attributes = {}) {
  if (!/^https?:\/\//i.test(url ?? '')) return String(label);
  return element('a', { href: String(url), rel: 'noreferrer', ...attributes }, String(label));
}

/** @param {string} number */
const callLink = (number, scheme = 'tel') => `${scheme}:${String(number).replace(/[^\d+]/g, '')}`;

const longestFirst = WIDGET.lines.map(({ number }) => number).sort((a, b) => b.length - a.length);
const numberPattern = new RegExp(`(${longestFirst.map((n) => n.replace(/[.+()]/g, '\\$&')).join('|')})`);

/** Return `text` cut at the clinic's numbers, each as [piece, line or nothing]. @param {string} text */
function cutAtNumbers(text) {
  return text.split(numberPattern).map((piece, i, all) => {
    // Part of a longer number is not one of ours.
    const isNumber = i % 2 === 1 && !/[\d-]$/.test(all[i - 1]) && !/^-?\d/.test(all[i + 1]);
    return { piece, line: isNumber ? WIDGET.lines.find(({ number }) => number === piece) : undefined };
  });
}

/** @param {string} text */
function withLinks(text) {
  return cutAtNumbers(text).map(({ piece, line }) => {
    if (!line) return piece;
    return element('a', { class: 'number', href: callLink(piece, line.call ? 'tel' : 'sms') }, piece);
  });
}

/** Return the ways to use a line, as links: a call, a text, a chat. @param {Line} line */
function waysOf({ number, call, text, chat }) {
  return [
    ...(call ? [element('a', { class: 'button', href: callLink(number) }, say('call', number))] : []),
    ...(text ? [element('a', { class: 'button', href: callLink(text, 'sms') }, say('text', text))] : []),
    ...(chat ? [webLink(chat, say('chat_with', number), { class: 'button' })] : []),
  ];
}
