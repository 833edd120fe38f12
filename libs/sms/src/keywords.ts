export type Keyword = 'stop' | 'start' | 'help';

export interface KeywordOptions {
  /** More words that mean START, e.g. YES and SUBSCRIBE; off by default because people say them in conversation. */
  startWords?: readonly string[];
}

const STOP = 'STOP|STOPALL|STOP ALL|UNSUBSCRIBE|CANCEL|END|QUIT|REVOKE|OPTOUT|OPT-OUT|OPT OUT|REMOVE|ARRET|ARRÊT'.split(
  '|',
);
const CLASSES = new Map<string, Keyword>([
  ...STOP.map((word) => [word, 'stop'] as const),
  ...['START', 'UNSTOP'].map((word) => [word, 'start'] as const),
  ...['HELP', 'INFO'].map((word) => [word, 'help'] as const),
]);

/** No keyword is longer: a cheap test for ordinary messages. */
const LONGEST = 64;
/** Joiners, selectors, soft hyphens, directions: what phones and programs put into a text and nobody sees. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}]|(?!\s)\p{Cc}/gu;

/**
 * The keyword that is the whole message, or undefined. Case, surrounding space (some carriers add stray control bytes), what
 * nobody sees, wide or mathematical letters and one punctuation mark at the end don't matter. "STOP PLEASE" is not a keyword: see `looksLikeOptOut`.
 */
export function keywordOf(text: string, { startWords = [] }: KeywordOptions = {}): Keyword | undefined {
  if (text.length > LONGEST && text.search(INVISIBLE) < 0) return undefined;
  const word = bare(text)
    .replace(/\p{P}$/u, '')
    .trimEnd()
    .toUpperCase();
  return CLASSES.get(word) ?? (startWords.some((start) => start.toUpperCase() === word) ? 'start' : undefined);
}

const bare = (text: string): string => text.normalize('NFKC').replaceAll(INVISIBLE, '').replaceAll(/\s+/g, ' ').trim();

const REQUESTS = [
  /^(please |pls )?stop( (please|pls|now|it|this|that|already|all|everything|thanks|thank you|texts|messages|stop))*$/,
  /\bstop (ever )?(text|messag|contact|send|sms|bother|spam|harass)\w*/,
  /\b(do not|don'?t|never|quit) (ever )?(text|texting|message|messaging|contact|contacting|sms|sending) (me|us|this|my)\b/,
  /\bno more (of )?(these |your |those )?(texts?|messages?|msgs?|sms|txts?)\b/,
  /\b(unsubscribe|opt[ -]?out|opt me out)\b/,
  /\b(remove|take|delete) (me|my (number|phone|name)|this number|us) (off|from|out)\b/,
  /\b(remove|delete|lose) my (number|phone)\b/,
  /\b(cancel|end) (the |these |your |my |all )?(texts?|messages?|sms|subscription)\b/,
  /\brevoke (my )?consent\b/,
  /\bleave me alone\b/,
];

/**
 * True for words by which a reasonable person asks for no more messages, although they are not a keyword. Nothing follows
 * by itself: the agent sees it, with an opt-out one click away. An exact keyword answers false, because it acts by itself.
 */
export function looksLikeOptOut(text: string): boolean {
  if (keywordOf(text) !== undefined) return false;
  const plain = bare(text)
    .toLowerCase()
    .replaceAll('’', "'")
    .replace(/[\p{P}\s]+$/u, '')
    .replaceAll(/[.,;:!?]+ ?/g, ' ');
  return REQUESTS.some((request) => request.test(plain));
}

export interface KeywordReplies {
  stop: string;
  start: string;
  help: string;
}

/** Suggested answers to keywords. `contact` is an address, number or page a person can turn to. */
export const suggestedReplies = (name: string, contact: string): KeywordReplies => ({
  stop: `You are unsubscribed from ${name} and will get no more messages. Reply START to resubscribe.`,
  start: `You are resubscribed to ${name}. Reply STOP to opt out.`,
  help: `${name}: for help contact ${contact}. Msg & data rates may apply. Reply STOP to opt out.`,
});
