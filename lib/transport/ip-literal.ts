/**
 * The address that a domainpart stands for, without the brackets of an IPv6 literal (RFC 6122 section 2.2); `undefined`
 * for a name.
 */
export function ipLiteral(domain: string): string | undefined {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(domain)) return domain;
  const v6 = /^(?:\[([0-9a-f:.]*:[0-9a-f:.]*)\]|([0-9a-f:.]*:[0-9a-f:.]*))$/i.exec(domain);
  return v6?.[1] ?? v6?.[2];
}
