// The element <clinic-chat>: the launcher, and the panel once it is opened. Whoever puts the script tag into a page gets
// one; `destroy()` takes it away and leaves nothing behind.

/** The script tag: what the site says by its data- attributes, and where the front server is. */
const SCRIPT = (({ dataset = {}, src = location.href }) => ({ dataset, origin: new URL(src).origin }))(
  /** @type {HTMLScriptElement} */ (document.currentScript ?? {}));

class ClinicChat extends HTMLElement {
  /** @type {?Panel} */
  panel = null;

  connectedCallback() {
    guarded(() => this.start())();
  }

  disconnectedCallback() {
    guarded(() => this.panel?.stop())();
  }

  start() {
    const settings = (this.settings = /** @type {Record<string, string | undefined>} */ ({ ...SCRIPT.dataset, ...this.dataset }));
    this.memory = new Memory(settings.keep !== 'off');
    this.memory.restore();
    this.panel = null;
    this.launcher = button(settings.label || say('label'), () => this.open(), { class: 'launcher', 'aria-haspopup': 'dialog' });
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [sheetOf(STYLES)];
    root.replaceChildren(this.launcher);
    this.toggleAttribute('at-start', settings.side === 'start');
    this.toggleAttribute('light', settings.theme === 'light');
    if (settings.accent) this.style.setProperty('--clinic-chat-accent', settings.accent);
    if (this.memory.kept.open ?? settings.open !== undefined) this.open(false);
  }

  /** Open the panel. `isAsked` is false where no visitor asked for it: the focus stays where it is. */
  open(isAsked = true) {
    if (!this.memory) return;
    this.panel ??= new Panel(/** @type {ShadowRoot} */ (this.shadowRoot), this.settings ?? {}, this.memory, () => this.closed());
    this.panel.open(isAsked);
    this.tellOpen(true);
  }

  /** Close the panel; the chat stays as it is. */
  close() {
    this.panel?.close();
  }

  closed() {
    this.tellOpen(false);
    this.launcher?.focus();
  }

  /** @param {boolean} isOpen */
  tellOpen(isOpen) {
    if (!this.memory || !this.launcher) return;
    this.launcher.hidden = isOpen;
    this.memory.kept.open = isOpen;
    this.memory.keep();
  }

  /** Take the widget away, with the chat and all that was kept of it, here and at the server. */
  destroy() {
    this.memory?.forget();
    const forgotten = this.panel?.forget();
    this.remove();
    return forgotten;
  }
}

guarded(() => {
  if (customElements.get('clinic-chat')) return; // the script tag stands in the page twice
  customElements.define('clinic-chat', ClinicChat);
  const place = () => document.querySelector('clinic-chat') ?? document.body.append(document.createElement('clinic-chat'));
  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', guarded(place));
  else place();
})();
