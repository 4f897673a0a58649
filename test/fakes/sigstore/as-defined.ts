// SPDX-License-Identifier: Apache-2.0

/** Each field of a message by the name of its definition: `verification_material`. DSSE defines `payloadType` so. */
export function asDefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asDefined);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [nameOf(name), asDefined(field)]));
}

function nameOf(name: string): string {
  if (name === 'payloadType') return name;
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
