// "My appointment sheet": answers and questions that the visitor collects, to print or to copy. Nothing is sent.

class Sheet {
  /** @param {Memory} memory @param {() => void} changed */
  constructor(memory, changed) {
    this.memory = memory;
    this.changed = changed;
    this.answers = element('ol', { class: 'kept', role: 'list' });
    this.questions = element('ol', { class: 'kept', role: 'list' });
    this.status = element('p', { role: 'status' });
    this.heading = element('h3', { tabindex: '-1' }, say('sheet_title'));
    this.text = /** @type {HTMLTextAreaElement} */ (element('textarea', { readonly: '', rows: '6', hidden: '', 'aria-label': say('sheet_title') }));
    this.view = this.makeView();
    this.fill();
  }

  get content() {
    return this.memory.kept.sheet;
  }

  get size() {
    return this.content.answers.length + this.content.questions.length;
  }

  /** @param {Reply} reply */
  addAnswer({ answer, kind, title, paragraphs, sources }) {
    if (this.content.answers.some((kept) => kept.answer === answer)) return;
    this.content.answers.push({ answer, kind, title, paragraphs, sources });
    this.save();
  }

  /** @param {string} text */
  addQuestion(text) {
    if (!this.content.questions.includes(text)) this.content.questions.push(text);
    this.save();
  }

  save() {
    this.memory.keep();
    this.render();
  }

  render() {
    this.fill();
    this.changed();
  }

  fill() {
    const { answers, questions } = this.content;
    this.answers.replaceChildren(...answers.map((kept, i) => this.answerItem(kept, i)));
    this.questions.replaceChildren(...questions.map((text, i) => this.questionItem(text, i)));
    if (!answers.length) this.answers.append(element('li', { class: 'quiet' }, say('sheet_no_answers')));
    if (!questions.length) this.questions.append(element('li', { class: 'quiet' }, say('sheet_no_questions')));
  }

  /** @param {Reply} kept @param {number} place */
  answerItem(kept, place) {
    const parts = [...titleOf(kept), ...paragraphsOf(kept)];
    const from = sourceLines(kept).map((line) => element('p', { class: 'quiet' }, line));
    const remove = this.removeButton(String(kept.title), () => this.content.answers.splice(place, 1));
    return element('li', { class: 'card' }, ...parts, ...from, remove);
  }

  /** @param {string} text @param {number} place */
  questionItem(text, place) {
    const remove = this.removeButton(text, () => this.content.questions.splice(place, 1));
    return element('li', { class: 'card' }, element('p', { dir: 'auto' }, text), remove);
  }

  /** @param {string} name @param {() => void} remove */
  removeButton(name, remove) {
    return button(say('sheet_remove', name), () => {
      remove();
      this.save();
      this.heading.focus(); // the button that had the focus is gone
    }, { class: 'plain' });
  }

  makeView() {
    const ways = element('p', { class: 'ways' },
      button(say('print'), () => print(), { class: 'primary' }), button(say('copy'), () => this.copy()));
    return element('div', { class: 'view sheet', hidden: '' }, this.heading,
      element('p', { class: 'quiet screen' }, say('sheet_note')),
      paragraph(say('sheet_clinic'), { class: 'paper' }),
      element('h4', {}, say('sheet_questions')), this.questions, this.makeForm(),
      element('h4', {}, say('sheet_answers')), this.answers,
      ways, this.status, this.text,
      paragraph(WIDGET.frame.disclaimer, { class: 'quiet' }), paragraph(WIDGET.frame.emergency, { class: 'paper' }));
  }

  makeForm() {
    const box = /** @type {HTMLInputElement} */ (element('input', { id: 'new', maxlength: '300', autocomplete: 'off', spellcheck: 'false' }));
    const row = element('div', { class: 'row' }, box, element('button', { type: 'submit' }, say('sheet_add')));
    const form = element('form', { autocomplete: 'off', novalidate: '' }, element('label', { for: 'new' }, say('sheet_new')), row);
    form.addEventListener('submit', guarded((event) => {
      event.preventDefault();
      if (box.value.trim()) this.addQuestion(box.value.trim());
      box.value = '';
    }));
    return form;
  }

  /** Return the sheet as plain text. */
  asText() {
    const { answers, questions } = this.content;
    const said = answers.map((kept) => [kept.title, ...(kept.paragraphs ?? []), ...sourceLines(kept)].join('\n'));
    const asked = questions.map((text) => `- ${text}`);
    const parts = [say('sheet_title'), say('sheet_clinic'), [say('sheet_questions'), ...asked].join('\n'),
      say('sheet_answers'), ...said, WIDGET.frame.disclaimer, WIDGET.frame.emergency];
    return parts.join('\n\n');
  }

  async copy() {
    this.text.hidden = true;
    try {
      await navigator.clipboard.writeText(this.asText());
      this.status.textContent = say('copied');
    } catch { // no leave to, or no secure connection
      this.text.value = this.asText();
      this.text.hidden = false;
      this.text.select();
      this.text.focus();
      this.status.textContent = say('copy_yourself');
    }
  }
}

/** @param {Reply} kept */
const sourceLines = ({ sources = [] }) => sources.map(({ title, heading }) => say('sheet_source', `${title}, ${heading}`));
