import { PASSWORD_LENGTH } from '@strowger/contracts-hierarchy';
import { InvalidInput, type FieldError } from '@strowger/kernel';

/** Words that the commonest passwords of breaches are made of; the short ones come with digits or twice. */
const COMMON_WORDS = new Set(
  `password passwort passw0rd p4ssword welcome willkommen bienvenue letmein iloveyou princess dragon sunshine monkey
  football baseball basketball superman batman starwars pokemon master shadow michael jennifer jordan michelle charlie
  trustno one whatever freedom computer internet samsung google facebook secret login access admin administrator root
  default guest temp test testing changeme change me qwerty qwertyuiop qwertz azerty asdfgh asdfghjkl zxcvbn zxcvbnm
  qazwsx qazwsxedc abc abcd abcdef abcdefg summer winter spring autumn monday friday january december hello helloworld
  company office manager support service customer strowger unity broadworks telecom`.split(/\s+/),
);
/** Fewer different characters than this is a pattern. */
const FEWEST_DIFFERENT = 5;
const RUNS = [
  '01234567890123456789',
  'abcdefghijklmnopqrstuvwxyz',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjkl',
];
const LEET: Record<string, string> = { '0': 'o', '1': 'i', '3': 'e', '4': 'a', '5': 's', '7': 't', '@': 'a', $: 's' };

export interface PasswordOwner {
  email?: string | null;
  name?: string | null;
  userName?: string | null;
}

/**
 * What a new password must be (after NIST SP 800-63B §3.1.1): long, not one of the common, not its owner's own name. No
 * rules about kinds of characters, which make passwords worse.
 * @throws InvalidInput with one rule: `length`, `common-password` or `holds-own-name`
 */
export function checkPassword(password: string, owner: PasswordOwner, field = 'password'): void {
  const broken = ruleBroken(password, owner, field);
  if (broken) throw new InvalidInput([broken]);
}

function ruleBroken(password: string, owner: PasswordOwner, field: string): FieldError | undefined {
  const { min, max } = PASSWORD_LENGTH;
  if (password.length < min || password.length > max)
    return { field, rule: 'length', message: `A password has ${min} to ${max} characters.` };
  if (isCommon(password))
    return {
      field,
      rule: 'common-password',
      message: 'This password is one of the first that others try. Use several unrelated words, or a generated one.',
    };
  const folded = password.toLowerCase();
  if (namesOf(owner).some((name) => folded.includes(name)))
    return {
      field,
      rule: 'holds-own-name',
      message: 'A password must not hold the e-mail address or the user name it belongs to.',
    };
  return undefined;
}

/** Whole names only, and no short ones: "jo" is in many good passwords. */
function namesOf({ email, userName }: PasswordOwner): string[] {
  const local = email?.split('@')[0];
  return [email, local, userName].map((name) => name?.toLowerCase() ?? '').filter((name) => name.length >= 4);
}

function isCommon(password: string): boolean {
  const folded = password.toLowerCase();
  if (new Set(folded).size < FEWEST_DIFFERENT) return true;
  if (RUNS.some((run) => runsThrough(folded, run))) return true;
  const core = folded.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  const spelled = [folded, [...core].map((letter) => LEET[letter] ?? letter).join('')];
  return spelled.some((text) => {
    const words = text.split(/[^\p{L}]+/u).filter(Boolean);
    // Only common words, however often and with whatever digits and signs around them.
    return words.length === 0 ? isShortPattern(folded) : words.every(isCommonWord);
  });
}

const isCommonWord = (word: string): boolean =>
  COMMON_WORDS.has(word) || [2, 3, 4].some((times) => isRepeat(word, times) && COMMON_WORDS.has(part(word, times)));
const part = (word: string, times: number): string => word.slice(0, word.length / times);
const isRepeat = (word: string, times: number): boolean =>
  word.length % times === 0 && part(word, times).repeat(times) === word;

/** Digits and signs alone: dates and telephone numbers. */
const isShortPattern = (text: string): boolean => text.length < 16;

/** The whole text follows a run of the keyboard or the alphabet, forwards or backwards. */
function runsThrough(text: string, run: string): boolean {
  return run.repeat(2).includes(text) || [...run].reverse().join('').repeat(2).includes(text);
}
