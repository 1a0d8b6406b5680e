// Making elements. Text reaches the page as text nodes only, and a link only where its address is one of a website.

/**
 * Return an element: `element('p.quiet', {dir: 'auto'}, 'words', [others])`. The attributes may be left out; one that
 * is false or null is not set, and a child that is empty is not added.
 * @param {string} name the tag, and classes after dots @param {any[]} rest
 */
function element(name, ...rest) {
  const [tag, ...classes] = name.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  const attributes = rest[0]?.constructor === Object ? rest.shift() : {};
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'string') node.setAttribute(key, value);
  }
  node.append(...rest.flat().filter(Boolean));
  return node;
}

/**
 * Return `act` so that no error of ours leaves it for the site's own error handlers. The log gets the kind of error
 * alone: its message may hold what the visitor wrote.
 * @template {any[]} A @param {(...args: A) => unknown} act @returns {(...args: A) => Promise<void>}
 */
function guarded(act) {
  return async (...args) => {
    try {
      await act(...args);
    } catch (/** @type {any} */ error) {
      console.warn(`clinic-chat: ${error?.name}`);
    }
  };
}

/**
 * @param {EventTarget} target @param {string} type @param {(event: any) => unknown} act
 * @param {AbortSignal} [signal] ends it
 */
const on = (target, type, act, signal) => target.addEventListener(type, guarded(act), { signal });

/**
 * Return a button. The second click of a double click does nothing: by then another button may be in its place.
 * @param {string} name 'button' and classes @param {string} label @param {() => unknown} act
 */
function button(name, label, act, attributes = {}) {
  const node = /** @type {HTMLButtonElement} */ (element(name, { type: 'button', ...attributes }, label));
  on(node, 'click', (event) => event.detail < 2 && act());
  return node;
}

/** Return `act` as what is done instead of what the browser would do. @param {() => unknown} act */
const instead = (act) => (/** @type {Event} */ event) => {
  event.preventDefault();
  return act();
};

/** @param {() => unknown} submit @param {any[]} parts */
function formOf(submit, ...parts) {
  const form = element('form', { autocomplete: 'off' }, parts);
  on(form, 'submit', instead(submit));
  return form;
}

/** Return a word of page.yml, `n` filled in. @param {string} name @param {string | number} n */
const say = (name, n = '') => WIDGET.words[name].replace('{n}', () => String(n));

/**
 * Return what `make` returns, or nothing where a reply is so odd that it fails: its other parts are shown all the same.
 * @template T @param {() => T} make @returns {T | undefined}
 */
function ifPossible(make) {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** Return `text` as a paragraph in its own direction, the clinic's numbers as links. @param {unknown} text */
const paragraph = (text, name = 'p') => element(name, { dir: 'auto' }, withLinks(String(text)));

/**
 * Return a link, or the bare label where `url` is no web address.
 * @param {string} name 'a' and classes @param {string | null | undefined} url @param {unknown} label
 */
function webLink(name, url, label) {
  if (!/^https?:\/\//i.test(url ?? '')) return String(label);
  return element(name, { href: url, rel: 'noreferrer' }, String(label));
}

/** Return a link that calls a number. @param {string} name @param {unknown} number @param {unknown} label */
function callLink(name, number, label = number, scheme = 'tel') {
  return element(name, { href: `${scheme}:${String(number).replace(/[^\d+]/g, '')}` }, String(label));
}

const numbers = WIDGET.lines.map(({ number }) => number.replace(/[.+()]/g, '\\$&')).sort((a, b) => b.length - a.length);
const numberPattern = new RegExp(`(${numbers.join('|')})`);

/** Return `text` cut at the clinic's numbers, each piece with its line or nothing. @param {string} text */
function cutAtNumbers(text) {
  return text.split(numberPattern).map((piece, i, all) => {
    // Part of a longer number is not one of ours.
    const isNumber = i % 2 && !/[\d-]$/.test(all[i - 1]) && !/^-?\d/.test(all[i + 1]);
    return { piece, line: isNumber ? WIDGET.lines.find(({ number }) => number === piece) : undefined };
  });
}

/** @param {string} text */
function withLinks(text) {
  return cutAtNumbers(text).map(({ piece, line }) => {
    return line ? callLink('a.number', piece, piece, line.call ? 'tel' : 'sms') : piece;
  });
}

/** Return the ways to use a line, as links: a call, a text, a chat. @param {Line} line */
function waysOf({ number, call, text, chat }) {
  return [
    call && callLink('a.button', number, say('call', number)),
    text && callLink('a.button', text, say('text', text), 'sms'),
    chat && webLink('a.button', chat, say('chat_with', number)),
  ];
}
