/** Whether a day, as YYYY-MM-DD, exists: Date would roll the 31st of February over, and Postgres would refuse it. */
export function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number)
  // `Date.UTC` reads the years 0 to 99 as 1900 to 1999.
  if (year < 100 || month < 1 || month > 12 || day < 1) return false
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day
}
