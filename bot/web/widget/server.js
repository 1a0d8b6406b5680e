// Talking to the front server: a turn, the copy of the answers, and forgetting. Nothing is sent anywhere else.

const TIMEOUT_MS = 10_000; // twice what the front server waits for the bot behind it

/** A refusal that the server explains in words for the visitor. */
class Refusal extends Error {}

class Server {
  /** The id of this chat, once the server has issued one. @type {?string} */
  conversation = null;
  /** The answers by id, for when the server cannot be reached. @type {Map<string, Reply>} */
  copy = new Map();

  /** @param {string} base the address of the front server */
  constructor(base) {
    this.base = base;
  }

  /**
   * Return the replies and the id of their chat. Throws as `post` does, and where there is no reply.
   * @param {Question['sent']} sent @returns {Promise<{conversation: string, replies: Reply[]}>}
   */
  async ask(sent) {
    const answered = await this.post('chat', sent);
    const replies = answered.replies.filter((/** @type {unknown} */ each) => Object(each) === each);
    if (!replies.length) throw new Error();
    return { ...answered, replies };
  }

  /**
   * Return what the server says to something sent in this chat. Throws Refusal for a 4xx with a message, another error
   * where nothing is to be had.
   * @param {string} path @param {object} sent @returns {Promise<any>}
   */
  async post(path, sent) {
    const request = new AbortController();
    const timer = setTimeout(() => request.abort(), TIMEOUT_MS);
    try {
      const body = JSON.stringify({ conversation: this.conversation, ...sent });
      const headers = { 'Content-Type': 'application/json' };
      const response = await this.fetch(path, { method: 'POST', headers, body, signal: request.signal });
      const answered = response.status === 204 ? {} : await response.json();
      const { error } = answered;
      if (error?.code === 'unknown_conversation' && this.conversation) {
        this.conversation = null; // so this happens once
        return this.post(path, sent);
      }
      if (error && response.status < 500) throw new Refusal(error.message);
      if (!response.ok) throw new Error();
      return answered;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Fetch the copy of the answers, unless it is here. */
  async load() {
    if (this.copy.size) return;
    const { answers } = await (await this.fetch('answers', { signal: AbortSignal.timeout(TIMEOUT_MS) })).json();
    this.copy = new Map(answers.map((/** @type {Reply} */ answer) => [answer.answer, answer]));
  }

  /** Have the server forget a chat, also while the page is left; return whether it said that it has. */
  async forget(id = this.conversation) {
    if (id === this.conversation) this.conversation = null;
    if (!id) return true;
    try {
      return (await this.fetch(`conversations/${encodeURIComponent(id)}`, { method: 'DELETE', keepalive: true })).ok;
    } catch {
      return false;
    }
  }

  /** @param {string} path @param {RequestInit} options */
  fetch(path, options = {}) {
    return fetch(`${this.base}/api/${path}`, { credentials: 'omit', referrerPolicy: 'no-referrer', ...options });
  }
}
