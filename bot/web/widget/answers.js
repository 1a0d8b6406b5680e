// Every answer by subject, from the copy: to be opened without typing, also while the server cannot be reached.

class Browser {
  /** @param {Server} server @param {(to: Choice) => void} choose */
  constructor(server, choose) {
    this.server = server;
    this.choose = choose;
    this.content = element('div', { class: 'subjects' });
    this.view = element('div', { class: 'view browse', hidden: '' }, element('h3', {}, say('browse')),
      element('p', { class: 'quiet' }, say('browse_note')), this.content);
  }

  /** Show the answers, once they are here. */
  async render() {
    if (this.content.querySelector('details')) return;
    this.content.replaceChildren(element('p', { role: 'status' }, say('loading')));
    try {
      await this.server.load();
      this.content.replaceChildren(...this.subjects());
    } catch {
      const again = button(say('try_again'), () => this.render());
      this.content.replaceChildren(element('p', { role: 'alert' }, say('not_loaded')), again);
    }
  }

  subjects() {
    const answers = [...this.server.copy.values()];
    return WIDGET.subjects.map(([choice, label]) => {
      const facet = choice.replace(/[^/]*$/, ''); // 'causes/overview' stands for all of 'causes/'
      const choices = answers.filter(({ answer }) => answer?.startsWith(facet)).map(({ title, answer }) => ({ label: String(title), choice: String(answer) }));
      return element('details', {}, element('summary', {}, label), choiceList(label, choices, this.choose));
    });
  }
}
