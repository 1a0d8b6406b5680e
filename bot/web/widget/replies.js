// A reply of the contract as a message of the log. Its parts stand in one order, whatever a reply lacks.

const ALARMS = ['urgent', 'crisis'];
const UNANSWERED = ['fallback', 'not_covered', 'out_of_scope', 'advice'];
const SENDABLE = ['fallback', 'not_covered'];

/** Whether a reply is one that asks if it helped: never after safety or grief. @param {Reply} reply */
const isOrdinary = ({ kind, answer }) => kind === 'answer' && !/^(support|meta)/.test(String(answer));

/**
 * Return a message of the log. The sender's name stands outside the text, whose direction may differ.
 * What alerts by itself, or what the visitor wrote, is not announced by the log as well.
 * @param {'you' | 'program'} sender @param {boolean} announced @param {Element} card
 */
function message(sender, announced, card) {
  return element(`li.${sender}`, { 'aria-live': !announced && 'off' }, element('span.hidden', say(sender)), card);
}

/** @param {string} text */
const questionItem = (text) => message('you', false, element('p.card', { dir: 'auto', tabindex: '-1' }, text));

/**
 * Return a reply as a message. A restored one alerts nobody: nothing new has happened.
 * @param {Reply} reply @param {(to: Choice) => void} choose
 * @param {{isRestored?: boolean, note?: string, tools?: any}} how
 */
function replyItem(reply, choose, { isRestored, note, tools }) {
  const isAlarm = ALARMS.includes(reply.kind);
  const said = wordsOf(reply);
  const next = ifPossible(() => choicesOf(reply, choose));
  const frame = [ifPossible(() => sourcesOf(reply)), tools, closingOf(reply)];
  // The frame never stands before a number to call, nor before the options of "which do you mean".
  const rest = isAlarm || reply.kind === 'choice' ? [next, frame] : [frame, next];
  const first = isAlarm ? alarmBox(reply, said, isRestored) : [note && element('p.quiet', note), said];
  const card = element('div.card', { 'data-kind': String(reply.kind) }, [first, rest].flat(3));
  return message('program', !isAlarm, card);
}

/** Return the title and the paragraphs. @param {Reply} reply */
function wordsOf(reply) {
  const heading = isText(reply.title) && element('h3', { dir: 'auto' }, String(reply.title));
  return [heading, textsOf(reply).map((each) => paragraph(each))].flat();
}

/** @param {unknown} value */
const isText = (value) => typeof value === 'number' || (typeof value === 'string' && value);

/** Return the paragraphs, or the bare text of a reply without. @param {Reply} reply @returns {string[]} */
function textsOf({ paragraphs, text }) {
  const texts = [paragraphs].flat().filter(isText);
  return (texts.length ? texts : [text].filter(isText)).map(String);
}

/** Return what alerts: the lines to use first, then the words. @param {Reply} reply @param {any[]} said */
function alarmBox(reply, said, isRestored = false) {
  const lines = textsOf(reply).flatMap((text) => cutAtNumbers(text).map(({ line }) => line));
  const ways = [...new Set(lines)].flatMap((line) => line && waysOf(line));
  return element('div.alarm', { tabindex: '-1', role: !isRestored && 'alert' },
    element('p.first', say('first')), element('p.calls', ways), said);
}

/** @param {Reply} reply */
function sourcesOf({ sources }) {
  if (!sources?.length) return;
  const items = sources.map(({ url, title, heading }) => {
    return element('li', webLink('a', url, title), isText(heading) && `: ${heading}`);
  });
  return element('details', element('summary', say('sources')), element('ul', items));
}

/** Return the pointer to a consultation, then the disclaimer. @param {Reply} reply */
function closingOf({ disclaimer, consultation: visit }) {
  return [ifPossible(() => visit && visitBox(visit)), isText(disclaimer) && paragraph(disclaimer, 'p.quiet')];
}

/** @param {Visit} visit */
function visitBox({ text, url, label, phone }) {
  const book = isText(label) && webLink('a.button', url, label);
  const call = isText(phone) && callLink('a.number', phone);
  return element('div.visit', isText(text) && paragraph(text), element('p.ways', book, book && call && say('or_call'), call));
}

/** @param {Reply} reply @param {(to: Choice) => void} choose */
function choicesOf({ kind, next }, choose) {
  return next?.length && choiceList(say(kind === 'answer' ? 'next' : 'options'), next, choose);
}

/**
 * Return a label, and a list of buttons.
 * @param {string} label @param {Choice[]} choices @param {(to: Choice) => void} choose
 */
function choiceList(label, choices, choose) {
  const items = choices.filter((to) => isText(to.label)).map((to) => {
    return element('li', button('button.choice', String(to.label), () => choose(to), { dir: 'auto' }));
  });
  return [element('p.label', { 'aria-hidden': 'true' }, label),
    element('ul.choices', { role: 'list', 'aria-label': label }, items)];
}
