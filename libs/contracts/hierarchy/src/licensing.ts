import type { Page } from '@strowger/kernel';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateIf,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { define } from './define.js';
import { ById, ListQuery } from './requests.js';
import { AS_GIVEN, asGiven, Clearable } from './rules.js';

const MOST_PURCHASED = 10_000_000;
/** As in the SOAP API: reference/provisioning-soap-api.md §1.4. */
const MOST_SUB_PURCHASED = 1_000_000;

const given = (field: string) => (body: object) => (body as Record<string, unknown>)[field] !== null;

// Requests: a product is one application and license type of the catalogue, matched exactly.

export class ProductName {
  @IsString() @MaxLength(255) @JSONSchema({ examples: ['UnityDesktop'] }) application!: string;
  @IsString() @MaxLength(255) @JSONSchema({ examples: ['Pro'] }) licenseType!: string;
}

/** The quantity of the one perpetual purchase that every product can have of itself; null: unlimited. */
export class SetPurchase extends ProductName {
  @IsUUID() systemProviderId!: string;
  @ValidateIf(given('quantity'))
  @IsInt()
  @Min(0)
  @Max(MOST_PURCHASED)
  @JSONSchema({ type: ['integer', 'null'], examples: [100] })
  quantity!: number | null;
}
/** One more purchase of a product, for a term or for good. */
export class AddPurchase extends ProductName {
  @IsUUID() systemProviderId!: string;
  /** Null: unlimited. */
  @ValidateIf(given('quantity'))
  @IsInt()
  @Min(1)
  @Max(MOST_PURCHASED)
  @JSONSchema({ type: ['integer', 'null'], examples: [50] })
  quantity!: number | null;
  /** Now, if left out. Its licenses count from then on. */
  @IsOptional() @IsISO8601({ strict: true }) @JSONSchema({ examples: ['2027-01-01T00:00:00Z'] }) startsAt?: string;
  /** The first moment after the term. Left out: perpetual. */
  @IsOptional() @IsISO8601({ strict: true }) @JSONSchema({ examples: ['2028-01-01T00:00:00Z'] }) endsAt?: string;
  /** The buyer's word for it: an order or contract number. */
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) reference?: string;
}
/** What is left out stays as it is. */
export class UpdatePurchase {
  @IsUUID() id!: string;
  @IsOptional() @IsInt() version?: number;
  /** Null: unlimited. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MOST_PURCHASED)
  @Clearable('integer')
  quantity?: number | null;
  /** A later end renews the term; null makes it perpetual. */
  @IsOptional() @IsISO8601({ strict: true }) @Clearable() endsAt?: string | null;
  @IsOptional() @IsString() @Length(1, 255) @Matches(AS_GIVEN, asGiven) @Clearable() reference?: string | null;
}
export const PURCHASE_STATES = ['scheduled', 'active', 'grace', 'suspended', 'ended'] as const;
export type PurchaseState = (typeof PURCHASE_STATES)[number];

/** Purchases of a system provider, the newest first. */
export class ListPurchases extends ListQuery {
  @IsUUID() id!: string;
  /** Without one, all that have not ended. */
  @IsOptional() @IsIn(PURCHASE_STATES) state?: PurchaseState;
}

export class RemoveResellerSubPurchase extends ProductName {
  @IsUUID() resellerId!: string;
}
/** Raises the sub-purchase by so many. */
export class AddResellerSubPurchase extends RemoveResellerSubPurchase {
  @IsInt() @Min(1) @Max(MOST_SUB_PURCHASED) @JSONSchema({ examples: [40] }) quantity!: number;
}
/** The whole quantity; 0: explicitly none. */
export class SetResellerSubPurchase extends RemoveResellerSubPurchase {
  @IsInt() @Min(0) @Max(MOST_SUB_PURCHASED) @JSONSchema({ examples: [40] }) quantity!: number;
}
export class RemoveGroupSubPurchase extends ProductName {
  @IsUUID() groupId!: string;
}
/** Raises the sub-purchase by so many. */
export class AddGroupSubPurchase extends RemoveGroupSubPurchase {
  @IsInt() @Min(1) @Max(MOST_SUB_PURCHASED) @JSONSchema({ examples: [10] }) quantity!: number;
}
/** The whole quantity; 0: explicitly none. */
export class SetGroupSubPurchase extends RemoveGroupSubPurchase {
  @IsInt() @Min(0) @Max(MOST_SUB_PURCHASED) @JSONSchema({ examples: [10] }) quantity!: number;
}

export const OVERSELL = ['NONE', 'PROVIDER_BACKED'] as const;
export type Oversell = (typeof OVERSELL)[number];

export class SetOversell {
  @IsUUID() resellerId!: string;
  @IsIn(OVERSELL) oversell!: Oversell;
}

export class AssignLicense extends ProductName {
  @IsUUID() userId!: string;
}
export class RemoveLicense {
  @IsUUID() userId!: string;
  @IsUUID() licenseId!: string;
}

// Views

export class PurchaseView {
  @IsUUID() id!: string;
  @IsUUID() systemProviderId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Absent: unlimited. */
  @IsOptional() @IsInt() quantity?: number;
  /** Only `active` ones count in what the provider owns. `grace`: the term is over, licenses still work. */
  @IsIn(PURCHASE_STATES) state!: PurchaseState;
  @IsISO8601() startsAt!: string;
  /** Absent: perpetual. */
  @IsOptional() @IsISO8601() endsAt?: string;
  @IsOptional() @IsString() reference?: string;
  /** The perpetual one whose quantity is set by product. */
  @IsBoolean() standing!: boolean;
  @IsInt() version!: number;
  @IsISO8601() createdAt!: string;
}

