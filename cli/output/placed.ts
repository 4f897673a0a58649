// SPDX-License-Identifier: Apache-2.0

/** `file:line: message`, as editors and terminals make links of it. */
export function placed({ file, line, message }: { file: string; line: number; message: string }): string {
  return line > 0 ? `${file}:${line}: ${message}` : `${file}: ${message}`;
}
