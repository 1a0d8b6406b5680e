'use strict';
// The chat on the clinic's page: sends a question or a choice to the front server and shows the replies.
// Text reaches the page through textContent alone, and nothing is kept but the conversation's id and the replies,
// in sessionStorage. Every word a visitor reads comes from the server or from the data- attributes of <main>.

/** @typedef {{label: string, choice: string}} Choice */
/** @typedef {{document: string, title: string, heading: string, url?: ?string}} Source */
/** @typedef {{text: string, label: string, url: string, phone: string}} Consultation */
/**
 * A reply of the contract. An unknown kind may lack any part, or bring a bare `text`.
 * @typedef {{kind: string, title?: string, paragraphs?: string[], text?: string, sources?: Source[],
 *   disclaimer?: string, consultation?: Consultation, next?: Choice[]}} Reply
 */
/** @typedef {{label: string, ask: {text: string} | {choice: string}}} Question - what the log shows, what is sent */

const TIMEOUT_MS = 10_000; // twice what the front server waits for the bot behind it
const IDLE_MS = 30 * 60_000; // a chat left alone for longer is not restored
const EXIT_KEYS_MS = 5_000;
const COUNT_BELOW = 100; // characters left
const STORE = 'chat';
const ALARMS = ['urgent', 'crisis'];

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const words = /** @type {Record<string, string>} */ (main.dataset);
const box = /** @type {HTMLTextAreaElement} */ (byId('text'));
const [log, messages, statusLine] = ['log', 'messages', 'status'].map(byId);
const opening = messages.children.length;

/** @type {{conversation: ?string, replies: Reply[], request: ?AbortController, failed: ?{question: Question, items: Element[]}}} */
const state = { conversation: null, replies: [], request: null, failed: null };

/** A refusal that the server explains in words for the visitor. */
class Refusal extends Error {}

// Asking

/** @param {Question} question */
async function ask(question) {
  if (state.request) return;
  const request = (state.request = new AbortController());
  const timer = setTimeout(() => request.abort(), TIMEOUT_MS);
  forgetFailure();
  if (box.value.trim() === question.label) setText('');
  log.setAttribute('aria-live', 'polite');
  const asked = addQuestion(question.label);
  showWaiting(true);
  try {
    const body = await post(question.ask, request.signal);
    if (state.request !== request) return; // started over, or left
    keep(body.conversation, body.replies);
    reveal(asked, addReplies(body.replies));
  } catch (error) {
    if (state.request === request) showFailure(question, asked, error);
  } finally {
    clearTimeout(timer);
    if (state.request === request) showWaiting(false);
  }
}

/**
 * Return the body of a 200. Raises Refusal for a 4xx with a message, anything else for a server that is out of reach.
 * @param {Question['ask']} sent
 * @param {AbortSignal} signal
 * @returns {Promise<{conversation: string, replies: Reply[]}>}
 */
async function post(sent, signal) {
  const body = JSON.stringify(state.conversation ? { conversation: state.conversation, ...sent } : sent);
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(words.endpoint, { method: 'POST', headers, body, signal, cache: 'no-store' });
  const content = await response.json();
  if (response.ok && content.replies.length) return content;
  if (content.error?.code === 'unknown_conversation' && state.conversation) {
    state.conversation = null; // so this happens once
    return post(sent, signal);
  }
  if (response.status < 500 && content.error?.message) throw new Refusal(content.error.message);
  throw new Error(`status ${response.status}`);
}

/** @param {boolean} waiting */
function showWaiting(waiting) {
  if (!waiting) state.request = null;
  statusLine.textContent = waiting ? words.waiting : '';
  main.classList.toggle('waiting', waiting);
  // Not `disabled`, which would drop the focus; ask() turns a second question away.
  byId('send').setAttribute('aria-disabled', String(waiting));
}

// Showing

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * Return a message of the log. The sender's name stands outside the text, whose direction may differ.
 * @param {'you' | 'program'} sender
 * @param {boolean} quiet - not to be announced by the log
 * @param {(Node | string)[]} children
 */
function message(sender, quiet, ...children) {
  const name = element('p', { class: 'visually-hidden' }, words[sender]);
  const live = quiet ? { 'aria-live': 'off' } : {};
  return element('li', { class: `message ${sender}`, ...live }, name, ...children);
}

/** @param {string} text */
function addQuestion(text) {
  const item = message('you', true, element('p', { class: 'card', dir: 'auto', tabindex: '-1' }, text));
  messages.append(item);
  item.scrollIntoView();
  return item;
}

/**
 * @param {Reply[]} replies
 * @param {boolean} restoring - no alert, for nothing new has happened
 */
function addReplies(replies, restoring = false) {
  const items = replies.map((reply) => replyItem(reply, restoring));
  messages.append(...items);
  return items;
}

/**
 * @param {Reply} reply
 * @param {boolean} restoring
 */