/** One product at a system provider. */
export class ProviderLicensesView {
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Sum of the active purchases. Absent: unlimited. */
  @IsOptional() @IsInt() purchased?: number;
  /** Taken out of it: reserved by sub-purchases, or assigned to users without one. May be above `purchased` after a term has ended. */
  @IsInt() committed!: number;
  /** Assigned to users. */
  @IsInt() used!: number;
  /** Of those, how many have served a client. */
  @IsInt() consumed!: number;
  /** Absent: unlimited. */
  @IsOptional() @IsInt() free?: number;
  /** When the next of the active purchases ends. Absent: all are perpetual. */
  @IsOptional() @IsISO8601() expiresAt?: string;
}

/** One product at a reseller or group. */
export class NodeLicensesView {
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** The sub-purchase. Absent: none, and then the level above is drawn on directly. */
  @IsOptional() @IsInt() subPurchased?: number;
  /** What the level above counts as taken: the sub-purchase, or what is drawn without or above one. */
  @IsInt() committed!: number;
  /** Drawn from the sub-purchase: by a group's users, or by a reseller's groups with their own sub-purchases. */
  @IsInt() drawn!: number;
  /** Assigned to users. */
  @IsInt() used!: number;
  /** Of those, how many have served a client. */
  @IsInt() consumed!: number;
  /** Of the sub-purchase. Absent without one. */
  @IsOptional() @IsInt() free?: number;
}

export class SubPurchaseView {
  @IsIn(['reseller', 'group']) level!: 'reseller' | 'group';
  @IsUUID() nodeId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  @IsInt() quantity!: number;
  /** Drawn from it: by a group's users, or by a reseller's groups. */
  @IsInt() drawn!: number;
  @IsInt() free!: number;
}

export class OversellView {
  @IsUUID() resellerId!: string;
  /** `PROVIDER_BACKED`: groups may be handed more than the reseller sub-purchased while the provider has room. */
  @IsIn(OVERSELL) oversell!: Oversell;
}

/** A permanent license of a user. */
export class LicenseView {
  @IsUUID() id!: string;
  @IsUUID() userId!: string;
  @IsString() application!: string;
  @IsString() licenseType!: string;
  /** Lets its holder receive and send messages. */
  @IsBoolean() messaging!: boolean;
  @IsISO8601() assignedAt!: string;
  /** When it first served a client, and when last. Absent: it is assigned and not consumed. */
  @IsOptional() @IsISO8601() firstConsumedAt?: string;
  @IsOptional() @IsISO8601() lastConsumedAt?: string;
  /** The purchase behind it is over: it serves no client until there are licenses enough again. */
  @IsOptional() @IsISO8601() suspendedAt?: string;
}

// Contracts

export const setPurchase = define<SetPurchase, PurchaseView>('set-purchase', SetPurchase);
export const addPurchase = define<AddPurchase, PurchaseView>('add-purchase', AddPurchase);
export const updatePurchase = define<UpdatePurchase, PurchaseView>('update-purchase', UpdatePurchase);
export const removePurchase = define<ById, null>('remove-purchase', ById);
export const getPurchase = define<ById, PurchaseView>('get-purchase', ById);
export const listPurchases = define<ListPurchases, Page<PurchaseView>>('list-purchases', ListPurchases);

export const listProviderLicenses = define<ById, ProviderLicensesView[]>('list-provider-licenses', ById);
export const listResellerLicenses = define<ById, NodeLicensesView[]>('list-reseller-licenses', ById);
export const listGroupLicenses = define<ById, NodeLicensesView[]>('list-group-licenses', ById);

export const listResellerSubPurchases = define<ById, SubPurchaseView[]>('list-reseller-sub-purchases', ById);
export const addResellerSubPurchase = define<AddResellerSubPurchase, SubPurchaseView>(
  'add-reseller-sub-purchase',
  AddResellerSubPurchase,
);
export const setResellerSubPurchase = define<SetResellerSubPurchase, SubPurchaseView>(
  'set-reseller-sub-purchase',
  SetResellerSubPurchase,
);
export const removeResellerSubPurchase = define<RemoveResellerSubPurchase, null>(
  'remove-reseller-sub-purchase',
  RemoveResellerSubPurchase,
);
export const listGroupSubPurchases = define<ById, SubPurchaseView[]>('list-group-sub-purchases', ById);
export const addGroupSubPurchase = define<AddGroupSubPurchase, SubPurchaseView>(
  'add-group-sub-purchase',
  AddGroupSubPurchase,
);
export const setGroupSubPurchase = define<SetGroupSubPurchase, SubPurchaseView>(
  'set-group-sub-purchase',
  SetGroupSubPurchase,
);
export const removeGroupSubPurchase = define<RemoveGroupSubPurchase, null>(
  'remove-group-sub-purchase',
  RemoveGroupSubPurchase,
);
export const getOversell = define<ById, OversellView>('get-oversell', ById);
export const setOversell = define<SetOversell, OversellView>('set-oversell', SetOversell);

export const assignLicense = define<AssignLicense, LicenseView>('assign-license', AssignLicense);
export const removeLicense = define<RemoveLicense, null>('remove-license', RemoveLicense);
export const listUserLicenses = define<ById, LicenseView[]>('list-user-licenses', ById);
/** Ends all permanent licenses of a user; trials go on. */
export const removeLicenses = define<ById, null>('remove-licenses', ById);
