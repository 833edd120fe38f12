import { PRODUCTS, productOf, type UnknownName } from './catalog.js';

const refused = (application: string, licenseType: string): UnknownName => {
  try {
    productOf(application, licenseType);
  } catch (error) {
    return error as UnknownName;
  }
  throw new Error('it was accepted');
};

it('holds 29 different products, of which 21 let messages through', () => {
  const names = PRODUCTS.map((product) => `${product.application} ${product.licenseType}`);
  expect(new Set(names).size).toBe(29);
  const silent = PRODUCTS.filter((product) => !product.messaging).map((product) => product.application);
  expect(new Set(silent)).toEqual(new Set(['UnityWallboard', 'UnityCrmIntegration', 'UnityDashboard']));
  expect(silent).toHaveLength(8);
});

it('keeps Tabular100+ apart from Tabular100', () => {
  expect(productOf('UnityDashboard', 'Tabular100+').licenseType).toBe('Tabular100+');
  expect(productOf('UnityDashboard', 'Tabular100').licenseType).toBe('Tabular100');
});

it.each([
  ['UnityDesktop', 'Standard', 'unknown-license-type', 'Permitted: Pro, Enterprise, Anywhere.'],
  ['unitydesktop', 'Pro', 'unknown-application', "did you mean 'UnityDesktop'?"],
  ['UnityDashboard', 'Tabular100 ', 'unknown-license-type', "percent-encode 'Tabular100+' as 'Tabular100%2B'"],
  ['UnityDesktop', 'Pro ', 'unknown-license-type', 'percent-encode it as %2B'],
  ['UnityDesktop ', 'Pro', 'unknown-application', 'It ends with a space'],
  ['toString', 'constructor', 'unknown-application', 'There is no application'],
])('refuses %p %p', (application, licenseType, code, hint) => {
  const error = refused(application, licenseType);
  expect(error).toMatchObject({ kind: 'invalid', code });
  expect(error.message).toContain(hint);
  expect(error.errors).toHaveLength(1);
});
