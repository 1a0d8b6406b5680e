// The few words of danger that work without a server. The full check is the server's; this one never overrules it.

/** Return the words of `text` alone, with a space around each. @param {string} text */
function plain(text) {
  const words = text.toLowerCase().replace(/['’]/g, '').match(/[\p{L}\p{N}]+/gu) ?? [];
  return ` ${words.join(' ')} `;
}

/** Return the reply to a text that has one of the phrases of page.yml, or nothing. @param {string} text */
function dangerIn(text) {
  const said = plain(text);
  const found = Object.keys(WIDGET.phrases).find((id) => WIDGET.phrases[id].some((each) => said.includes(plain(each))));
  return found ? WIDGET.alarms[found] : undefined;
}
