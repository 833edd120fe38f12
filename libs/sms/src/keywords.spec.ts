import { keywordOf, looksLikeOptOut, suggestedReplies } from './keywords.js';
import { isShortCode, isTollFree } from './numbers.js';

describe('keywords (messaging-rules §6)', () => {
  it.each([
    ...[
      'STOP',
      'StopAll',
      'stop all',
      'UNSUBSCRIBE',
      'cancel',
      'End',
      'quit',
      'REVOKE',
      'optout',
      'opt-out',
      'Opt Out',
    ],
    ...['remove', 'ARRET', 'arrêt', ' stop \n', 'Stop.', 'STOP!', 'stop  all', '\u0000STOP\u0000', '\ufeffstop'],
    ...['ST\u200dOP', '\u200eSTOP\u200e', 'STOP\ufe0f', 'S\u2060TOP', 'ST\u00adOP', '\u202eSTOP\u202c', 'STO\u0007P'],
    ...['ＳＴＯＰ', '𝐒𝐓𝐎𝐏', '𝚜𝚝𝚘𝚙', `STOP${'\u200b'.repeat(100)}`],
  ])('%j is STOP', (text) => expect(keywordOf(text)).toBe('stop'));

  it.each(['START', 'unstop', 'Start.'])('%j is START', (text) => expect(keywordOf(text)).toBe('start'));
  it.each(['HELP', 'help?', 'Info'])('%j is HELP', (text) => expect(keywordOf(text)).toBe('help'));
  it.each(['STOP PLEASE', 'stop!!', 'please stop', 'yes', 'subscribe', '', '.', 'the end', `stop${' '.repeat(70)}x`])(
    '%j is none',
    (text) => expect(keywordOf(text)).toBeUndefined(),
  );

  it('takes YES for START only where that is configured', () => {
    expect(keywordOf('Yes!', { startWords: ['yes', 'SUBSCRIBE'] })).toBe('start');
  });
});

describe('wording near to an opt-out', () => {
  it.each([
    ...[
      'please stop texting me',
      'No more messages!',
      'STOP PLEASE',
      'stop!!!',
      "Don't text me again",
      'don’t contact me',
    ],
    ...['take me off your list', 'I want to opt out', 'Remove my number', 'leave me alone', 'how do I unsubscribe?'],
    ...['I revoke my consent', 'Please cancel these texts', 'quit texting me'],
  ])('%j is shown to the agent', (text) => expect(looksLikeOptOut(text)).toBe(true));

  it.each([
    ...[
      'Can you stop by at five?',
      'the bus stop is closed',
      'please cancel my appointment',
      'at the end of the day',
      'hi',
    ],
    ...["I can't talk, text me", 'Do not forget the keys'],
  ])('%j is conversation', (text) => expect(looksLikeOptOut(text)).toBe(false));

  it('leaves exact keywords to act by themselves', () => expect(looksLikeOptOut('STOP')).toBe(false));
});

it('suggests replies that name the sender', () => {
  const replies = suggestedReplies('Acme', 'help@acme.example');
  expect(replies.stop).toContain('unsubscribed from Acme');
  expect(replies.help).toContain('help@acme.example');
  expect(replies.start).toContain('resubscribed to Acme');
});

it('recognizes toll-free numbers and short codes', () => {
  expect(['+18005550100', '+18335550100', '+18885550100', '+12015550100', '+18225550100'].map(isTollFree)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
  expect(['12345', '123456', '1234', '1234567', '+12345'].map(isShortCode)).toEqual([true, true, false, false, false]);
});
