import * as h from '@strowger/contracts-hierarchy';
import { hierarchyRpc as rpc } from '@strowger/contracts-hierarchy';
import { routes } from './route.js';

const page = (view: new () => object) => ({ view, as: 'page' as const });
const list = (view: new () => object) => ({ view, as: 'list' as const });

const unknownProduct = { 'unknown-application': 'invalid', 'unknown-license-type': 'invalid' } as const;
const provider = { 'provider-not-found': 'not-found' } as const;
const reseller = { 'reseller-not-found': 'not-found' } as const;
const group = { 'group-not-found': 'not-found' } as const;
const user = { 'user-not-found': 'not-found' } as const;
const below = { 'quantity-below-committed': 'conflict' } as const;
const seller = { 'operator-only': 'forbidden' } as const;
const granted = { 'level-too-low': 'forbidden' } as const;
const short = {
  'insufficient-group-licenses': 'conflict',
  'insufficient-reseller-licenses': 'conflict',
  'insufficient-provider-licenses': 'conflict',
} as const;
/** Others changed the same licenses again and again: nothing was done, repeat it. */
const contended = { conflict: 'conflict' } as const;

const EXACT =
  'Application and license type match the catalogue exactly, capital letters included; encode `+` in a path as `%2B`.';
const NUMBERS = 'A refusal states the `requested` and `available` numbers at the `level` that is short.';

const licenses = routes('Licenses');
licenses.add('GET /v1/products', rpc.listProducts, {
  summary: 'The catalogue of license products',
  description: 'Each permitted pair of application and license type, in the order of the catalogue.',
  access: 'read',
  response: list(h.ProductView),
});

licenses.add('GET /v1/system-providers/:id/licenses', rpc.listProviderLicenses, {
  summary: 'What a system provider has purchased, committed, used and free',
  description:
    'One entry per product. `committed` is what its resellers take: reserved by sub-purchases, or assigned to users ' +
    'where there is none. `used` are the assigned licenses, `consumed` those of them that have served a client.',
  access: 'read',
  response: list(h.ProviderLicensesView),
  errors: provider,
});
licenses.add('GET /v1/resellers/:id/licenses', rpc.listResellerLicenses, {
  summary: 'What a reseller has been given, its groups draw, and its users use',
  access: 'read',
  response: list(h.NodeLicensesView),
  errors: reseller,
});
licenses.add('GET /v1/groups/:id/licenses', rpc.listGroupLicenses, {
  summary: 'What a group has been given, and its users use',
  access: 'read',
  response: list(h.NodeLicensesView),
  errors: group,
});

licenses.add('GET /v1/system-providers/:id/purchases', rpc.listPurchases, {
  summary: 'List the purchases of a system provider',
  description: 'The newest first, without those that were removed; `state` filters, `ended` shows the removed.',
  access: 'read',
  response: page(h.PurchaseView),
  errors: provider,
});
licenses.add('POST /v1/system-providers/:systemProviderId/purchases', rpc.addPurchase, {
  summary: 'Add a purchase',
  description:
    'One more purchase of a product; several add up. With `endsAt` it is for a term: when that is over its licenses ' +
    'go on working for 30 days while nothing can be added (`grace`), then the newest assignments are no longer served ' +
    '(`suspended`), until it is renewed. `quantity: null` is unlimited. ' +
    `Entered by the seller: the operator, and for a child system provider the one above it. ${EXACT}`,
  access: 'write',
  status: 201,
  response: { view: h.PurchaseView },
  idempotent: true,
  errors: { ...provider, ...seller, ...unknownProduct, ...contended },
});
licenses.add('PUT /v1/system-providers/:systemProviderId/purchases/:application/:licenseType', rpc.setPurchase, {
  summary: 'Set the purchased quantity of a product',
  description:
    'Every product can have one standing purchase, perpetual, whose quantity this sets; further ones are beside it. ' +
    `Not below what is committed. Entered by the seller. Safe to repeat. ${EXACT}`,
  access: 'write',
  response: { view: h.PurchaseView },
  errors: { ...provider, ...seller, ...unknownProduct, ...below, ...contended },
});
licenses.add('GET /v1/purchases/:id', rpc.getPurchase, {
  summary: 'Read a purchase',
  access: 'read',
  response: { view: h.PurchaseView },
  versioned: true,
  errors: { 'purchase-not-found': 'not-found' },
});
licenses.add('PATCH /v1/purchases/:id', rpc.updatePurchase, {
  summary: 'Change or renew a purchase',
  description:
    'A later `endsAt` renews the term, `null` makes it perpetual. What then remains must cover what is committed. ' +
    'Entered by the seller.',
  access: 'write',
  response: { view: h.PurchaseView },
  versioned: true,
  errors: {
    'purchase-not-found': 'not-found',
    'standing-purchase': 'conflict',
    ...seller,
    ...below,
    ...contended,
  },
});
licenses.add('DELETE /v1/purchases/:id', rpc.removePurchase, {
  summary: 'Remove a purchase',
  description: 'Its licenses no longer count. The rest must cover what is committed. Entered by the seller.',
  access: 'write',
  response: null,
  errors: { 'purchase-not-found': 'not-found', ...seller, ...below, ...contended },
});

const SUB_PURCHASE =
  'A sub-purchase reserves licenses of the level above. Without one nothing is reserved and nothing restricted: what ' +
  'is assigned is drawn from the level above as it comes.';

