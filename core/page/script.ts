// SPDX-License-Identifier: Apache-2.0

/**
 * A page's only script, of fixed text: it searches and copies, and never makes markup of what it reads. Without it the
 * page is whole, but for the two.
 */
export const SCRIPT = `
const search = document.getElementById('search');
const entries = [...document.querySelectorAll('.judged :is(li, tbody tr)')].map((entry) => [entry, entry.textContent.toLowerCase()]);
const groups = [...document.querySelectorAll('.judged details')];
const counted = document.querySelector('.judged li') ? 'LI' : 'TR';
if (search !== null) search.parentElement.hidden = false;
search?.addEventListener('input', () => {
  const words = search.value.toLowerCase().split(/\\s+/);
  let found = 0;
  for (const [entry, text] of entries) {
    const fits = words.every((word) => text.includes(word));
    entry.classList.toggle('unfit', !fits);
    if (fits && entry.tagName === counted) found += 1;
  }
  for (const group of groups) group.classList.toggle('unfit', !group.querySelector('tbody tr:not(.unfit)'));
  document.getElementById('found').textContent = search.value === '' ? '' : found + ' found';
});
for (const button of document.querySelectorAll('button')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const command = button.previousElementSibling;
    getSelection().selectAllChildren(command);
    try {
      await navigator.clipboard.writeText(command.textContent);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Selected';
    }
  });
}
`;
