import { User } from './user.entity.js';

const at = new Date('2026-01-01T00:00:00Z');
const parent = { id: 'g', resellerId: 'r', systemProviderId: 'p' };
const someone = () => User.create({ groupId: 'g', broadworksUserId: 'Chris@Acme.example', name: 'Chris' }, parent, at);

it('keeps the BroadWorks id as given and compares it without case', () => {
  expect(someone()).toMatchObject({ broadworksUserId: 'Chris@Acme.example', broadworksUserKey: 'chris@acme.example' });
});

it('is silent on an update that changes nothing', () => {
  const user = someone();
  expect(user.update({ name: 'Chris', timezone: undefined, language: null as never })).toEqual({});
  expect(user.version).toBe(1);
});

it('ignores null for what it must have', () => {
  const user = someone();
  user.update({ name: null as never });
  expect(user.name).toBe('Chris');
});

it('ends with a version above all it had', () => {
  const user = someone();
  user.update({ name: 'Chris T' });
  expect(user.end(at)).toMatchObject({ sequence: 3, tenantId: 'p' });
});
