// A reply of the contract as a message of the log. Its parts stand in one order, whatever a reply lacks.

const ALARMS = ['urgent', 'crisis'];
const UNANSWERED = ['fallback', 'not_covered', 'out_of_scope', 'advice'];

/**
 * Return a message of the log. The sender's name stands outside the text, whose direction may differ.
 * What alerts by itself, or what the visitor wrote, is not announced by the log as well.
 * @param {'you' | 'program'} sender @param {boolean} announced @param {Element[]} cards
 */
function message(sender, announced, ...cards) {
  return element('li', { class: sender, 'aria-live': !announced && 'off' }, hidden(say(sender)), ...cards);
}

/** @param {string} text */
const questionItem = (text) => message('you', false, element('p', { class: 'card', dir: 'auto', tabindex: '-1' }, text));

/**
 * Return a reply as a message. A restored one alerts nobody: nothing new has happened.
 * @param {Reply} reply @param {{restored?: boolean, note?: string, choose: (to: Choice) => void, tools?: Element[]}} how
 */
function replyItem(reply, { restored = false, note = '', choose, tools = [] }) {
  const isAlarm = ALARMS.includes(reply.kind);
  const said = [...titleOf(reply), ...paragraphsOf(reply)];
  const from = note ? [element('p', { class: 'quiet' }, note)] : [];
  const frame = [...sourcesOf(reply.sources), ...tools, ...closingOf(reply)];
  const next = choicesOf(reply, choose);
  // The frame never stands before a number to call, nor before the options of "which do you mean".
  const rest = isAlarm || reply.kind === 'choice' ? [...next, ...frame] : [...frame, ...next];
  const parts = isAlarm ? [alarmBox(reply, said, restored), ...rest] : [...from, ...said, ...rest];
  return message('program', !isAlarm, element('div', { class: 'card', 'data-kind': String(reply.kind) }, ...parts));
}

/** @param {Reply} reply */
const titleOf = ({ title }) => (title ? [element('h3', { dir: 'auto' }, String(title))] : []);

/** @param {Reply} reply */
function paragraphsOf({ paragraphs, text }) {
  const texts = Array.isArray(paragraphs) && paragraphs.length ? paragraphs : [text ?? ''];
  return texts.filter(Boolean).map((each) => paragraph(each));
}

/** Return what alerts: the lines to use first, then the words. @param {Reply} reply @param {Element[]} said */
function alarmBox(reply, said, restored = false) {
  const label = element('p', { class: 'first' }, say('first'));
  const lines = (reply.paragraphs ?? []).flatMap((text) => cutAtNumbers(String(text)).map(({ line }) => line));
  const ways = [...new Set(lines)].flatMap((line) => (line ? waysOf(line) : []));
  const calls = element('p', { class: 'calls' }, ...ways);
  return element('div', { class: 'alarm', tabindex: '-1', role: !restored && 'alert' }, label, calls, ...said);
}

/** @param {Source[]} from */
function sourcesOf(from = []) {
  if (!Array.isArray(from) || !from.length) return [];
  const items = from.map((source) => element('li', {}, webLink(source.url, source.title), `: ${source.heading}`));
  return [element('details', {}, element('summary', {}, say('sources')), element('ul', {}, ...items))];
}

/** Return the pointer to a consultation, then the disclaimer. @param {Reply} reply */
function closingOf({ disclaimer, consultation: visit }) {
  const quiet = disclaimer ? [paragraph(disclaimer, { class: 'quiet' })] : [];
  if (!visit) return quiet;
  const booking = webLink(visit.url, visit.label, { class: 'button' });
  const call = element('a', { class: 'number', href: callLink(visit.phone) }, String(visit.phone));
  const ways = element('p', { class: 'ways' }, booking, element('span', {}, say('or_call')), call);
  return [element('div', { class: 'visit' }, paragraph(visit.text), ways), ...quiet];
}

/** @param {Reply} reply @param {(to: Choice) => void} choose */
function choicesOf({ kind, next = [] }, choose) {
  if (!Array.isArray(next) || !next.length) return [];
  const label = say(kind === 'answer' ? 'next' : 'options');
  return [element('p', { class: 'label', 'aria-hidden': 'true' }, label), choiceList(label, next, choose)];
}

/** @param {string} label @param {Choice[]} choices @param {(to: Choice) => void} choose */
function choiceList(label, choices, choose) {
  const items = choices.map((to) => {
    return element('li', {}, button(String(to.label), () => choose(to), { dir: 'auto', class: 'choice' }));
  });
  return element('ul', { class: 'choices', role: 'list', 'aria-label': label }, ...items);
}
