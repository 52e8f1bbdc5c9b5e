/** An object of the corpus, with what is searched. */
export type CorpusObject = { key: string; contentType: string; metadata: Record<string, string> }

/**
 * Objects like those of an archive: reports, invoices, photos, sources, logs, packages. Words are drawn by Zipf's law from a
 * vocabulary of 20,000, so that some are in every tenth key and most in a few. The same for every run.
 */
export function* corpus(objects: number): Generator<CorpusObject> {
  const random = mulberry32(20240131)
  const word = () => VOCABULARY[zipf(random(), VOCABULARY.length)] ?? 'word'
  const digits = (n: number) => String(Math.floor(random() * 10 ** n)).padStart(n, '0')
  const title = () => word().replace(/^./, first => first.toUpperCase())
  const year = () => 2010 + Math.floor(random() * 15)
  for (let i = 0; i < objects; i++) {
    const [type, key] = pick(random(), [
      ['application/pdf', () => `documents/${word()}/${year()}/invoice-${year()}-${digits(5)}-${word()}.pdf`],
      ['application/pdf', () => `teams/${word()}/reports/${title()} ${title()} ${year()} final v${digits(1)}.pdf`],
      ['image/jpeg', () => `Photos/${year()}/${word()}/IMG_${year()}${digits(4)}_${digits(6)}.jpg`],
      ['text/x-java', () => `src/main/java/com/${word()}/${title()}${title()}Controller.java`],
      ['application/gzip', () => `usr/share/doc/lib${word()}${digits(1)}/changelog.Debian.gz`],
      ['text/plain', () => `logs/${word()}/web-${digits(2)}/access.log.${year()}-${digits(2)}-${digits(2)}`],
      ['text/csv', () => `exports/${word()}_${word()}_q${digits(1)}_${digits(6)}.csv`],
      ['text/html', () => `www/${word()}/${word()}-${word()}-${word()}/index.html`],
    ])
    // The number keeps keys apart; it comes first in a folder of its own, as an upload id does.
    yield {
      key: `${i.toString(36)}/${key()}`,
      contentType: type,
      metadata: random() < 0.3 ? { customer: `${word()} ${word()}` } : {},
    }
  }
}

const SYLLABLES = [
  'ar',
  'be',
  'con',
  'di',
  'el',
  'fra',
  'gen',
  'hol',
  'in',
  'jo',
  'ka',
  'lu',
  'mi',
  'nor',
  'op',
  'pri',
  'qua',
  're',
  'sta',
  'tra',
]

const VOCABULARY = Array.from({ length: 20_000 }, (_, i) => {
  const digit = (place: number) => SYLLABLES[Math.floor(i / 20 ** place) % 20]
  return `${digit(0)}${digit(1)}${digit(2)}${i >= 8000 ? digit(3) : ''}`
})

/** Rank of a word with a probability of about one over it: the quantile of Zipf's law with exponent 1. */
function zipf(u: number, n: number): number {
  return Math.floor(n ** u) - 1
}

function pick<T>(u: number, choices: T[]): T {
  const choice = choices[Math.floor(u * choices.length)]
  if (choice === undefined) throw new Error('nothing to choose from')
  return choice
}

/** The smallest generator that is good enough; Math.random can't be seeded. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
