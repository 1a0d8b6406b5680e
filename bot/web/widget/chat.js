// The chat: the log of messages and the box. Asks the server, and when that fails says so, keeps the visitor's words,
// tries again, and answers a choice from the copy.

const RETRY_AFTER_MS = [3_000, 8_000, 20_000, 60_000]; // the last one again and again
const SLOW_MS = 2_000; // then what the browser itself knows of danger is shown

/** @typedef {{question: Question, asked: HTMLElement, card: HTMLElement, tries: number, timer?: number}} Failure */

class Chat {
  /** What is being answered, if anything. @type {?Question} */
  request = null;
  /** Set while "Try again" is shown. @type {?Failure} */
  failure = null;
  /** What the browser itself showed of danger, until the server has answered. @type {?HTMLElement} */
  early = null;
  list = element('ol', { role: 'list' });
  log = element('div', { role: 'log', tabindex: '0', 'aria-label': say('conversation') }, this.list);
  status = element('p', { role: 'status' });
  // No spelling check: some browsers send the text to their maker for it.
  box = /** @type {HTMLTextAreaElement} */ (element('textarea', {
    id: 'text', rows: '1', spellcheck: 'false', enterkeyhint: 'send', 'aria-describedby': 'privacy',
    'aria-label': say('question'), placeholder: say('question'),
  }));
  sendButton = element('button.primary', say('send'));

  /** @param {Server} server @param {Memory} memory @param {Sheet} sheet @param {string} greeting */
  constructor(server, memory, sheet, greeting) {
    this.server = server;
    this.memory = memory;
    this.sheet = sheet;
    this.greeting = greeting;
    this.view = element('div.view.chat', this.log, this.makeForm());
    this.list.append(this.opening());
    this.restore();
  }

  // Asking

  /** @param {Question} question */
  ask(question) {
    if (this.request) return;
    this.dropFailure();
    const asked = questionItem(question.label);
    this.list.append(asked);
    this.bring(asked);
    this.emptyBox(question);
    return this.attempt(question, asked);
  }

  /** @param {Choice} to */
  choose({ label, choice }) {
    if (this.request) return;
    const answered = this.ask({ label, sent: { choice } });
    focusOn(this.list.lastElementChild); // the tapped button may be far above by now
    return answered;
  }

  /** @param {Question} question @param {HTMLElement} asked */
  async attempt(question, asked) {
    const request = (this.request = { ...question }); // the same question may be asked again
    const danger = 'text' in question.sent ? dangerIn(question.sent.text) : undefined;
    const slow = setTimeout(() => this.request === request && this.warn(danger), SLOW_MS);
    this.status.textContent = say('waiting');
    // Not `disabled`, which would drop the focus; ask() turns a second question away.
    this.sendButton.setAttribute('aria-disabled', 'true');
    try {
      const { conversation, replies } = await this.server.ask(question.sent);
      if (this.request !== request) return await this.dropLate(conversation);
      this.server.conversation = conversation;
      if (replies[0].kind === 'unavailable') throw new Error();
      this.answer(question, asked, replies);
    } catch (error) {
      if ('choice' in question.sent) await this.server.load().catch(() => {}); // it may have failed at first
      if (this.request === request) this.fail(question, asked, danger, error);
    } finally {
      clearTimeout(slow);
      if (this.request === request) this.stopWaiting();
    }
  }

  /** An answer that nobody waits for: have a chat forgotten that was cleared or started over meanwhile. @param {string} id */
  dropLate(id) {
    if (id !== this.memory.kept.conversation) return this.server.forget(id);
  }

  /** @param {Question} question @param {HTMLElement} asked @param {Reply[]} replies */
  answer(question, asked, replies, note = '') {
    const items = replies.map((reply) => this.replyItem(reply, { note, question }));
    const alarm = items.map((item) => item.querySelector('.alarm')).find(Boolean);
    if (alarm) this.early?.remove(); // the server knows better which one
    this.early = null;
    this.log.setAttribute('aria-live', 'polite');
    this.list.append(...items);
    this.memory.kept.shown.push({ you: question.label }, ...replies);
    this.remember();
    this.dropCard();
    this.emptyBox(question);
    this.bring(alarm?.parentElement ?? asked);
    focusOn(alarm);
  }

