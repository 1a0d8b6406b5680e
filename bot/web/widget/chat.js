// The chat: the log of messages and the box. Asks the server, and when that fails says so, keeps the visitor's words,
// tries again, and answers a choice from the copy.

const RETRY_AFTER_MS = [3_000, 8_000, 20_000];
const SLOW_MS = 2_000; // then what the browser itself knows of danger is shown
const COUNT_BELOW = 100; // characters left
const MAX_TEXT = 1_000; // as the contract has it

/** @typedef {{question: Question, asked: HTMLElement, card: HTMLElement, tries: number, timer?: number}} Failure */

class Chat {
  /** @param {Server} server @param {Memory} memory @param {Sheet} sheet @param {string} greeting */
  constructor(server, memory, sheet, greeting) {
    this.server = server;
    this.memory = memory;
    this.sheet = sheet;
    this.greeting = greeting;
    /** Set while an answer is awaited. @type {?AbortController} */
    this.request = null;
    /** Set while "Try again" is shown. @type {?Failure} */
    this.failure = null;
    /** What the browser itself showed of danger, until the server has answered. @type {?HTMLElement} */
    this.early = null;
    this.list = element('ol', { role: 'list' });
    this.log = element('div', { role: 'log', tabindex: '0', 'aria-label': say('conversation') }, this.list);
    this.status = element('p', { role: 'status' });
    // No spelling check: some browsers send the text to their maker for it.
    this.box = /** @type {HTMLTextAreaElement} */ (element('textarea', { id: 'text', rows: '1', maxlength: String(MAX_TEXT),
      autocomplete: 'off', spellcheck: 'false', enterkeyhint: 'send', 'aria-describedby': 'privacy count', placeholder: say('question') }));
    this.count = element('p', { id: 'count', class: 'quiet' });
    this.sendButton = element('button', { type: 'submit', class: 'primary' }, say('send'));
    /** Shows all answers; set by the panel. */
    this.browse = () => {};
    this.form = this.makeForm();
    this.view = element('div', { class: 'view chat' }, this.log, this.form);
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
    if (this.box.value.trim() === question.label) this.setText('');
    return this.attempt(question, asked);
  }

  /** @param {Choice} to */
  choose(to) {
    if (this.request) return;
    const answered = this.ask({ label: to.label, sent: { choice: to.choice } });
    this.focusOn(this.list.lastElementChild); // the tapped button may be far above by now
    return answered;
  }

  /** @param {Question} question @param {HTMLElement} asked */
  async attempt(question, asked) {
    const request = (this.request = new AbortController());
    const danger = 'text' in question.sent ? dangerIn(question.sent.text) : undefined;
    const slow = setTimeout(() => this.warn(danger), SLOW_MS);
    this.showWaiting();
    try {
      const replies = await this.server.ask(question.sent, request);
      if (this.request !== request) return; // cleared, started over, or left
      if (replies[0].kind === 'unavailable') this.fail(question, asked, danger, replies[0]);
      else this.answer(question, asked, replies);
    } catch (error) {
      if (this.request === request) this.fail(question, asked, danger, error);
    } finally {
      clearTimeout(slow);
      if (this.request === request) this.stopWaiting();
    }
  }

  /** @param {Question} question @param {HTMLElement} asked @param {Reply[]} replies */
  answer(question, asked, replies, note = '') {
    const items = replies.map((reply) => this.replyItem(reply, { note, about: question }));
    const alarm = items.map((item) => item.querySelector('.alarm')).find(Boolean);
    if (alarm) this.early?.remove(); // the server knows better which one
    this.early = null;
    this.log.setAttribute('aria-live', 'polite');
    this.list.append(...items);
    this.memory.kept.shown.push({ you: question.label }, ...replies);
    this.remember();
    if (this.failure) this.dropCard();
    if (this.box.value.trim() === question.label) this.setText('');
    this.bring(alarm?.parentElement ?? asked);
    this.focusOn(alarm);
  }

  /** @param {Reply} reply @param {{note?: string, restored?: boolean, about?: Question}} how */
  replyItem(reply, { note, restored, about }) {
    const text = about && 'text' in about.sent ? about.sent.text : '';
    const choose = (/** @type {Choice} */ to) => this.choose(to);
    const tools = [
      ...(reply.kind === 'answer' ? [this.keepButton('keep', () => this.sheet.addAnswer(reply))] : []),
      ...(text && UNANSWERED.includes(reply.kind)
        ? [this.keepButton('keep_question', () => this.sheet.addQuestion(text))]
        : []),
    ];
    return replyItem(reply, { note, restored, choose, tools });
  }

  /** @param {string} label @param {() => void} add */
  keepButton(label, add) {
    const keep = button(say(label), () => {
      add();
      keep.textContent = say('kept');
      this.tell(say('kept'));
    }, { class: 'keep' });
    return keep;
  }

  // Failing

  /** Show what the browser itself knows of danger, once. @param {Reply | undefined} danger */
  warn(danger) {
    if (!danger || this.early) return;
    this.early = this.replyItem(danger, {});
    this.list.append(this.early);
    this.bring(this.early);
    this.focusOn(this.early.querySelector('.alarm'));
  }

  /**
   * Answer a choice from the copy. For a text say what is wrong, keep the words, and try again.
   * @param {Question} question @param {HTMLElement} asked @param {Reply | undefined} danger @param {any} reason
   */
  fail(question, asked, danger, reason) {
    const copied = 'choice' in question.sent && this.server.copy.get(question.sent.choice);
    if (copied) return this.answer(question, asked, [copied], say('from_copy'));
    this.warn(danger);
    const failure = (this.failure ??= this.showFailure(question, asked, reason));
    const wait = RETRY_AFTER_MS[failure.tries++];
    if (wait && !(reason instanceof Refusal)) failure.timer = window.setTimeout(() => this.retry(), wait);
  }

