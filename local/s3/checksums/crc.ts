import { crc32 } from 'node:zlib'

/** A running CRC: bytes in, big-endian digest out. */
export type RunningCrc = { update(bytes: Uint8Array): void; digest(): Buffer }

/** The CRCs that S3 supports: CRC32 (ISO-HDLC), CRC32C (Castagnoli) and CRC64NVME, all reflected with all bits set at start and end. */
export type CrcName = 'CRC32' | 'CRC32C' | 'CRC64NVME'

/** Starts a CRC of no bytes. */
export function startCrc(name: CrcName): RunningCrc {
  if (name === 'CRC32') return startCrc32()
  return name === 'CRC32C' ? startCrc32c() : startCrc64()
}

/** The CRC of two concatenated texts, from the CRC of each and the byte length of the second: zlib's crc32_combine for any width. */
export function combineCrc(name: CrcName, first: Buffer, second: Buffer, secondLength: number): Buffer {
  const { width, polynomial } = polynomials[name]
  const shift = powerOfX(BigInt(secondLength) * 8n, width, polynomial)
  const combined = multiply(shift, toBigInt(first), width, polynomial) ^ toBigInt(second)
  return Buffer.from(combined.toString(16).padStart(width / 4, '0'), 'hex')
}

const polynomials = {
  CRC32: { width: 32, polynomial: 0xedb88320n },
  CRC32C: { width: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { width: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const

function startCrc32(): RunningCrc {
  let value = 0
  return {
    update(bytes) {
      value = crc32(bytes, value)
    },
    digest: () => uint32(value),
  }
}

function startCrc32c(): RunningCrc {
  const table = crc32cTable
  let value = 0xffffffff
  return {
    update(bytes) {
      for (let i = 0; i < bytes.length; i++) value = (value >>> 8) ^ table[(value ^ bytes[i]!) & 0xff]!
    },
    digest: () => uint32((value ^ 0xffffffff) >>> 0),
  }
}

// Two halves of 32 bits, because BigInt arithmetic per byte is fifty times slower.
function startCrc64(): RunningCrc {
  const { high: highTable, low: lowTable } = crc64Tables
  let high = 0xffffffff
  let low = 0xffffffff
  return {
    update(bytes) {
      for (let i = 0; i < bytes.length; i++) {
        const index = (low ^ bytes[i]!) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ lowTable[index]!
        high = (high >>> 8) ^ highTable[index]!
      }
    },
    digest: () => Buffer.concat([uint32((high ^ 0xffffffff) >>> 0), uint32((low ^ 0xffffffff) >>> 0)]),
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const crc32cTable = Uint32Array.from({ length: 256 }, (_, index) => Number(tableEntry(index, polynomials.CRC32C.polynomial)))

const crc64Tables = (() => {
  const entries = Array.from({ length: 256 }, (_, index) => tableEntry(index, polynomials.CRC64NVME.polynomial))
  return {
    high: Uint32Array.from(entries, entry => Number(entry >> 32n)),
    low: Uint32Array.from(entries, entry => Number(entry & 0xffffffffn)),
  }
})()

function tableEntry(index: number, polynomial: bigint): bigint {
  let value = BigInt(index)
  for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n
  return value
}

// Polynomials over GF(2) modulo the CRC's, reflected: the highest bit is the coefficient of x^0.
function multiply(a: bigint, b: bigint, width: number, polynomial: bigint): bigint {
  let product = 0n
  let factor = b
  for (let bit = 1n << BigInt(width - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= factor
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n
  }
  return product
}

function powerOfX(exponent: bigint, width: number, polynomial: bigint): bigint {
  let result = 1n << BigInt(width - 1)
  let square = 1n << BigInt(width - 2)
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = multiply(square, result, width, polynomial)
    square = multiply(square, square, width, polynomial)
  }
  return result
}

const toBigInt = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex')}`)
