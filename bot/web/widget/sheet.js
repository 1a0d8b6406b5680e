// "My appointment sheet": answers and questions that the visitor collects, to print or to copy. Nothing is sent.

class Sheet {
  answers = element('ol.kept', { role: 'list' });
  questions = element('ol.kept', { role: 'list' });
  status = element('p', { role: 'status' });
  heading = element('h3', { tabindex: '-1' }, say('sheet_title'));
  box = /** @type {HTMLInputElement} */ (element('input', { id: 'new', maxlength: '300', spellcheck: 'false' }));

  /** @param {Memory} memory @param {() => void} changed */
  constructor(memory, changed) {
    this.memory = memory;
    this.changed = changed;
    this.view = element('div.view.sheet', { hidden: '' },
      this.heading, element('p.quiet.screen', say('sheet_note')), paragraph(say('sheet_clinic'), 'p.paper'),
      element('h4', say('sheet_questions')), this.questions,
      formOf(() => this.addTyped(), element('label', { for: 'new' }, say('sheet_new')),
        element('div.row', this.box, element('button', say('sheet_add')))),
      element('h4', say('sheet_answers')), this.answers,
      element('div.ways',
        button('button.primary', say('print'), () => print()), button('button', say('copy'), () => this.copy())),
      this.status,
      paragraph(WIDGET.frame.disclaimer, 'p.quiet'), paragraph(WIDGET.frame.emergency, 'p.paper'));
    this.fill();
  }

  get size() {
    const { answers, questions } = this.memory.kept.sheet;
    return answers.length + questions.length;
  }

  /** @param {Reply} reply */
  addAnswer({ answer, kind, title, paragraphs, sources }) {
    this.add(this.memory.kept.sheet.answers, { answer, kind, title, paragraphs, sources });
  }

  /** @param {string} text */
  addQuestion(text) {
    this.add(this.memory.kept.sheet.questions, { kind: '', text });
  }

  /** @param {Reply[]} kept @param {Reply} reply */
  add(kept, reply) {
    if (!kept.some((each) => nameOf(each) === nameOf(reply))) kept.push(reply);
    this.render();
  }

  addTyped() {
    const text = this.box.value.trim();
    if (text) this.addQuestion(text);
    this.box.value = '';
  }

  /** Show and keep what is on the sheet. */
  render() {
    if (this.size) this.memory.keep();
    this.fill();
    this.changed();
  }

  fill() {
    const { answers, questions } = this.memory.kept.sheet;
    this.list(this.answers, answers, 'sheet_no_answers');
    this.list(this.questions, questions, 'sheet_no_questions');
  }

  /**
   * Show what is kept, each with a button that takes it out.
   * @param {HTMLElement} list @param {Reply[]} kept @param {string} none what to say where there is none
   */
  list(list, kept, none) {
    const items = kept.map((each, place) => {
      const remove = button('button', say('sheet_remove'), () => {
        kept.splice(place, 1);
        this.memory.keep();
        this.render();
        this.heading.focus(); // the button that had the focus is gone
      }, { 'aria-label': `${say('sheet_remove')}: ${nameOf(each)}` });
      return element('li.card', wordsOf(each), sourceLines(each), remove);
    });
    list.replaceChildren(...(kept.length ? items : [element('li.quiet', say(none))]));
  }

  async copy() {
    // What is printed, as text.
    const printed = [...this.view.querySelectorAll('h3, h4, p:not(.screen, [role])')];
    const text = printed.map(({ textContent }) => textContent).join('\n\n');
    let result = 'copied';
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no leave to, or no secure connection
      result = 'not_copied';
    }
    this.status.textContent = say(result);
  }
}

/** @param {Reply} kept */
const nameOf = ({ title, text }) => String(title ?? text);

/** @param {Reply} kept */
function sourceLines({ sources = [] }) {
  return sources.map(({ title, heading }) => element('p.quiet', say('sheet_source', `${title}, ${heading}`)));
}