  /** @param {Question} question @param {HTMLElement} asked @param {any} reason @returns {Failure} */
  showFailure(question, asked, reason) {
    const refused = reason instanceof Refusal && reason.message.replace(WIDGET.frame.emergency, '').trim();
    const why = refused || say(navigator.onLine ? 'unreachable' : 'offline');
    // Beside a warning of danger it does not alert: that one must be heard.
    const alert = element('div', { role: !this.early && 'alert' }, paragraph(why), paragraph(WIDGET.frame.emergency));
    const ways = [button(say('try_again'), () => this.retry(), { class: 'primary' })];
    if (this.server.copy.size) ways.push(button(say('look_yourself'), () => this.browse()));
    const card = message('program', false, element('div', { class: 'card', 'data-kind': 'error' }, alert, element('p', { class: 'ways' }, ...ways)));
    this.list.append(card);
    if ('text' in question.sent && !this.box.value) this.setText(question.sent.text);
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
    if (card.contains(this.focused())) this.focusOn(asked);
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
    const { conversation, shown } = this.memory.kept;
    this.server.conversation = conversation;
    if (!shown.length) return;
    this.log.setAttribute('aria-live', 'off'); // until the next question: nothing new has happened
    this.list.append(element('li', { class: 'quiet' }, say('restored')));
    for (const each of shown) guarded(() => this.list.append(this.restoredItem(each)))();
  }

  /** @param {Reply | {you: string}} each */
  restoredItem(each) {
    return 'you' in each ? questionItem(each.you) : this.replyItem(each, { restored: true });
  }

  /** Drop a reply that is on its way. */
  stop() {
    this.request?.abort();
    this.stopWaiting();
    clearTimeout(this.failure?.timer);
  }

  /** Begin with a new subject: what was said stays to be read, but no longer counts. */
  startOver() {
    this.stop();
    this.dropFailure();
    const forgotten = this.server.forget();
    const item = this.opening();
    this.list.append(item);
    this.remember();
    this.bring(item);
    this.tell(say('started_over'));
    return forgotten;
  }

  /** Forget everything: here at once, and at the server. */
  async clear() {
    this.stop();
    this.dropFailure();
    this.setText('');
    this.memory.forget();
    this.sheet.render();
    this.list.replaceChildren(this.opening());
    this.log.scrollTop = 0;
    const isForgotten = await this.server.forget();
    this.tell(say(isForgotten ? 'cleared' : 'cleared_here'));
  }

  // Showing

  opening() {
    const subjects = WIDGET.subjects.map(([choice, label]) => ({ label, choice }));
    const pick = element('p', { class: 'label', 'aria-hidden': 'true' }, say('pick'));
    const list = choiceList(say('pick'), subjects, (to) => this.choose(to));
    const card = element('div', { class: 'card opening' }, paragraph(this.greeting, { class: 'greeting' }), paragraph(say('purpose')), pick, list,
      paragraph(WIDGET.frame.disclaimer, { class: 'quiet' }), paragraph(say('leave_note'), { class: 'quiet' }));
    return message('program', true, card);
  }

  /** Bring an item to the top of what scrolls: the log, or in a low window the view. @param {Element | null} item */
  bring(item) {
    for (const box of [this.log, this.view]) {
      box.scrollTop += (item?.getBoundingClientRect().top ?? 0) - box.getBoundingClientRect().top - 12;
    }
  }

  /** @param {Element | null | undefined} item */
  focusOn(item) {
    const target = item?.matches('[tabindex]') ? item : item?.querySelector('[tabindex]');
    if (target instanceof HTMLElement) target.focus({ preventScroll: true });
  }

  focused() {
    const root = /** @type {ShadowRoot} */ (this.view.getRootNode());
    return root.activeElement;
  }

  showWaiting() {
    this.status.textContent = say('waiting');
    // Not `disabled`, which would drop the focus; ask() turns a second question away.
    this.sendButton.setAttribute('aria-disabled', 'true');
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
    const label = element('label', { for: 'text', class: 'hidden' }, say('question'));
    const row = element('div', { class: 'row' }, label, this.box, this.sendButton);
    const privacy = element('p', { id: 'privacy', class: 'quiet' }, WIDGET.frame.privacy);
    const links = element('div', { class: 'links' },
      button(say('start_over'), () => this.startOver(), { class: 'plain' }),
      button(say('clear'), () => this.clear(), { class: 'plain' }));
    const form = element('form', { autocomplete: 'off', novalidate: '' }, this.status, row, this.count, privacy, links);
    form.addEventListener('submit', guarded((event) => { event.preventDefault(); return this.sendText(); }));
    this.box.addEventListener('input', guarded(() => this.showCount()));
    this.box.addEventListener('keydown', guarded((event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      return this.sendText();
    }));
    return form;
  }

  sendText() {
    const text = this.box.value.trim();
    if (!text) {
      this.tell(say('blank'));
      return this.box.focus();
    }
    if (this.failure?.question.label === text) return this.retry();
    return this.ask({ label: text, sent: { text } });
  }

  showCount() {
    const left = MAX_TEXT - this.box.value.length;
    this.count.textContent = left <= COUNT_BELOW ? say('left', left) : '';
  }

  /** @param {string} text */
  setText(text) {
    this.box.value = text;
    this.showCount();
  }
}
