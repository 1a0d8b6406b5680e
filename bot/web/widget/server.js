// Talking to the front server: a turn, the copy of the answers, and forgetting. Nothing is sent anywhere else.

const TIMEOUT_MS = 10_000; // twice what the front server waits for the bot behind it

/** A refusal that the server explains in words for the visitor. */
class Refusal extends Error {}

class Server {
  /** @param {string} base the address of the front server, without a slash at its end */
  constructor(base) {
    this.base = base;
    /** The id of this chat, once the server has issued one. @type {?string} */
    this.conversation = null;
    /** The answers by id, for when the server cannot be reached. @type {Map<string, Reply>} */
    this.copy = new Map();
  }

  /**
   * Return the replies. Throws Refusal for a 4xx with a message, another error where no answer is to be had.
   * @param {Question['sent']} sent @param {AbortController} request
   * @returns {Promise<Reply[]>}
   */
  async ask(sent, request) {
    const timer = setTimeout(() => request.abort(), TIMEOUT_MS);
    try {
      const { conversation, replies } = await this.post(sent, request.signal);
      if (!request.signal.aborted) this.conversation = conversation;
      return replies;
    } finally {
      clearTimeout(timer);
    }
  }

  /** @param {Question['sent']} sent @param {AbortSignal} signal @returns {Promise<any>} */
  async post(sent, signal) {
    const body = JSON.stringify(this.conversation ? { conversation: this.conversation, ...sent } : sent);
    const headers = { 'Content-Type': 'application/json' };
    const response = await this.fetch('/api/chat', { method: 'POST', headers, body, signal });
    const content = await response.json();
    if (response.ok && content.replies.length) return content;
    if (content.error?.code === 'unknown_conversation' && this.conversation) {
      this.conversation = null; // so this happens once
      return this.post(sent, signal);
    }
    if (response.status < 500 && content.error?.message) throw new Refusal(content.error.message);
    throw new Error(`status ${response.status}`);
  }

  /** Fetch the copy of the answers, unless it is here. */
  async load() {
    if (this.copy.size) return;
    const { answers } = await (await this.fetch('/api/answers')).json();
    this.copy = new Map(answers.map((/** @type {Reply} */ answer) => [answer.answer, answer]));
  }

  /** Have the server forget this chat, also while the page is left; return whether it said that it has. */
  async forget() {
    const { conversation } = this;
    this.conversation = null;
    if (!conversation) return true;
    try {
      const address = `/api/conversations/${encodeURIComponent(conversation)}`;
      return (await this.fetch(address, { method: 'DELETE', keepalive: true })).ok;
    } catch {
      return false;
    }
  }

  /** @param {string} path @param {RequestInit} options */
  fetch(path, options = {}) {
    const quiet = /** @type {const} */ ({ cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer' });
    return fetch(this.base + path, { ...quiet, ...options });
  }
}
