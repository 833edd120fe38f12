import { isE164, parseNanp } from '@strowger/kernel';

/**
 * @param validation `lenient` also lets longer digit strings pass, as they are, so that the carrier refuses them
 * @throws NumberInvalid
 */
export function parseNumber(input: string, validation: 'strict' | 'lenient'): string {
  const digits = input.replaceAll(/[\s().+-]/g, '');
  const longer = `+${digits}`;
  if (validation === 'lenient' && digits.length > 11 && isE164(longer)) return longer;
  return parseNanp(input);
}
