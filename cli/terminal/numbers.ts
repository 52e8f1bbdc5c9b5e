import { InvalidArgumentError } from 'commander'

/** Makes the parser of a flag that is a number, without a sign or an exponent. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Must be a number from ${least} to ${most}.`)
  }
}

/** The same for a whole number. */
export function wholeNumberBetween(least: number, most: number): (text: string) => number {
  return text => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`Must be a whole number from ${least} to ${most}.`)
  }
}
