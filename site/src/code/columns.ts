// Go counts columns in bytes of UTF-8, the editor in units of UTF-16.

/** Turns a number of UTF-8 bytes at the beginning of text into UTF-16 units. */
export function units(text: string, bytes: number): number {
  let i = 0;
  for (let n = 0; i < text.length && n < bytes;) {
    const c = text.codePointAt(i)!;
    n += c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    i += c < 0x10000 ? 1 : 2;
  }
  return i;
}
