'use strict';
// The chat on the clinic's page: sends a question or a choice to the front server and shows the replies.
// Text reaches the page as text nodes only. The conversation's id and the replies are kept in sessionStorage, and
// the visitor's words nowhere. Every word shown comes from the server or from the data- attributes of <main>.

/** @typedef {{label: string, choice: string}} Choice */
/** @typedef {{document: string, title: string, heading: string, url?: ?string}} Source */
/** @typedef {{text: string, label: string, url: string, phone: string}} Visit */
/**
 * A reply of the contract. One of an unknown kind may lack any part, or bring a bare `text`.
 * @typedef {{kind: string, title?: string, paragraphs?: string[], text?: string, sources?: Source[],
 *   disclaimer?: string, consultation?: Visit, next?: Choice[]}} Reply
 */
/** @typedef {{label: string, sent: {text: string} | {choice: string}}} Question - what is shown, what is sent */

const TIMEOUT_MS = 10_000; // twice what the front server waits for the bot behind it
const IDLE_MS = 30 * 60_000; // a chat left alone for longer is not restored
const EXIT_KEYS_MS = 5_000;
const COUNT_BELOW = 100; // characters left
const MAX_BARS = 0.6; // of the window's height
const STORE = 'chat';
const ALARMS = ['urgent', 'crisis'];

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const main = /** @type {HTMLElement} */ (document.querySelector('main'));
const words = /** @type {Record<string, string>} */ (main.dataset);
const box = /** @type {HTMLTextAreaElement} */ (byId('text'));
const [log, messages, statusLine] = ['log', 'messages', 'status'].map(byId);
const opening = messages.children.length;

/** `request` is set while an answer is awaited, `failed` while "Try again" is shown. */
const state = {
  conversation: /** @type {?string} */ (null),
  replies: /** @type {Reply[]} */ ([]),
  request: /** @type {?AbortController} */ (null),
  failed: /** @type {?{question: Question, items: Element[]}} */ (null),
};

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
    const { conversation, replies } = await post(question.sent, request.signal);
    if (state.request !== request) return; // started over, or left
    reveal(asked, addReplies(replies));
    keep(conversation, replies);
  } catch (error) {
    if (state.request === request) showFailure(question, asked, error);
  } finally {
    clearTimeout(timer);
    if (state.request === request) showWaiting(false);
  }
}

/**
 * Return the body of a 200. Throws Refusal for a 4xx with a message, another error where the server is out of reach.
 * @param {Question['sent']} sent @param {AbortSignal} signal
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
  // Not `disabled`, which would drop the focus; ask() turns a second question away.
  byId('send').setAttribute('aria-disabled', String(waiting));
}

// Showing

/** @param {string} tag @param {Record<string, string>} attributes @param {(Node | string)[]} children */
function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/**
 * Return a message of the log. The sender's name stands outside the text, whose direction may differ.
 * `announced`: by the log; what alerts, or what the visitor wrote, is not.
 * @param {'you' | 'program'} sender @param {boolean} announced @param {Element} card
 */
function message(sender, announced, card) {
  const name = element('p', { class: 'visually-hidden' }, words[sender]);
  return element('li', { class: `message ${sender}`, ...(!announced && { 'aria-live': 'off' }) }, name, card);
}

/** @param {string} text */
function addQuestion(text) {
  const item = message('you', false, element('p', { class: 'card', dir: 'auto', tabindex: '-1' }, text));
  messages.append(item);
  item.scrollIntoView();
  return item;
}

/** Add the replies to the log. Restored ones alert nobody: nothing new has happened. @param {Reply[]} replies */
function addReplies(replies, restored = false) {
  const items = replies.map((reply) => replyItem(reply, restored));
  messages.append(...items);
  return items;
}

/** @param {Reply} reply @param {boolean} restored */
function replyItem(reply, restored) {
  const isAlarm = ALARMS.includes(reply.kind);
  const title = reply.title ? [element('h2', { dir: 'auto' }, reply.title)] : [];
  const said = [...title, ...paragraphs(reply)];
  const frame = [...sources(reply.sources), ...closing(reply)];
  const next = choices(reply);
  // The frame never stands before a number to call, nor before the options of "which do you mean".
  const rest = isAlarm || reply.kind === 'choice' ? [...next, ...frame] : [...frame, ...next];
  const parts = isAlarm ? [alarmBox(said, restored), ...rest] : [...said, ...rest];
  const card = element('div', { class: 'card', 'data-kind': String(reply.kind) }, ...parts);
  return message('program', !isAlarm, card);
}

