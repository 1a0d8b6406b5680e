// Every answer by subject, from the copy: to be opened without typing, also while the server cannot be reached.

class Browser {
  content = element('div.subjects');
  view = element('div.view.browse', { hidden: '' },
    element('h3', say('browse')), element('p.quiet', say('browse_note')), this.content);

  /** @param {Server} server @param {(to: Choice) => void} choose */
  constructor(server, choose) {
    this.server = server;
    this.choose = choose;
  }

  /** Show the answers, once they are here. */
  async render() {
    if (this.content.querySelector('details')) return;
    try {
      this.content.replaceChildren(element('p', { role: 'status' }, say('waiting')));
      await this.server.load();
      this.content.replaceChildren(...WIDGET.subjects.map(([choice, label]) => this.subject(choice, label)));
    } catch {
      const again = button('button', say('try_again'), () => this.render());
      this.content.replaceChildren(element('p', { role: 'alert' }, say('not_loaded')), again);
    }
  }

  /** @param {string} choice such as 'causes/overview', which stands for all of 'causes/' @param {string} label */
  subject(choice, label) {
    const choices = [...this.server.copy].filter(([id]) => id.startsWith(choice.replace(/[^/]*$/, '')))
      .map(([id, { title }]) => ({ label: String(title), choice: id }));
    return element('details.card', element('summary', label), choiceList(label, choices, this.choose)[1]);
  }
}
