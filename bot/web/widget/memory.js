// What a reload of the page keeps: in sessionStorage, which ends with the tab. Nothing else is ever stored.

const STORE = 'clinic-chat';
const IDLE_MS = 30 * 60_000; // a chat left alone for longer is not restored
const MAX_SHOWN = 100; // messages kept; a browser gives few megabytes

class Memory {
  isOn = true; // else a reload begins a new chat
  kept = fresh();

  keep() {
    const shown = this.kept.shown.slice(-MAX_SHOWN);
    if (this.isOn) withStorage((tab) => tab.setItem(STORE, JSON.stringify({ ...this.kept, shown, at: Date.now() })));
  }

  restore() {
    withStorage((tab) => {
      const kept = JSON.parse(tab.getItem(STORE) ?? '{}');
      const { shown, sheet } = kept;
      const isWhole = [shown, sheet?.answers, sheet?.questions].every(Array.isArray);
      if (this.isOn && isWhole && Date.now() - kept.at < IDLE_MS) this.kept = kept;
      else tab.removeItem(STORE);
    });
  }

  forget() {
    this.kept = { ...fresh(), open: this.kept.open };
    withStorage((tab) => tab.removeItem(STORE));
  }
}

/** @returns {Kept} */
const fresh = () => ({ conversation: null, shown: [], sheet: { answers: [], questions: [] } });

/** @param {(tab: Storage) => void} use */
function withStorage(use) {
  try {
    use(sessionStorage);
  } catch {
    // Storage is blocked, full, or holds what an older widget left: the chat works, and a reload begins a new one.
  }
}