function replyItem(reply, restoring) {
  const alarm = ALARMS.includes(reply.kind);
  const said = [reply.title && element('h2', { dir: 'auto' }, reply.title), ...saidParagraphs(reply)];
  const next = nextChoices(reply);
  const frame = [...sourceList(reply.sources), ...frameParts(reply)];
  // The frame never stands before a number to call, nor before the options of "which do you mean".
  const rest = alarm || reply.kind === 'choice' ? [...next, ...frame] : [...frame, ...next];
  const parts = alarm ? [alarmBox(said.filter(Boolean), restoring), ...rest] : [...said, ...rest];
  const card = element('div', { class: 'card', 'data-kind': String(reply.kind) }, ...parts.filter(Boolean));
  return message('program', alarm, card);
}

/**
 * @param {(Node | string)[]} said
 * @param {boolean} restoring
 */
function alarmBox(said, restoring) {
  const label = element('p', { class: 'first' }, words.first);
  return element('div', restoring ? {} : { role: 'alert', tabindex: '-1' }, label, ...said);
}

/** @param {Reply} reply */
function saidParagraphs(reply) {
  const texts = reply.paragraphs?.length ? reply.paragraphs : [reply.text ?? ''];
  return texts.filter(Boolean).map((text) => element('p', { dir: 'auto' }, ...withLinks(text)));
}

/** @param {Reply} reply */
function nextChoices({ kind, next = [] }) {
  if (!next.length) return [];
  const label = kind === 'answer' ? words.next : words.options;
  const items = next.map((to) =>
    element('li', {}, element('button', { type: 'button', 'data-choice': to.choice, dir: 'auto' }, to.label)),
  );
  const heading = kind === 'answer' ? [element('p', { class: 'label', 'aria-hidden': 'true' }, label)] : [];
  return [...heading, element('ul', { class: 'choices', role: 'list', 'aria-label': label }, ...items)];
}

/** @param {Source[]} sources */
function sourceList(sources = []) {
  if (!sources.length) return [];
  const items = sources.map((source) => element('li', {}, webLink(source.url, source.title), `: ${source.heading}`));
  const list = element('ul', {}, ...items);
  return [element('details', {}, element('summary', {}, words.sources), list)];
}

/** @param {Reply} reply */
function frameParts({ disclaimer, consultation: visit }) {
  const parts = disclaimer ? [element('p', { class: 'quiet', dir: 'auto' }, disclaimer)] : [];
  if (!visit) return parts;
  const call = element('a', { class: 'number', href: callLink(visit.phone) }, visit.phone);
  const ways = element('p', { class: 'ways' }, webLink(visit.url, visit.label, 'button'), ` ${words.orCall} `, call);
  return [...parts, element('p', { class: 'quiet', dir: 'auto' }, visit.text), ways];
}

/** Return a link, or the bare label where the address is not one of the web. */
function webLink(/** @type {?string | undefined} */ url, /** @type {string} */ label, kind = '') {
  if (!/^https?:\/\//i.test(url ?? '')) return label;
  return element('a', { href: String(url), rel: 'noreferrer', ...(kind && { class: kind }) }, label);
}

/** @param {string} number */
const callLink = (number, scheme = 'tel') => `${scheme}:${String(number).replace(/[^\d+]/g, '')}`;

/** The clinic's numbers as written, each with its link; a number that can be called is not offered for text. */
const numberLinks = new Map([
  ...JSON.parse(words.texts).map((/** @type {string} */ number) => [number, callLink(number, 'sms')]),
  ...JSON.parse(words.calls).map((/** @type {string} */ number) => [number, callLink(number)]),
]);
const numberPattern = new RegExp(
  `(${[...numberLinks.keys()]
    .sort((a, b) => b.length - a.length)
    .map((number) => number.replace(/[.+()]/g, '\\$&'))
    .join('|')})`,
);

/**
 * Return the text in pieces, the clinic's numbers as links. Part of a longer number is not one of them.
 * @param {string} text
 */
function withLinks(text) {
  const pieces = String(text).split(numberPattern);
  return pieces.map((piece, i) => {
    if (i % 2 === 0 || /[\d-]$/.test(pieces[i - 1]) || /^-?\d/.test(pieces[i + 1])) return piece;
    return element('a', { class: 'number', href: String(numberLinks.get(piece)) }, piece);
  });
}

/**
 * Bring the answer into view; an alarm also takes the focus.
 * @param {Element} asked
 * @param {Element[]} items
 */
function reveal(asked, items) {
  const alarm = items.map((item) => item.querySelector('[role=alert]')).find(Boolean);
  if (alarm instanceof HTMLElement) alarm.focus({ preventScroll: true });
  (alarm ?? asked).scrollIntoView();
}

// Failing

/**
 * Show what went wrong, with the emergency line, and put the visitor's words back into the box.
 * @param {Question} question
 * @param {Element} asked
 * @param {unknown} error
 */
function showFailure(question, asked, error) {
  const why = error instanceof Refusal ? error.message : words.unavailable;
  const emergency = element('p', { class: 'emergency' }, ...withLinks(words.emergency));
  const alert = element('div', { role: 'alert' }, element('p', { dir: 'auto' }, ...withLinks(why)), emergency);
  const retry = element('button', { type: 'button', class: 'primary', id: 'retry' }, words.retry);
  const item = message('program', true, element('div', { class: 'card', 'data-kind': 'error' }, alert, retry));
  messages.append(item);
  if ('text' in question.ask && !box.value) setText(question.ask.text);
  state.failed = { question, items: [asked, item] };
  asked.scrollIntoView();
}

function forgetFailure() {
  state.failed?.items.forEach((item) => item.remove()); // the question is shown again when it is sent again
  state.failed = null;
}

function retry() {
  if (!state.failed || state.request) return;
  ask(state.failed.question);
  // The button that had the focus is gone.
  /** @type {?HTMLElement} */ (messages.querySelector('.you:last-child .card'))?.focus({ preventScroll: true });
}

// Keeping and forgetting

/**
 * @param {string} conversation
 * @param {Reply[]} replies
 */
function keep(conversation, replies) {
  state.conversation = conversation;
  state.replies.push(...replies);
  const kept = { conversation, replies: state.replies, at: Date.now() };
  try {
    sessionStorage.setItem(STORE, JSON.stringify(kept));
  } catch {
    // Storage is blocked or full: the chat works, a reload begins a new one.
  }
}

function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(STORE) ?? 'null');
    if (!kept) return;
    if (Date.now() - kept.at > IDLE_MS) return sessionStorage.removeItem(STORE);
    log.setAttribute('aria-live', 'off'); // until the next question
    const items = addReplies(kept.replies, true);
    items[0].before(element('li', { class: 'quiet' }, words.restored));
    Object.assign(state, { conversation: kept.conversation, replies: kept.replies });
    items[items.length - 1].scrollIntoView();
  } catch {
    // Storage is blocked, or holds what an older page left: begin a new chat.
  }
}

