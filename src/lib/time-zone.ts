/**
 * Whether the text is an IANA name of a time zone, as it is written there. Readers of dates take more for a zone: an offset, a
 * whole time with a zone in it, and names in any case.
 */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Z][A-Za-z0-9_+/-]*$/.test(text)) return false
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions()
    // Of another name for the same zone the result may be the main one.
    return timeZone === text || timeZone.toLowerCase() !== text.toLowerCase()
  } catch {
    return false
  }
}
