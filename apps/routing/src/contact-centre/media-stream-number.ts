import type { MediaStreamType } from '@strowger/contracts-routing';
import { InvalidInput, isNanp, toE164 } from '@strowger/kernel';

/** The types of media stream that have a number, and what that number must look like. */
const WITH_NUMBER: readonly MediaStreamType[] = ['SMS', 'WhatsApp', 'Callback'];

/**
 * The number of a media stream as E.164, null when it has none. An SMS stream must have one.
 * @throws InvalidInput naming `number`
 */
export function numberFor(type: MediaStreamType, given: string | null | undefined): string | null {
  if (given === undefined || given === null) {
    if (type === 'SMS') throw refused('required', 'An SMS media stream needs the number that texts are sent to.');
    return null;
  }
  if (!WITH_NUMBER.includes(type))
    throw refused('type', `A ${type} media stream has no number; only ${WITH_NUMBER.join(', ')} streams do.`);
  const e164 = toE164(given);
  // A number that begins with +1 and is not from North America can never be reached.
  if (e164 === undefined || (e164.startsWith('+1') && !isNanp(e164)))
    throw refused(
      'e164',
      `'${given.slice(0, 32)}' is not a phone number. Write it as E.164, such as +12015550123, or as ten digits of a US number.`,
    );
  return e164;
}

const refused = (rule: string, message: string): InvalidInput => new InvalidInput([{ field: 'number', rule, message }]);