/** Forget the chat here and on the server, and drop a reply that is still on its way. */
function forget() {
  state.request?.abort();
  if (state.conversation) {
    const address = words.conversations + encodeURIComponent(state.conversation);
    fetch(address, { method: 'DELETE', keepalive: true }).catch(() => {}); // it also expires there by itself
  }
  Object.assign(state, { conversation: null, replies: [], request: null, failed: null });
  box.value = '';
  try {
    sessionStorage.clear();
  } catch {
    // Storage is blocked, so there is nothing to clear.
  }
}

function startOver() {
  forget();
  while (messages.children.length > opening) messages.lastElementChild?.remove();
  showWaiting(false);
  setText('');
  statusLine.textContent = words.cleared;
  scrollTo(0, 0);
}

function leave() {
  const { href, hostname } = /** @type {HTMLAnchorElement} */ (byId('leave'));
  document.body.replaceChildren(); // first of all: the next page may be slow
  document.title = hostname;
  forget();
  location.replace(href); // so that Back does not return here
}

// Typing

/** @type {number | undefined} */
let countTimer;

function showCount() {
  const left = box.maxLength - box.value.length;
  const text = left <= COUNT_BELOW ? `${left} ${words.left}` : '';
  byId('count').textContent = text;
  clearTimeout(countTimer); // spoken only after a pause in the typing
  if (text) countTimer = setTimeout(() => { if (!state.request) statusLine.textContent = text; }, 1_000);
}

/** @param {string} text */
function setText(text) {
  box.value = text;
  showCount();
}

function sendText() {
  const text = box.value.trim();
  if (text) return ask({ label: text, ask: { text } });
  statusLine.textContent = words.blank;
  box.focus();
}

/** Leave when Shift is pressed three times by itself; Escape would stop the loading of the next page. */
function watchForExitKeys() {
  /** @type {number[]} */
  let presses = [];
  let alone = false;
  const reset = () => { alone = false; presses = []; };
  addEventListener('keydown', (event) => {
    if (event.key !== 'Shift') reset();
    else if (!event.repeat) alone = true;
  });
  addEventListener('pointerdown', reset);
  addEventListener('keyup', (event) => {
    if (event.key !== 'Shift' || !alone) return;
    presses = [...presses.filter((time) => event.timeStamp - time < EXIT_KEYS_MS), event.timeStamp];
    if (presses.length >= 3) leave();
    else statusLine.textContent = words.exitMore.replace('{n}', String(3 - presses.length));
  });
}

function start() {
  byId('ask').addEventListener('submit', (event) => { event.preventDefault(); sendText(); });
  byId('leave').addEventListener('click', (event) => { event.preventDefault(); leave(); });
  byId('restart').addEventListener('click', startOver);
  box.addEventListener('input', showCount);
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    sendText();
  });
  messages.addEventListener('click', ({ target }) => {
    const button = target instanceof Element ? target.closest('button') : null;
    if (button?.id === 'retry') retry();
    else if (button?.dataset.choice) ask({ label: button.textContent ?? '', ask: { choice: button.dataset.choice } });
  });
  watchForExitKeys();
  byId('starting').remove();
  document.documentElement.classList.add('ready');
  restore();
}

start();
