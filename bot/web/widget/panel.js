// The panel: the way out and the emergency line, the three parts (chat, all answers, sheet), and what happens around it.

const EXIT_KEYS_MS = 5_000;
const FULL = '(max-width: 30em), (max-height: 30em)'; // the panel fills a small window
/** While the panel is open, printing the page prints the chat or the sheet alone. */
const ON_PAPER = '@media print { body :not(clinic-chat, clinic-chat *, :has(clinic-chat)) { display: none !important; } }';

class Panel {
  /**
   * @param {ShadowRoot} root @param {Record<string, string | undefined>} settings the data- attributes of the site
   * @param {Memory} memory @param {() => void} closed
   */
  constructor(root, settings, memory, closed) {
    this.memory = memory;
    this.closed = closed;
    this.life = new AbortController(); // ends every listener beyond the panel
    this.paper = sheetOf(ON_PAPER);
    this.shown = 'chat';
    this.parts = ['chat', 'answers', 'sheet'].map((name) => button(say(name), () => this.show(name), { value: name }));
    const server = (this.server = new Server((settings.server || SCRIPT.origin).replace(/\/$/, '')));
    const sheet = (this.sheet = new Sheet(memory, () => this.show()));
    const chat = (this.chat = new Chat(server, memory, sheet, settings.greeting || say('greeting')));
    const answers = (this.answers = new Browser(server, (to) => this.showChat(to)));
    chat.browse = () => this.show('answers');
    this.views = { chat, answers, sheet };
    const nav = element('nav', { 'aria-label': say('parts') }, ...this.parts);
    this.dialog = /** @type {HTMLDialogElement} */ (element('dialog', { 'aria-labelledby': 'heading', tabindex: '-1' },
      this.safetyBar(), this.header(settings), nav, chat.view, answers.view, sheet.view));
    root.append(this.dialog);
    this.listen();
    this.show();
  }

  /** @param {boolean} isAsked false where nobody asked for it: the focus stays where it is */
  open(isAsked) {
    this.arrange();
    // On a finger's device the box would bring the keyboard over the subjects.
    if (isAsked) (matchMedia('(pointer: coarse)').matches ? this.dialog : this.chat.box).focus();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.paper];
    guarded(() => this.server.load())();
  }

  close() {
    this.shut();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.paper);
    this.closed();
  }

  /** End everything that reaches beyond the panel. */
  stop() {
    this.chat.stop();
    this.life.abort();
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== this.paper);
  }

  /** Show the panel: beside the page, or in a small window over all of it, where the page must not be reached. */
  arrange() {
    this.shut();
    if (matchMedia(FULL).matches) this.dialog.showModal();
    else this.dialog.setAttribute('open', ''); // not show(), which would take the focus
    this.fit();
  }

  shut() {
    if (this.dialog.matches(':modal')) this.dialog.close();
    this.dialog.removeAttribute('open');
  }

  /** Always in view, and first in tab order: the way out, and the number to call. */
  safetyBar() {
    const leave = element('a', { class: 'leave', href: WIDGET.clinic.exit, rel: 'noreferrer' }, say('leave'));
    leave.addEventListener('click', (event) => { event.preventDefault(); this.leave(); });
    return element('div', { class: 'safety' }, leave, paragraph(WIDGET.frame.emergency));
  }

  /** @param {Record<string, string | undefined>} settings */
  header({ heading }) {
    const title = element('h2', { id: 'heading' }, heading || say('heading'));
    const close = button(say('close'), () => this.close(), { class: 'plain' });
    return element('header', {}, element('div', {}, title, element('p', { class: 'quiet' }, WIDGET.clinic.name)), close);
  }

  /** Show a part, or the part in view anew. @param {string} name */
  show(name = this.shown) {
    this.shown = name;
    for (const part of this.parts) {
      part.setAttribute('aria-current', String(part.value === name));
      this.views[/** @type {'chat'} */ (part.value)].view.hidden = part.value !== name;
    }
    const { size } = this.sheet;
    this.parts[2].textContent = say('sheet') + (size ? ` (${size})` : '');
    if (name === 'answers') return this.answers.render();
  }

  /** @param {Choice} to */
  showChat(to) {
    this.show('chat');
    return this.chat.choose(to);
  }

  listen() {
    this.hear(this.dialog, 'keydown', (event) => {
      if (event.key !== 'Escape' || event.isComposing) return;
      event.preventDefault();
      this.close();
    });
    this.hear(this.dialog, 'cancel', (event) => { event.preventDefault(); this.close(); });
    this.hear(window, 'online', () => this.chat.retry());
    this.hear(matchMedia(FULL), 'change', () => this.dialog.open && this.arrange());
    if (window.visualViewport) this.hear(window.visualViewport, 'resize', () => this.fit());
    this.watchForExitKeys();
  }

  /** @param {EventTarget} target @param {string} type @param {(event: any) => unknown} act */
  hear(target, type, act) {
    target.addEventListener(type, guarded(act), { signal: this.life.signal });
  }

  /** Keep a panel that fills the window above the keyboard of a telephone. */
  fit() {
    this.dialog.style.setProperty('--height', `${window.visualViewport?.height}px`);
  }

  // The way out

  leave() {
    const { exit } = WIDGET.clinic;
    try {
      document.title = new URL(exit).hostname;
      document.body.replaceChildren(); // first of all: the next page may be slow
      this.forget();
    } finally {
      location.replace(exit); // so that Back does not return here
    }
  }

  /** Forget the chat, here and at the server. */
  forget() {
    this.chat.stop();
    this.memory.forget();
    return this.server.forget();
  }

  /** Leave when Shift is pressed three times by itself; Escape would stop the loading of the next page. */
  watchForExitKeys() {
    let presses = /** @type {number[]} */ ([]);
    let isAlone = false;
    this.hear(window, 'keydown', ({ key, repeat }) => {
      if (key === 'Shift' && repeat) return;
      isAlone = key === 'Shift';
      if (!isAlone) presses = [];
    });
    this.hear(window, 'pointerdown', () => { isAlone = false; });
    this.hear(window, 'keyup', ({ key, timeStamp }) => {
      if (key !== 'Shift' || !isAlone || !this.dialog.open) return;
      presses = [...presses.filter((time) => timeStamp - time < EXIT_KEYS_MS), timeStamp];
      if (presses.length > 2) this.leave();
      else this.chat.tell(say('leave_more', 3 - presses.length));
    });
  }
}

/** @param {string} text */
function sheetOf(text) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  return sheet;
}
