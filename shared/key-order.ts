/** Returns the least string that sorts after every string with this prefix, by code points and so by UTF-8 bytes; null when there is none. */
export function prefixEnd(prefix: string): string | null {
  const points = [...prefix]
  while (points.length > 0) {
    const next = lastCodePoint(points.pop() ?? '') + 1
    if (next <= 0x10ffff) return points.join('') + String.fromCodePoint(next === 0xd800 ? 0xe000 : next)
  }
  return null
}

/** Compares keys as S3 and the catalog do: by their UTF-8 bytes. UTF-16 order differs where a surrogate meets U+E000 and above. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function lastCodePoint(text: string): number {
  return [...text].at(-1)?.codePointAt(0) ?? 0
}
