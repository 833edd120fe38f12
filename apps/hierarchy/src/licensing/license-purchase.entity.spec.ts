import { LicensePurchase } from './license-purchase.entity.js';

const owning = (quantity: number, used: number) =>
  Object.assign(new LicensePurchase(), { application: 'UnityDesktop', licenseType: 'Pro', quantity, used });
const at = new Date('2026-01-01T00:00:00Z');

it('gives out no more seats than it has', () => {
  const purchase = owning(2, 1);
  purchase.take();
  expect(() => purchase.take()).toThrow('All 2 UnityDesktop Pro licenses');
  purchase.giveBack();
  purchase.take();
  expect(purchase.used).toBe(2);
});

it('never counts below zero', () => {
  expect(() => owning(2, 0).giveBack()).toThrow();
});

it('shrinks to what is assigned and no further, and is silent on a repeat', () => {
  const purchase = owning(5, 3);
  expect(() => purchase.setQuantity(2, at)).toThrow('Set at least 3');
  expect(purchase.setQuantity(3, at)).toBe(true);
  expect(purchase.setQuantity(3, at)).toBe(false);
});
