/** The least text that is greater, by code points and so by UTF-8 bytes, than every text with this prefix; null when there is none. */
export function prefixEnd(prefix: string): string | null {
  const points = [...prefix]
  while (points.length > 0) {
    const next = lastCodePoint(points.pop() ?? '') + 1
    if (next <= 0x10ffff) return points.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next)
  }
  return null
}

function lastCodePoint(text: string): number {
  return [...text].at(-1)?.codePointAt(0) ?? 0
}
