// SPDX-License-Identifier: Apache-2.0
// Waits until a replica says that what is registered is in force; run by Node after each installation and upgrade.
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { ADDRESS, SECONDS } = process.env;
const host = ADDRESS.includes(':') ? `[${ADDRESS}]` : ADDRESS;
const deadline = Date.now() + SECONDS * 1000;

/** Why not; empty: armed. */
function unarmed() {
  return new Promise((resolve) => {
    const request = get(`http://${host}:8080/armed`, { timeout: 2000 }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve(response.statusCode === 200 ? '' : text));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in two seconds')));
    request.on('error', (error) => resolve(String(error)));
  });
}

let said = '';
for (let reasons = await unarmed(); reasons !== ''; reasons = await unarmed()) {
  if (reasons !== said) console.log(reasons);
  said = reasons;
  if (Date.now() > deadline) {
    console.log('Nothing is checked and nothing refused: see the logs of Cosignet.');
    process.exit(1);
  }
  await sleep(500);
}
console.log('armed: every Pod is checked from now on');
