import { redact } from './redact.js';

const SECRETS = { removed: ['top-secret'], masked: ['AC0123456789'] };

describe('what may be shown of a request or answer', () => {
  it('takes out secrets, message texts and URL paths', () => {
    const text =
      '{"body": "hello \\"you\\"", "url": "https://hooks.example/token", "auth": "top-secret", "sid": "AC0123456789"}';
    const shown = redact(text, SECRETS);
    expect(shown).not.toMatch(/hello|you|token|top-secret|AC0123456789/);
    expect(shown).toContain('https://hooks.example/[removed]');
  });

  it('shows 2,000 characters', () => {
    expect(redact('x'.repeat(2000), SECRETS)).toHaveLength(2000);
    for (const length of [2001, 8001, 1_000_000])
      expect(redact('x'.repeat(length), SECRETS)).toBe(`${'x'.repeat(2000)}…`);
  });

  // What is taken out before brings the place where a long text is cut into view.
  it.each([
    ['a secret', 'top-secret'],
    ['a message text', '"body": "hello there"'],
    ['a URL', 'https://hooks.example/token-of-ours'],
    ['a form field', '&Body=hello+there&'],
  ])('shows no part of %s that the cut goes through', (_name, sensitive) => {
    const filler = `"body": "${'x'.repeat(7900)}" `;
    for (let at = 8000 - sensitive.length - filler.length; at <= 8000 - filler.length; at++) {
      const shown = redact(`${filler}${'.'.repeat(Math.max(0, at))}${sensitive}${'.'.repeat(5000)}`, SECRETS);
      expect(shown).not.toMatch(/hello|token|top-|xxx/);
    }
  });

  it('shows no part of a message text longer than what is looked at', () => {
    expect(redact(`{"body":"${'x'.repeat(20_000)}"}`, SECRETS)).not.toContain('xx');
  });
});
