import { Injectable } from '@nestjs/common';
import {
  AddGroupSubPurchase,
  AddResellerSubPurchase,
  type AnswerOf,
  type NodeLicensesView,
  type ParametersOf,
} from '@strowger/contracts-hierarchy';
import type { RpcContext } from '@strowger/kernel';
import { BalancesService } from '../licensing/balances.service.js';
import { PRODUCTS, productOf } from '../licensing/catalog.js';
import { SubPurchasesService } from '../licensing/sub-purchases.service.js';
import { UserLicensesService } from '../tree/users/user-licenses.service.js';
import { NaturalKeysService } from '../tree/natural-keys.service.js';
import { requestOf, type Operations } from './operations.js';
import { UserLicensesReader } from './user-licenses.reader.js';

type Mine =
  | 'AddUserLicense'
  | 'DeleteUserLicense'
  | 'DeleteUserLicenses'
  | 'GetUserLicenses'
  | 'GetLicenseTypes'
  | 'GetSystemProviderLicenses'
  | `${'Add' | 'Update' | 'Delete'}${'Reseller' | 'Group'}LicenseSubPurchase`
  | `Get${'Reseller' | 'Group'}LicenseSubPurchases`;

/** Licenses and sub-purchases, as the SOAP API names them. */
@Injectable()
export class LicensingOperations implements Operations<Mine> {
  constructor(
    private readonly keys: NaturalKeysService,
    private readonly reader: UserLicensesReader,
    private readonly licenses: UserLicensesService,
    private readonly subPurchases: SubPurchasesService,
    private readonly balances: BalancesService,
  ) {}

  /** What the user has already is kept, without a look at any pool. */
  async AddUserLicense(context: RpcContext, given: ParametersOf<'AddUserLicense'>): Promise<void> {
    const { applicationName: application, licenseType } = given;
    const { userId, licenses } = await this.reader.of(context, given);
    productOf(application, licenseType);
    if (licenses.some((l) => l.applicationName === application && l.licenseType === licenseType && !l.isTrial)) return;
    await this.licenses.assign({ ...context, body: { userId, application, licenseType } });
  }

  async DeleteUserLicense(context: RpcContext, given: ParametersOf<'DeleteUserLicense'>): Promise<void> {
    const { applicationName: application, licenseType } = given;
    const { userId } = await this.keys.user(context, given);
    await this.licenses.removeProduct(context, { userId, application, licenseType });
  }

  async DeleteUserLicenses(context: RpcContext, given: ParametersOf<'DeleteUserLicenses'>): Promise<void> {
    const { userId } = await this.keys.user(context, given);
    await this.licenses.removeAll({ ...context, body: { id: userId } });
  }

  async GetUserLicenses(
    context: RpcContext,
    given: ParametersOf<'GetUserLicenses'>,
  ): Promise<AnswerOf<'GetUserLicenses'>> {
    const { licenses } = await this.reader.of(context, given);
    return { licenses };
  }

  async GetLicenseTypes(): Promise<AnswerOf<'GetLicenseTypes'>> {
    const licenseTypes = PRODUCTS.map(({ application, licenseType }) => ({
      applicationName: application,
      licenseType,
    }));
    return Promise.resolve({ licenseTypes });
  }

  async GetSystemProviderLicenses(
    context: RpcContext,
    given: ParametersOf<'GetSystemProviderLicenses'>,
  ): Promise<AnswerOf<'GetSystemProviderLicenses'>> {
    const id = await this.keys.provider(context, given);
    const rows = await this.balances.ofProvider({ ...context, body: { id } });
    return {
      licenses: rows.map(({ application, licenseType, purchased, committed, used, free, expiresAt }) => ({
        applicationName: application,
        licenseType,
        isUnlimited: purchased === undefined,
        purchased: purchased ?? null,
        committed,
        used,
        free: free ?? null,
        expiryDate: expiresAt ?? null,
      })),
    };
  }

  async AddResellerLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'AddResellerLicenseSubPurchase'>,
  ): Promise<void> {
    const { resellerId } = await this.keys.reseller(context, given);
    const fields = { resellerId, ...productIn(given), quantity: given.numberOfLicenses };
    const body = requestOf(AddResellerSubPurchase, fields, NAMES);
    await this.subPurchases.addToReseller({ ...context, body });
  }

  async UpdateResellerLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'UpdateResellerLicenseSubPurchase'>,
  ): Promise<void> {
    const { resellerId } = await this.keys.reseller(context, given);
    const body = { resellerId, ...productIn(given), quantity: given.numberOfLicenses };
    await this.subPurchases.setOfReseller({ ...context, body });
  }

  async DeleteResellerLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'DeleteResellerLicenseSubPurchase'>,
  ): Promise<void> {
    const { resellerId } = await this.keys.reseller(context, given);
    await this.subPurchases.removeFromReseller({ ...context, body: { resellerId, ...productIn(given) } });
  }

  async GetResellerLicenseSubPurchases(
    context: RpcContext,
    given: ParametersOf<'GetResellerLicenseSubPurchases'>,
  ): Promise<AnswerOf<'GetResellerLicenseSubPurchases'>> {
    const { resellerId } = await this.keys.reseller(context, given);
    return { subPurchases: subPurchasesOf(await this.balances.ofReseller({ ...context, body: { id: resellerId } })) };
  }

  async AddGroupLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'AddGroupLicenseSubPurchase'>,
  ): Promise<void> {
    const { groupId } = await this.keys.group(context, given);
    const fields = { groupId, ...productIn(given), quantity: given.numberOfLicenses };
    const body = requestOf(AddGroupSubPurchase, fields, NAMES);
    await this.subPurchases.addToGroup({ ...context, body });
  }

  async UpdateGroupLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'UpdateGroupLicenseSubPurchase'>,
  ): Promise<void> {
    const { groupId } = await this.keys.group(context, given);
    const body = { groupId, ...productIn(given), quantity: given.numberOfLicenses };
    await this.subPurchases.setOfGroup({ ...context, body });
  }

  async DeleteGroupLicenseSubPurchase(
    context: RpcContext,
    given: ParametersOf<'DeleteGroupLicenseSubPurchase'>,
  ): Promise<void> {
    const { groupId } = await this.keys.group(context, given);
    await this.subPurchases.removeFromGroup({ ...context, body: { groupId, ...productIn(given) } });
  }

  async GetGroupLicenseSubPurchases(
    context: RpcContext,
    given: ParametersOf<'GetGroupLicenseSubPurchases'>,
  ): Promise<AnswerOf<'GetGroupLicenseSubPurchases'>> {
    const { groupId } = await this.keys.group(context, given);
    return { subPurchases: subPurchasesOf(await this.balances.ofGroup({ ...context, body: { id: groupId } })) };
  }
}

const NAMES = { application: 'applicationName', quantity: 'numberOfLicenses' };

interface GivenProduct {
  applicationName: string;
  licenseType: string;
}
const productIn = ({ applicationName: application, licenseType }: GivenProduct) => ({ application, licenseType });

const subPurchasesOf = (rows: readonly NodeLicensesView[]) =>
  rows
    .filter(({ subPurchased }) => subPurchased !== undefined)
    .map(({ application, licenseType, subPurchased, drawn, used, free }) => ({
      applicationName: application,
      licenseType,
      numberOfLicenses: subPurchased!,
      committed: drawn,
      used,
      free: free ?? 0,
    }));
