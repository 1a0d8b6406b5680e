// Copying an answer as text or as a formatted mail, and printing its sheet. Only what a patient may have is taken.

/** @param {string} id */
const find = (id) => document.getElementById(id);
const textButton = find('copy-text');
const copied = find('copied');
let clearing = 0;

/** @param {() => Promise<void>} copy */
async function say(copy) {
  if (!copied || !textButton) return;
  copied.textContent = '';
  try {
    await copy();
    copied.textContent = textButton.dataset.done ?? '';
  } catch {
    copied.textContent = textButton.dataset.failed ?? '';
  }
  clearTimeout(clearing);
  clearing = setTimeout(() => { copied.textContent = ''; }, 6000);
}

const plain = () => find('plain')?.textContent ?? '';

function mail() {
  const html = (find('mail')?.innerHTML ?? '').replace(/\n\s+/g, '\n').trim();
  const parts = { 'text/html': html, 'text/plain': plain() };
  const blobs = Object.entries(parts).map(([type, words]) => [type, new Blob([words], { type })]);
  return navigator.clipboard.write([new ClipboardItem(Object.fromEntries(blobs))]);
}

textButton?.addEventListener('click', () => say(() => navigator.clipboard.writeText(plain())));
find('copy-mail')?.addEventListener('click', () => say(mail));
find('print')?.addEventListener('click', () => print());
export {};