  /** @param {Reply} reply @param {{note?: string, isRestored?: boolean, question?: Question}} how */
  replyItem(reply, { question, ...how } = {}) {
    const text = question && 'text' in question.sent && question.sent.text;
    const tools = [
      reply.kind === 'answer' && this.keepButton('keep', () => this.sheet.addAnswer(reply)),
      text && UNANSWERED.includes(reply.kind) && this.keepButton('keep_question', () => this.sheet.addQuestion(text)),
      text && SENDABLE.includes(reply.kind) && this.sender(text),
      question && !how.note && isOrdinary(reply) && !this.list.querySelector('.alarm') && this.helped(reply),
    ];
    return replyItem(reply, (to) => this.choose(to), { ...how, tools });
  }

  /** @param {string} label @param {() => void} add */
  keepButton(label, add) {
    const keep = button('button.keep', say(label), () => {
      add();
      keep.textContent = say('kept');
      this.tell(say('kept'));
    });
    return keep;
  }

  /** Return the question whether an answer helped. A tap is counted, and nothing else is sent. @param {Reply} reply */
  helped({ answer }) {
    /** @param {string} label @param {boolean} helpful */
    const tap = (label, helpful) => button('button.plain', label, () => {
      box.replaceChildren(say('thanks'));
      box.focus();
      return this.server.post('feedback', { answer, helpful });
    });
    const label = say('helped');
    const box = element('div.ways.quiet', { role: 'group', 'aria-label': label, tabindex: '-1' }, label,
      tap(say('yes'), true), tap(say('no'), false));
    return box;
  }

  /** Return what sends a question to the clinic: the first tap shows what would be sent. @param {string} text */
  sender(text) {
    const first = () => button('button', say('send_question'), () => step('?preview=1'));
    const box = element('div.visit', { tabindex: '-1' }, first());
    /** @param {string} query */
    const step = async (query) => {
      box.replaceChildren(say('waiting'));
      box.focus();
      try {
        const { reply, text: shown, notice } = await this.server.post(`questions${query}`, { text });
        box.replaceChildren(element('q', { dir: 'auto' }, shown), paragraph(notice),
          query && button('button.primary', say('send_shown'), () => step('')));
        this.warn(reply);
      } catch (error) {
        box.replaceChildren(paragraph(error instanceof Refusal ? error.message : say('not_sent')), first());
      }
    };
    return box;
  }

  // Failing

  /** Show what the browser itself knows of danger, once. @param {Reply | undefined} danger */
  warn(danger) {
    if (!danger || this.early) return;
    this.early = this.replyItem(danger);
    this.list.append(this.early);
    this.bring(this.early);
    focusOn(this.early.querySelector('.alarm'));
  }

  /**
   * Answer a choice from the copy. For a text say what is wrong, keep the words, and try again.
   * @param {Question} question @param {HTMLElement} asked @param {Reply | undefined} danger @param {unknown} reason
   */
  fail(question, asked, danger, reason) {
    const copied = 'choice' in question.sent && this.server.copy.get(question.sent.choice);
    if (copied) return this.answer(question, asked, [copied], say('from_copy'));
    this.warn(danger);
    const failure = (this.failure ??= this.showFailure(question, asked, reason));
    const wait = RETRY_AFTER_MS[failure.tries++] ?? RETRY_AFTER_MS.at(-1);
    if (!(reason instanceof Refusal)) failure.timer = window.setTimeout(() => this.retry(), wait);
  }

  /** @param {Question} question @param {HTMLElement} asked @param {unknown} reason @returns {Failure} */
  showFailure(question, asked, reason) {
    const refused = reason instanceof Refusal && reason.message.replace(WIDGET.frame.emergency, '');
    const text = 'text' in question.sent ? question.sent.text : '';
    this.box.value ||= text;
    const isInBox = text && this.box.value === text;
    const why = [refused || say(navigator.onLine ? 'unreachable' : 'offline'), isInBox && say('in_box')];
    // Beside a warning of danger it does not alert: that one must be heard.
    const alert = element('div', { role: !this.early && 'alert' },
      [why.filter(Boolean).join(' '), WIDGET.frame.emergency, say('meanwhile')].map((text) => paragraph(text)));
    const again = button('button.primary', say('try_again'), () => this.retry());
    const card = message('program', false, element('div.card', { 'data-kind': 'error' }, alert, again));
    this.list.append(card);
    if (!this.early) this.bring(asked);
    return { question, asked, card, tries: 0 };
  }

  retry() {
    if (!this.failure || this.request) return;
    clearTimeout(this.failure.timer);
    return this.attempt(this.failure.question, this.failure.asked);
  }

  dropCard() {
    if (!this.failure) return;
    const { card, asked, timer } = this.failure;
    clearTimeout(timer);
    if (card.matches(':focus-within')) focusOn(asked);
    card.remove();
    this.failure = null;
  }

  /** Give up a question that could not be answered; it is shown again when it is sent again. */
  dropFailure() {
    this.failure?.asked.remove();
    this.dropCard();
    this.early = null;
  }

