import type { InvalidInput } from '@strowger/kernel';
import { checkPassword } from './password.rules.js';

const owner = { email: 'Chris.Tutt@acme.example', userName: 'christutt' };
function ruleOf(password: string): string | undefined {
  try {
    checkPassword(password, owner, 'newPassword');
    return undefined;
  } catch (error) {
    const [broken] = (error as InvalidInput).errors!;
    expect(broken!.field).toBe('newPassword');
    expect(broken!.message).not.toContain(password);
    return broken!.rule;
  }
}

it.each([
  ['short', 'length'],
  ['x'.repeat(257), 'length'],
  ['Password1234', 'common-password'],
  ['passwordpassword', 'common-password'],
  ['P@ssw0rd!!2026', 'common-password'],
  ['Welcome-2026!!', 'common-password'],
  ['qwertyuiop12', 'common-password'],
  ['123456789012', 'common-password'],
  ['210987654321', 'common-password'],
  ['abcdefghijklm', 'common-password'],
  ['aaaaaaaaaaaab', 'common-password'],
  ['2015-05-01-99', 'common-password'],
  ['changeme-admin', 'common-password'],
  ['xx chris.tutt@acme.example', 'holds-own-name'],
  ['my-CHRIS.TUTT-secret', 'holds-own-name'],
  ['christuttxxyyzz', 'holds-own-name'],
])('refuses %s: %s', (password, rule) => expect(ruleOf(password)).toBe(rule));

it.each([
  'correct horse battery',
  'correct horse battery staple',
  'another long password',
  'vK3q-9Zt2_pLm0xR',
  'три зелёных яблока',
  'purple monkey dishwasher',
  '8431-0972-5518-2046',
])('takes %s', (password) => expect(ruleOf(password)).toBeUndefined());