/** @param {Element[]} said @param {boolean} restored */
function alarmBox(said, restored) {
  const label = element('p', { class: 'first' }, words.first);
  return element('div', restored ? {} : { role: 'alert', tabindex: '-1' }, label, ...said);
}

/** @param {Reply} reply */
function paragraphs(reply) {
  const texts = reply.paragraphs?.length ? reply.paragraphs : [reply.text ?? ''];
  return texts.filter(Boolean).map((text) => element('p', { dir: 'auto' }, ...withLinks(text)));
}

/** @param {Reply} reply */
function choices({ kind, next = [] }) {
  if (!next.length) return [];
  const isAnswer = kind === 'answer';
  const buttons = next.map((to) => element('button', { type: 'button', 'data-choice': to.choice }, to.label));
  const items = buttons.map((button) => element('li', { dir: 'auto' }, button));
  const label = isAnswer ? words.next : words.options;
  const list = element('ul', { class: 'choices', role: 'list', 'aria-label': label }, ...items);
  return isAnswer ? [element('p', { class: 'label', 'aria-hidden': 'true' }, label), list] : [list];
}

/** @param {Source[]} from */
function sources(from = []) {
  if (!from.length) return [];
  const items = from.map((source) => element('li', {}, webLink(source.url, source.title), `: ${source.heading}`));
  return [element('details', {}, element('summary', {}, words.sources), element('ul', {}, ...items))];
}

/** Return the disclaimer and the pointer to a consultation. @param {Reply} reply */
function closing({ disclaimer, consultation: visit }) {
  const lines = [disclaimer, visit?.text].filter(Boolean);
  const parts = lines.map((line) => element('p', { class: 'quiet', dir: 'auto' }, String(line)));
  if (!visit) return parts;
  const call = element('a', { class: 'number', href: callLink(visit.phone) }, visit.phone);
  const booking = webLink(visit.url, visit.label, { class: 'button' });
  return [...parts, element('p', { class: 'ways' }, booking, element('span', {}, words.orCall), call)];
}

/**
 * Return a link, or the bare label where `url` is no web address.
 * @param {?string | undefined} url @param {string} label
 */
