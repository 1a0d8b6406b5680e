// The element <clinic-chat>: the launcher, and the panel once it is opened. Whoever puts the script tag into a page
// gets one; `destroy()` takes it away and leaves nothing behind.

/** The script tag: the site says what it wants by data- attributes, and its address is the front server's. */
const SCRIPT = /** @type {HTMLScriptElement} */ (document.currentScript ?? { src: location.href });

class ClinicChat extends HTMLElement {
  /** @type {?Panel} */
  panel = null;
  memory = new Memory();
  life = new AbortController(); // ends the listener on the window
  launcher = button('button.launcher', '', () => this.open(), { 'aria-haspopup': 'dialog' });

  connectedCallback() {
    guarded(() => this.start())();
  }

  disconnectedCallback() {
    guarded(() => this.stop())();
  }

  start() {
    const styles = sheetOf(STYLES); // an old browser fails here, and goes on showing what the site put inside
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const first = document.querySelector('clinic-chat');
    if (first && first !== this) return root.replaceChildren(); // one chat in a page is enough
    Object.assign(this.dataset, { ...SCRIPT.dataset, ...this.dataset });
    const { accent, keep, label, open } = this.dataset;
    this.lang = WIDGET.lang;
    if (accent) this.style.setProperty('--clinic-chat-accent', accent);
    this.memory.isOn = keep !== 'off';
    this.memory.restore();
    this.panel = null;
    this.launcher.textContent = label || say('label');
    this.launcher.hidden = false;
    root.adoptedStyleSheets = [styles];
    root.replaceChildren(this.launcher);
    this.life = new AbortController();
    on(window, 'pageshow', ({ persisted }) => persisted && this.restart(), this.life.signal);
    if (this.memory.kept.open ?? open !== undefined) this.open(false);
  }

  /** A page that "Back" brings as it was left shows the chat as it is by now: longer, or cleared. */
  restart() {
    this.stop();
    this.memory = new Memory();
    this.start();
  }

  stop() {
    this.life.abort();
    this.panel?.stop();
  }

  /** Open the panel. `isAsked` is false where no visitor asked for it: the focus stays where it is. */
  open(isAsked = true) {
    this.panel ??= new Panel(this.dataset, this.memory, () => this.tell(false));
    this.shadowRoot?.append(this.panel.dialog);
    this.panel.open(isAsked);
    this.tell(true);
  }

  /** Close the panel; the chat stays as it is. */
  close() {
    this.panel?.close();
  }

  /** Show, keep and focus what goes with an open or closed panel. @param {boolean} isOpen */
  tell(isOpen) {
    this.memory.kept.open = isOpen;
    this.memory.keep();
    this.launcher.hidden = isOpen;
    if (!isOpen) this.launcher.focus();
  }

  /** Take the widget away, with the chat and all that was kept of it, here and at the server. */
  destroy() {
    this.memory.forget();
    const forgotten = this.panel?.forget();
    this.remove();
    return forgotten;
  }
}

guarded(() => {
  if (customElements.get('clinic-chat')) return; // the script tag stands in the page twice
  customElements.define('clinic-chat', ClinicChat);
  const place = () => document.querySelector('clinic-chat') ?? document.body.append(element('clinic-chat'));
  if (document.readyState === 'loading') on(document, 'DOMContentLoaded', place);
  else place();
})();
