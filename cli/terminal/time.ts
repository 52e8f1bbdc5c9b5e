import { InvalidArgumentError } from 'commander'
import { isDay } from '../../shared/calendar.ts'

/** A time of the API in local time, to the second. */
export function formatTime(iso: string): string {
  const time = new Date(iso)
  const pad = (value: number) => String(value).padStart(2, '0')
  const day = `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())}`
  return `${day} ${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}`
}

/** Parses a time as tables print it, in local time, or in ISO 8601 with or without a zone; a day begins at 00:00 local time. Returns ISO 8601. */
export function parseTime(text: string): string {
  const [, day, time = '00:00', zone = ''] = TIME.exec(text.trim()) ?? []
  const parsed = new Date(`${day}T${time}${zone.toUpperCase()}`)
  // A day that does not exist, such as February 30, would become another one.
  if (day === undefined || Number.isNaN(parsed.getTime()) || !isDay(day))
    throw new InvalidArgumentError('Must be a day or a time such as 2026-03-14 15:09:26 or 2026-03-14T15:09:26Z.')
  return parsed.toISOString()
}

/** Parses a duration such as 900, 30s, 15m, 2h or 7d. Returns seconds, at most a week. */
export function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d{1,6})([smhd]?)$/.exec(text) ?? []
  const seconds = Number(number) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit || 's'] ?? 1)
  if (seconds >= 1 && seconds <= 604_800) return seconds
  throw new InvalidArgumentError('Must be a duration of at most a week, such as 15m, 2h or 7d.')
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:\d\d)?)?$/i
