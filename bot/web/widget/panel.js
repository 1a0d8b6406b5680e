// The panel: the way out and the emergency line, the parts (chat, all answers, sheet), and what happens around it.

const EXIT_KEYS_MS = 5_000;
/** A small window, which the panel fills. */
const FULL = matchMedia('(max-width: 30em), (max-height: 30em)');
/** While the panel is open, printing the page prints the chat or the sheet alone. */
const ON_PAPER = '@media print{body :not(clinic-chat,clinic-chat *,:has(clinic-chat)){display:none!important}}';

/** What is left of the window beside a telephone's keyboard. */
const viewport = /** @type {VisualViewport} */ (window.visualViewport);

class Panel {
  life = new AbortController(); // ends every listener beyond the panel
  paper = sheetOf(ON_PAPER);
  shown = 'chat';

  /**
   * @param {DOMStringMap} settings the data- attributes of the site @param {Memory} memory @param {() => void} closed
   */
  constructor(settings, memory, closed) {
    this.memory = memory;
    this.closed = closed;
    this.parts = ['chat', 'answers', 'sheet']
      .map((value) => button('button', say(value), () => this.show(value), { value }));
    this.server = new Server(new URL(settings.server || SCRIPT.src).origin);
    this.sheet = new Sheet(memory, () => this.show());
    this.chat = new Chat(this.server, memory, this.sheet, settings.greeting || say('greeting'));
    this.browser = new Browser(this.server, (to) => {
      this.show('chat');
      return this.chat.choose(to);
    });
    this.views = [this.chat, this.browser, this.sheet].map(({ view }) => view);
    this.dialog = /** @type {HTMLDialogElement} */ (element('dialog', { 'aria-labelledby': 'heading', tabindex: '-1' },
      this.safetyBar(), element('h2', { id: 'heading' }, settings.heading || say('heading')), this.header(),
      this.views));
    this.listen();
    this.show();
  }

  /** @param {boolean} isAsked false where nobody asked for it: the focus stays where it is */
  open(isAsked) {
    this.arrange();
    // On a finger's device the box would bring the keyboard over the subjects.
    const isBoxFirst = this.shown === 'chat' && !matchMedia('(pointer: coarse)').matches;
    if (isAsked) (isBoxFirst ? this.chat.box : this.dialog).focus();
    this.chat.bring(/** @type {Element} */ (this.chat.list.lastChild)); // not the beginning of a chat that goes on
    this.onPaper(this.paper);
    guarded(() => this.server.load())();
  }

  close() {
    this.shut();
    this.onPaper();
    this.closed();
  }

  /** End everything that reaches beyond the panel. */
  stop() {
    this.chat.keepText();
    this.chat.stop();
    this.life.abort();
    this.onPaper();
  }

  /** @param {CSSStyleSheet[]} own what the page is printed with, beside the site's own */
  onPaper(...own) {
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((sheet) => sheet !== this.paper), ...own];
  }

  /**
   * Show the panel: beside the page, or in a small window over all of it, where the page must not be reached. Who types
   * while the window changes goes on typing.
   */
  arrange() {
    const { activeElement } = /** @type {Document | ShadowRoot} */ (this.dialog.getRootNode());
    this.shut();
    if (FULL.matches) {
      this.dialog.showModal();
      this.dialog.focus(); // else the way out would have it
    } else this.dialog.setAttribute('open', ''); // not show(), which would take the focus
    /** @type {?HTMLElement} */ (activeElement)?.focus();
    this.fit();
  }

  shut() {
    if (this.dialog.matches(':modal')) this.dialog.close();
    this.dialog.removeAttribute('open');
  }

  /** Always in view, and first in tab order: the way out, and the number to call. */
  safetyBar() {
    const leave = element('a.leave', { href: WIDGET.clinic.exit, rel: 'noreferrer' }, say('leave'));
    on(leave, 'click', instead(() => this.leave()));
    return element('div.safety', leave, paragraph(WIDGET.frame.emergency));
  }

  header() {
    return element('div.top', element('nav', { 'aria-label': say('parts') }, this.parts),
      button('button.plain', say('close'), () => this.close()));
  }

  /** Show a part, or the part in view anew. @param {string} name */
  show(name = this.shown) {
    this.shown = name;
    this.parts.forEach((part, i) => {
      part.setAttribute('aria-current', String(part.value === name));
      this.views[i].hidden = part.value !== name;
    });
    const { size } = this.sheet;
    this.parts[2].textContent = say('sheet') + (size ? ` (${size})` : '');
    if (name === 'answers') return this.browser.render();
  }

  listen() {
    /** @type {(target: EventTarget, type: string, act: (event: any) => unknown) => void} */
    const hear = (...what) => on(...what, this.life.signal);
    const close = instead(() => this.close());
    hear(this.dialog, 'keydown', (event) => event.key === 'Escape' && !event.isComposing && close(event));
    hear(this.dialog, 'cancel', close); // the "back" of a telephone
    hear(window, 'online', () => this.chat.retry());
    hear(window, 'pagehide', () => this.chat.keepText());
    hear(FULL, 'change', () => this.dialog.open && this.arrange());
    hear(viewport, 'resize', () => this.fit());
    this.hearExitKeys(hear);
  }

  /** Keep a panel that fills the window above the keyboard of a telephone, and as it is when fingers enlarge the page. */
  fit() {
    this.dialog.style.setProperty('--height', `${viewport.height * viewport.scale}px`);
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
    this.chat.empty();
    this.memory.forget();
    return this.server.forget();
  }

  /**
   * Leave when Shift is pressed three times by itself; Escape would stop the loading of the next page.
   * @param {(target: EventTarget, type: string, act: (event: any) => unknown) => void} hear
   */
  hearExitKeys(hear) {
    let presses = /** @type {number[]} */ ([]);
    let isAlone = false;
    hear(window, 'keydown', ({ key, repeat }) => {
      isAlone = key === 'Shift' && (isAlone || !repeat);
      if (!isAlone) presses = [];
    });
    hear(window, 'pointerdown', () => { isAlone = false; });
    hear(window, 'keyup', ({ key, timeStamp }) => {
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
