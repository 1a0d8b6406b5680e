// The search of every page of the desk: results while typing, all of it by keyboard. What is typed goes to the server in
// the body of a request and is kept nowhere. Without this file the form still works.

/** @typedef {{id: string, title: string, say: string, facet: string, overdue: string}} Found */
/** @typedef {{flag: {title: string, lines: string[]} | null, visit: string[], found: Found[], note: string}} Results */

const KEYS_OFF = 'desk-keys-off'; // kept in this browser: whether / goes to the search

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new TypeError(id);
  return found;
}

const form = byId('find', HTMLFormElement);
const box = byId('text', HTMLInputElement);
const list = byId('results', HTMLUListElement);
const alarm = byId('alarm', HTMLElement);
const visit = byId('visit', HTMLElement);
const note = byId('note', HTMLElement);
const keys = byId('keys', HTMLElement);
const turn = byId('turn', HTMLButtonElement);

/** @param {string} name @param {string} words @param {string} [kind] */
function element(name, words, kind) {
  const made = document.createElement(name);
  made.textContent = words;
  if (kind) made.className = kind;
  return made;
}

// Asking: one request at a time, and after it the latest words, so that a fast typist never waits for old ones.

let asked = ''; // the words that the shown results are for
let isAsking = false;
let opensFirst = false; // Enter was pressed before the results were there
let active = 0;
let closedAt = ''; // the words at which Escape closed the results: those that come later stay closed

async function look() {
  if (isAsking) return;
  isAsking = true;
  while (asked !== box.value) {
    const words = box.value;
    show(words.trim() ? await results(words) : { flag: null, visit: [], found: [], note: '' });
    asked = words;
  }
  isAsking = false;
  if (opensFirst) open();
}

/** @param {string} text @returns {Promise<Results>} */
async function results(text) {
  const failed = { flag: null, visit: [], found: [], note: form.dataset.notReached ?? '' };
  try {
    const response = await fetch(form.action, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ text }),
      signal: AbortSignal.timeout(5000),
    });
    return response.headers.get('Content-Type') === 'application/json' ? await response.json() : failed;
  } catch {
    return failed;
  }
}

// Showing.

/** @param {Results} results */
function show({ flag, visit: visits, found, note: line }) {
  const said = flag ? [flag.title, ...flag.lines].join('\n') : '';
  if (alarm.dataset.said !== said) {
    alarm.dataset.said = said;
    alarm.replaceChildren(...(flag ? [alarmOf(flag)] : []));
  }
  visit.replaceChildren(...visits.map((words) => element('p', words, 'notice')));
  if (note.textContent !== line) note.textContent = line;
  list.replaceChildren(...found.map(option));
  list.hidden = found.length === 0 || box.value === closedAt;
  box.setAttribute('aria-expanded', String(!list.hidden));
  activate(0);
}

/** @param {{title: string, lines: string[]}} flag */
function alarmOf(flag) {
  const made = element('div', '', 'alarm');
  made.append(element('h2', flag.title), ...flag.lines.map((line) => element('p', line)));
  return made;
}

/** @param {Found} answer @param {number} at */
function option(answer, at) {
  const made = element('li', '');
  made.id = `result-${at}`;
  made.setAttribute('role', 'option');
  made.dataset.answer = answer.id;
  made.append(element('strong', answer.title), ' ', element('span', answer.facet, 'tag'));
  if (answer.overdue) made.append(' ', element('span', answer.overdue, 'tag overdue'));
  made.append(element('span', answer.say, 'quiet'));
  return made;
}

/** @param {number} at */
function activate(at) {
  const options = [...list.children];
  active = options.length ? (at + options.length) % options.length : 0;
  options.forEach((each, index) => each.setAttribute('aria-selected', String(index === active)));
  const chosen = options[active];
  if (chosen && !list.hidden) box.setAttribute('aria-activedescendant', chosen.id);
  else box.removeAttribute('aria-activedescendant');
  chosen?.scrollIntoView({ block: 'nearest' });
}

function open() {
  opensFirst = false;
  const chosen = list.children[active];
  if (chosen instanceof HTMLElement) location.assign(`/desk/answers/${chosen.dataset.answer}`);
}

function clear() {
  if (list.hidden) box.value = '';
  closedAt = box.value;
  list.hidden = true;
  box.setAttribute('aria-expanded', 'false');
  box.removeAttribute('aria-activedescendant');
  if (!box.value) look();
}

// Keys.

/** @type {Record<string, () => void>} */
const onKey = {
  ArrowDown: () => (list.hidden && list.children.length ? reopen() : activate(active + 1)),
  ArrowUp: () => activate(active - 1),
  Escape: clear,
};

function reopen() {
  closedAt = '';
  list.hidden = false;
  box.setAttribute('aria-expanded', 'true');
  activate(active);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.isComposing || !(event.key in onKey)) return;
  event.preventDefault();
  onKey[event.key]();
}

/** @param {KeyboardEvent} event */
function pressedAnywhere(event) {
  const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey || areKeysOff()) return;
  event.preventDefault();
  box.focus();
  box.select();
}

const areKeysOff = () => localStorage.getItem(KEYS_OFF) !== null;

function showKeys() {
  turn.textContent = (areKeysOff() ? turn.dataset.on : turn.dataset.off) ?? '';
}

function turnKeys() {
  if (areKeysOff()) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, '1');
  showKeys();
}

box.setAttribute('role', 'combobox');
box.setAttribute('aria-autocomplete', 'list');
box.setAttribute('aria-controls', list.id);
box.setAttribute('aria-expanded', 'false');
box.addEventListener('input', look);
box.addEventListener('keydown', pressed);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (asked === box.value) open();
  else opensFirst = true;
});
list.addEventListener('mousedown', (event) => event.preventDefault()); // the box keeps the focus
list.addEventListener('click', (event) => {
  const chosen = event.target instanceof Element && event.target.closest('li');
  if (chosen) {
    active = [...list.children].indexOf(chosen);
    open();
  }
});
document.addEventListener('keydown', pressedAnywhere);
turn.addEventListener('click', turnKeys);
keys.hidden = false;
showKeys();
window.addEventListener('pagehide', () => {
  box.value = ''; // nothing typed is left in a page that the browser may keep
  alarm.replaceChildren();
  list.replaceChildren();
});
export {};
