// What a reload of the page keeps: in sessionStorage, which ends with the tab. Nothing else is ever stored.

const STORE = 'clinic-chat';
const IDLE_MS = 30 * 60_000; // a chat left alone for longer is not restored
const MAX_SHOWN = 100; // messages kept; a browser gives few megabytes

class Memory {
  /** @param {boolean} isOn false: a reload begins a new chat */
  constructor(isOn) {
    this.isOn = isOn;
    /** @type {Kept} */
    this.kept = { conversation: null, shown: [], sheet: { answers: [], questions: [] } };
  }

  keep() {
    if (!this.isOn) return;
    const shown = this.kept.shown.slice(-MAX_SHOWN);
    this.withStorage((storage) => storage.setItem(STORE, JSON.stringify({ ...this.kept, shown, at: Date.now() })));
  }

  restore() {
    this.withStorage((storage) => {
      const { at, ...kept } = JSON.parse(storage.getItem(STORE) ?? '{}');
      if (!this.isOn || !(Date.now() - at < IDLE_MS)) return storage.removeItem(STORE);
      if (Array.isArray(kept.shown) && Array.isArray(kept.sheet?.answers)) this.kept = kept;
    });
  }

  forget() {
    const { open } = this.kept;
    this.kept = { conversation: null, shown: [], sheet: { answers: [], questions: [] }, open };
    this.withStorage((storage) => storage.removeItem(STORE));
  }

  /** @param {(storage: Storage) => void} use */
  withStorage(use) {
    try {
      use(sessionStorage);
    } catch {
      // Storage is blocked, full, or holds what an older widget left: the chat works, and a reload begins a new one.
    }
  }
}
