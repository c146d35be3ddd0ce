/** Stretch is a part of the sound that is to be taken out, in seconds. */
export type Stretch = { start: number; end: number; channel: number; entity: string };

export const everyChannel = -1;

/** What the kinds are called, for people. */
export const kinds: Record<string, string> = {
  CREDIT_CARD: 'Card number',
  SECURITY_CODE: 'Security code',
  PHONE_NUMBER: 'Telephone number',
  EMAIL_ADDRESS: 'E-mail address',
  IBAN_CODE: 'IBAN',
  UK_SORT_CODE: 'Sort code',
  UK_BANK_ACCOUNT: 'Bank account',
  UK_NHS: 'NHS number',
  UK_NINO: 'National Insurance number',
  UK_POSTCODE: 'Postcode',
  DATE_TIME: 'Date, of birth or expiry',
  IP_ADDRESS: 'IP address',
  URL: 'Web address',
  PERSON: 'Name',
  LOCATION: 'Address or place',
  KEYED_NUMBER: 'Number keyed in',
};

export const kind = (entity: string) => kinds[entity] ?? (entity || 'Chosen by hand');

/** spanned orders two ends and keeps them within the sound. */
export function spanned(a: number, b: number, seconds: number): { start: number; end: number } {
  const clamp = (x: number) => Math.min(Math.max(0, x), seconds);
  return { start: Math.round(clamp(Math.min(a, b)) * 100) / 100, end: Math.round(clamp(Math.max(a, b)) * 100) / 100 };
}

/** covered reports whether a moment is in any of the stretches. */
export const covered = (all: Stretch[], at: number) => all.some((s) => at >= s.start && at < s.end);

/** total is how much of the sound goes; what overlaps counts once. */
export function total(all: Stretch[]): number {
  let sum = 0;
  let last = 0;
  for (const s of [...all].sort((a, b) => a.start - b.start)) {
    const from = Math.max(s.start, last);
    if (s.end > from) sum += s.end - from;
    last = Math.max(last, s.end);
  }
  return sum;
}