  // Keeping and forgetting

  remember() {
    this.memory.kept.conversation = this.server.conversation;
    this.memory.keep();
  }

  restore() {
    const { conversation, shown, draft } = this.memory.kept;
    this.server.conversation = conversation;
    this.box.value = draft ?? '';
    if (shown.length) this.log.setAttribute('aria-live', 'off'); // until the next question: nothing new has happened
    for (const each of shown) guarded(() => this.list.append(this.restoredItem(each)))();
  }

  /** @param {Reply | {you: string}} each */
  restoredItem(each) {
    return 'you' in each ? questionItem(each.you) : this.replyItem(each, { isRestored: true });
  }

  /** Keep what was typed, or asked and not answered yet, for the next page. */
  keepText() {
    const { sent } = this.request ?? {};
    const draft = this.box.value || (sent && 'text' in sent ? sent.text : '');
    if (draft === (this.memory.kept.draft ?? '')) return;
    this.memory.kept.draft = draft;
    this.memory.keep();
  }

  /** Let go of a reply that is on its way, and of a question that could not be answered. */
  stop() {
    this.stopWaiting();
    this.dropFailure();
  }

  /** Let go of the text in the box too. */
  empty() {
    this.stop();
    this.box.value = '';
  }

  /** Begin with a new subject: what was said stays to be read, but no longer counts. */
  startOver() {
    this.stop();
    const forgotten = this.list.querySelector('.alarm') || this.server.forget(); // it says the number on and on
    const item = this.opening();
    this.list.append(item);
    this.remember();
    this.bring(item);
    this.tell(say('started_over'));
    return forgotten;
  }

  /** Forget everything: here at once, and at the server. */
  async clear() {
    this.empty();
    this.memory.forget();
    this.sheet.render();
    this.list.replaceChildren(this.opening());
    this.tell(say((await this.server.forget()) ? 'cleared' : 'cleared_here'));
  }

  // Showing

  opening() {
    const subjects = WIDGET.subjects.map(([choice, label]) => ({ label, choice }));
    return message('program', true, element('div.card.opening',
      paragraph(this.greeting), paragraph(say('purpose')), choiceList(say('pick'), subjects, (to) => this.choose(to)),
      [WIDGET.frame.disclaimer, say('leave_note')].map((text) => paragraph(text, 'p.quiet'))));
  }

  /**
   * Bring an item to the top of what scrolls: the log, or in a low window the view. Of a long question the end is
   * enough, so that its answer is in view too.
   * @param {Element} item
   */
  bring(item) {
    for (const box of [this.log, this.view]) {
      const { top, height } = item.getBoundingClientRect();
      const above = item.matches('.you') ? Math.max(0, height - box.clientHeight / 3) : 0;
      box.scrollTop += top + above - box.getBoundingClientRect().top - 12;
    }
  }

  stopWaiting() {
    this.request = null;
    this.status.textContent = '';
    this.sendButton.removeAttribute('aria-disabled');
  }

  /** Have a screen reader say `text`, unless an answer is awaited. @param {string} text */
  tell(text) {
    if (!this.request) this.status.textContent = text;
  }

  // Typing

  makeForm() {
    const send = () => this.sendText();
    on(this.box, 'keydown', (event) => {
      // A key that is held sends once.
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) instead(() => event.repeat || send())(event);
    });
    // The second of a double click neither sends nor takes the focus from an answer that came in between.
    for (const type of ['mousedown', 'click']) on(this.sendButton, type, (event) => event.detail > 1 && event.preventDefault());
    return formOf(send, this.status,
      element('div.row', this.box, this.sendButton),
      element('p.quiet', { id: 'privacy' }, WIDGET.frame.privacy),
      element('div.links', button('button.plain', say('start_over'), () => this.startOver()),
        button('button.plain', say('clear'), () => this.clear())));
  }

  sendText() {
    const text = this.box.value.trim();
    if (text && this.failure?.question.label === text) return this.retry();
    if (text) return this.ask({ label: text, sent: { text } });
    this.tell(say('blank'));
    this.box.focus();
  }

  /** Empty the box, unless it holds another text by now. @param {Question} question */
  emptyBox({ label }) {
    if (this.box.value.trim() === label) this.box.value = '';
  }

}

/** Focus an item, or what can have the focus in it. @param {?Element} [item] */
function focusOn(item) {
  const target = item?.matches('[tabindex]') ? item : item?.querySelector('[tabindex]');
  /** @type {?HTMLElement | undefined} */ (target)?.focus({ preventScroll: true });
}
