const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

/** The time of today, and the date of any other day. */
export function clock(at: Date): string {
  return at.toDateString() === new Date().toDateString() ? time.format(at) : date.format(at);
}