licenses.add('GET /v1/resellers/:id/sub-purchases', rpc.listResellerSubPurchases, {
  summary: 'List the sub-purchases of a reseller',
  description: SUB_PURCHASE,
  access: 'read',
  response: list(h.SubPurchaseView),
  errors: reseller,
});
licenses.add('POST /v1/resellers/:resellerId/sub-purchases', rpc.addResellerSubPurchase, {
  summary: "Add to a reseller's sub-purchase",
  description: `Needs free licenses of the system provider, which alone may do it. Repeated calls accumulate; send an \`Idempotency-Key\` to repeat one safely. ${NUMBERS} ${EXACT}`,
  access: 'write',
  status: 201,
  response: { view: h.SubPurchaseView },
  idempotent: true,
  errors: { ...reseller, ...granted, ...unknownProduct, ...short, ...contended },
});
licenses.add('PUT /v1/resellers/:resellerId/sub-purchases/:application/:licenseType', rpc.setResellerSubPurchase, {
  summary: "Set a reseller's sub-purchase",
  description: `The whole quantity; 0 is explicitly none. Not below what its groups draw, unless the reseller oversells. Done by the system provider. ${NUMBERS} ${EXACT}`,
  access: 'write',
  response: { view: h.SubPurchaseView },
  errors: { ...reseller, ...granted, ...unknownProduct, ...short, ...below, ...contended },
});
licenses.add(
  'DELETE /v1/resellers/:resellerId/sub-purchases/:application/:licenseType',
  rpc.removeResellerSubPurchase,
  {
    summary: "Remove a reseller's sub-purchase",
    description: `Lifts the restriction; assigned licenses stay. ${EXACT}`,
    access: 'write',
    response: null,
    errors: { ...reseller, 'sub-purchase-not-found': 'not-found', ...granted, ...unknownProduct, ...contended },
  },
);
licenses.add('GET /v1/resellers/:id/oversell', rpc.getOversell, {
  summary: 'Read whether a reseller may oversell',
  access: 'read',
  response: { view: h.OversellView },
  errors: reseller,
});
licenses.add('PUT /v1/resellers/:resellerId/oversell', rpc.setOversell, {
  summary: 'Let a reseller oversell, or stop it',
  description:
    '`PROVIDER_BACKED` lets its groups have more than the reseller sub-purchased, as long as the system provider has ' +
    'room; nobody ever exceeds that. Back to `NONE` is always allowed: what is over stays, and nothing can be added ' +
    'until enough has been given back. Set by the system provider.',
  access: 'write',
  response: { view: h.OversellView },
  errors: { ...reseller, ...granted },
});

licenses.add('GET /v1/groups/:id/sub-purchases', rpc.listGroupSubPurchases, {
  summary: 'List the sub-purchases of a group',
  description: SUB_PURCHASE,
  access: 'read',
  response: list(h.SubPurchaseView),
  errors: group,
});
licenses.add('POST /v1/groups/:groupId/sub-purchases', rpc.addGroupSubPurchase, {
  summary: "Add to a group's sub-purchase",
  description: `Needs free licenses of the system provider and, unless it may oversell, of the reseller. Done by the reseller or above. Repeated calls accumulate; send an \`Idempotency-Key\` to repeat one safely. ${NUMBERS} ${EXACT}`,
  access: 'write',
  status: 201,
  response: { view: h.SubPurchaseView },
  idempotent: true,
  errors: { ...group, ...granted, ...unknownProduct, ...short, ...contended },
});
licenses.add('PUT /v1/groups/:groupId/sub-purchases/:application/:licenseType', rpc.setGroupSubPurchase, {
  summary: "Set a group's sub-purchase",
  description: `The whole quantity; 0 is explicitly none. Not below what its users have. Done by the reseller or above. ${NUMBERS} ${EXACT}`,
  access: 'write',
  response: { view: h.SubPurchaseView },
  errors: { ...group, ...granted, ...unknownProduct, ...short, ...below, ...contended },
});
licenses.add('DELETE /v1/groups/:groupId/sub-purchases/:application/:licenseType', rpc.removeGroupSubPurchase, {
  summary: "Remove a group's sub-purchase",
  description: `Lifts the restriction; assigned licenses stay. ${EXACT}`,
  access: 'write',
  response: null,
  errors: { ...group, 'sub-purchase-not-found': 'not-found', ...granted, ...unknownProduct, ...contended },
});

licenses.add('POST /v1/users/:userId/licenses', rpc.assignLicense, {
  summary: 'Assign a license',
  description: `A permanent one. Repeating an assignment keeps the current one and succeeds, even when none is free. ${NUMBERS} ${EXACT}`,
  access: 'write',
  status: 201,
  response: { view: h.LicenseView },
  idempotent: true,
  errors: { ...user, ...unknownProduct, ...short, ...contended },
});
licenses.add('GET /v1/users/:id/licenses', rpc.listUserLicenses, {
  summary: "A user's licenses",
  description: 'The permanent ones, in the order of the catalogue. A trial is among the trials.',
  access: 'read',
  response: list(h.LicenseView),
  errors: user,
});
licenses.add('DELETE /v1/users/:userId/licenses/:licenseId', rpc.removeLicense, {
  summary: 'Take a license away',
  description: 'It is free at once, at the level it was drawn from.',
  access: 'write',
  response: null,
  errors: { ...user, 'license-not-found': 'not-found', ...contended },
});
licenses.add('DELETE /v1/users/:id/licenses', rpc.removeLicenses, {
  summary: 'Take all licenses of a user away',
  description: 'The permanent ones; a trial goes on. Without any it succeeds as well.',
  access: 'write',
  response: null,
  errors: { ...user, ...contended },
});

export const licensingRoutes = licenses.all;
