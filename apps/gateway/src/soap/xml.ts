/** Namespaces of the protocol. */
export const SOAP11 = 'http://schemas.xmlsoap.org/soap/envelope/';
export const SOAP12 = 'http://www.w3.org/2003/05/soap-envelope';
export const XSI = 'http://www.w3.org/2001/XMLSchema-instance';
export const XSD = 'http://www.w3.org/2001/XMLSchema';

export const XML_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>';

/** What XML 1.0 can't hold, not even as a reference, and the two non-characters parsers choke on. */
const ILLEGAL = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g;
const TEXT_NEEDS_WORK = /[&<>\r\u0000-\u0008\u000B\u000C\u000E-\u001F\uD800-\uDFFF\uFFFE\uFFFF]/;
const TEXT: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#xD;' };
const ATTRIBUTE: Record<string, string> = { ...TEXT, '"': '&quot;', '\n': '&#xA;', '\t': '&#x9;' };

const legal = (value: string): string => value.toWellFormed().replaceAll(ILLEGAL, '');

/** Text content; characters XML 1.0 does not have are dropped, half surrogate pairs replaced. */
export function escapeText(value: string): string {
  return TEXT_NEEDS_WORK.test(value) ? legal(value).replaceAll(/[&<>\r]/g, (c) => TEXT[c]!) : value;
}

/** Attribute value, for double quotes; good for HTML too. */
export const escapeAttribute = (value: string): string =>
  legal(value).replaceAll(/[&<>"\r\n\t]/g, (c) => ATTRIBUTE[c]!);