function webLink(url, label, attributes = {}) {
  if (!/^https?:\/\//i.test(url ?? '')) return label;
  return element('a', { href: String(url), rel: 'noreferrer', ...attributes }, label);
}

/** @param {string} number */
const callLink = (number, scheme = 'tel') => `${scheme}:${String(number).replace(/[^\d+]/g, '')}`;

/** The link of each of the clinic's numbers as written; one that takes calls is linked for a call. */
const numberLinks = new Map([
  ...JSON.parse(words.texts).map((/** @type {string} */ number) => [number, callLink(number, 'sms')]),
  ...JSON.parse(words.calls).map((/** @type {string} */ number) => [number, callLink(number)]),
]);
const longestFirst = [...numberLinks.keys()].sort((a, b) => b.length - a.length);
const numberPattern = new RegExp(`(${longestFirst.map((n) => n.replace(/[.+()]/g, '\\$&')).join('|')})`);

/** Return `text` in pieces, the clinic's numbers as links; part of a longer number is not one. @param {string} text */
function withLinks(text) {
  return String(text).split(numberPattern).map((piece, i, all) => {
    if (i % 2 === 0 || /[\d-]$/.test(all[i - 1]) || /^-?\d/.test(all[i + 1])) return piece;
    return element('a', { class: 'number', href: String(numberLinks.get(piece)) }, piece);
  });
}

/** Bring the answer into view; an alarm also takes the focus. @param {Element} asked @param {Element[]} items */
function reveal(asked, items) {
  const alarm = items.map((item) => item.querySelector('[role=alert]')).find(Boolean);
  if (alarm instanceof HTMLElement) alarm.focus({ preventScroll: true });
  (alarm?.parentElement ?? asked).scrollIntoView();
}

// Failing

/**
 * Show what went wrong, with the emergency line, and put the visitor's words back into the box.
 * @param {Question} question @param {Element} asked @param {unknown} error
 */
function showFailure(question, asked, error) {
  const why = error instanceof Refusal ? error.message.replace(words.emergency, '').trim() : words.unavailable;
  const emergency = element('p', { class: 'label' }, ...withLinks(words.emergency));
  const alert = element('div', { role: 'alert' }, element('p', { dir: 'auto' }, ...withLinks(why)), emergency);
  const again = element('button', { type: 'button', class: 'primary', id: 'retry' }, words.retry);
  const item = message('program', false, element('div', { class: 'card', 'data-kind': 'error' }, alert, again));
  messages.append(item);
  if ('text' in question.sent && !box.value) setText(question.sent.text);
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
  const asked = messages.querySelector('.you:last-child .card'); // for the focus: the button that had it is gone
  if (asked instanceof HTMLElement) asked.focus({ preventScroll: true });
}

// Keeping and forgetting

/** @param {string} conversation @param {Reply[]} replies */
function keep(conversation, replies) {
  state.conversation = conversation;
  state.replies.push(...replies);
  try {
    sessionStorage.setItem(STORE, JSON.stringify({ conversation, replies: state.replies, at: Date.now() }));
  } catch {
    // Storage is blocked or full: the chat works, and a reload begins a new one.
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

/** Forget the chat on this side, and drop a reply that is still on its way. */
function forget() {
  state.request?.abort();
  Object.assign(state, { conversation: null, replies: [], request: null, failed: null });
  setText('');
  try {
    sessionStorage.clear();
  } catch {
    // Storage is blocked, so nothing was kept.
  }
}

function startOver() {
  forget();
  while (messages.children.length > opening) messages.lastElementChild?.remove();
  showWaiting(false);
  statusLine.textContent = words.cleared;
  scrollTo(0, 0);
}

function leave() {
  const { href, hostname } = /** @type {HTMLAnchorElement} */ (byId('leave'));
  document.body.hidden = true; // first of all: the next page may be slow
  document.title = hostname;
  forget();
  location.replace(href); // so that Back does not return here
}

// Typing

let countTimer = 0;

function showCount() {
  const left = box.maxLength - box.value.length;
  const text = left <= COUNT_BELOW ? `${left} ${words.left}` : '';
  byId('count').textContent = text;
  clearTimeout(countTimer); // spoken after a pause in the typing only
  if (text) countTimer = window.setTimeout(say, 1_000, text);
}

/** Have a screen reader say `text`, unless an answer is awaited. @param {string} text */
function say(text) {
  if (!state.request) statusLine.textContent = text;
}

/** @param {string} text */
function setText(text) {
  box.value = text;
  showCount();
}

function sendText() {
  const text = box.value.trim();
  if (text) return ask({ label: text, sent: { text } });
  say(words.blank);
  box.focus();
}

/** Leave when Shift is pressed three times by itself; Escape would stop the loading of the next page. */
function watchForExitKeys() {
  let presses = /** @type {number[]} */ ([]);
  let isAlone = false;
  addEventListener('keydown', ({ key, repeat }) => {
    if (key === 'Shift' && repeat) return;
    isAlone = key === 'Shift';
    if (!isAlone) presses = [];
  });
  addEventListener('pointerdown', () => { isAlone = false; });
  addEventListener('keyup', ({ key, timeStamp }) => {
    if (key !== 'Shift' || !isAlone) return;
    presses = [...presses.filter((time) => timeStamp - time < EXIT_KEYS_MS), timeStamp];
    if (presses.length >= 3) leave();
    else say(words.exitMore.replace('{n}', String(3 - presses.length)));
  });
}

/** Keep the bars off what is read or has the focus; where both would fill the window, only the upper one stays. */
function fit() {
  const [top, bottom] = ['safety', 'ask'].map((id) => byId(id).offsetHeight);
  const root = document.documentElement;
  const isCramped = top + bottom > MAX_BARS * innerHeight;
  root.classList.toggle('cramped', isCramped);
  root.style.scrollPaddingBlock = `${top + 12}px ${isCramped ? 12 : bottom + 12}px`;
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
    else if (button?.dataset.choice) ask({ label: button.textContent ?? '', sent: { choice: button.dataset.choice } });
  });
  watchForExitKeys();
  byId('starting').remove();
  document.documentElement.classList.add('ready');
  const sizes = new ResizeObserver(fit);
  ['safety', 'ask'].forEach((id) => sizes.observe(byId(id)));
  addEventListener('resize', fit);
  fit();
  restore();
}

start();
