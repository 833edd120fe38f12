import { AppError } from '@strowger/kernel';
import type { ProductView } from '@strowger/contracts-hierarchy';

/** What clients of an application may offer beside messaging. For UnityDashboard the type decides. */
const FEATURES: Record<string, string[]> = {
  UnityWallboard: ['wallboard'],
  UnityCrmIntegration: ['crm-integration'],
  UnityContactCenterDesktop: ['contact-center'],
  UnityContactCenterAgent: ['contact-center'],
  UnityContactCenterSupervisor: ['contact-center'],
};

const product = (application: string, licenseTypes: string[], messaging: boolean): ProductView[] =>
  licenseTypes.map((licenseType, rank) => ({
    application,
    licenseType,
    messaging,
    // Of several licenses of one application the highest rank is served: the later in the table, the higher.
    rank,
    features: [
      ...(messaging ? ['messaging'] : []),
      ...(FEATURES[application] ?? []),
      ...(application === 'UnityDashboard' ? [licenseType.startsWith('Tabular') ? 'tabular' : 'graphical'] : []),
    ],
  }));

/**
 * The permitted pairs, in the order of reference/provisioning-soap-api.md §6.1. Names match exactly, never trimmed:
 * `Tabular100+` through an unencoded form arrives as `Tabular100 ` and must not become `Tabular100`.
 */
export const PRODUCTS: readonly ProductView[] = [
  ...product('UnityDesktop', ['Pro', 'Enterprise', 'Anywhere'], true),
  ...product('UnityDesktopWeb', ['Standard'], true),
  ...product('UnityAgent', ['Standard', 'Enterprise', 'Anywhere'], true),
  ...product('UnityAgentWeb', ['Standard'], true),
  ...product('UnitySupervisor', ['Standard', 'Enterprise', 'Anywhere'], true),
  ...product('UnityReception', ['Standard', 'Enterprise', 'Anywhere'], true),
  ...product('UnityWallboard', ['Standard'], false),
  ...product('UnityMobile', ['Standard'], true),
  ...product('UnityCrmIntegration', ['Standard'], false),
  ...product(
    'UnityDashboard',
    ['Tabular30', 'Tabular100', 'Tabular100+', 'Graphical30', 'Graphical100', 'Graphical100+'],
    false,
  ),
  ...product('UnityContactCenterDesktop', ['Add-On', 'Enterprise'], true),
  ...product('UnityContactCenterAgent', ['Add-On', 'Enterprise'], true),
  ...product('UnityContactCenterSupervisor', ['Add-On', 'Enterprise'], true),
];

export const rankOf = (application: string, licenseType: string): number =>
  PRODUCTS.findIndex((p) => p.application === application && p.licenseType === licenseType);

/** The products of an application, the highest rank first. Throws when there is no such application. */
export function productsOf(application: string): ProductView[] {
  const found = PRODUCTS.filter((p) => p.application === application).sort((a, b) => b.rank - a.rank);
  if (found.length === 0)
    throw new UnknownName(
      'application',
      application,
      [...new Set(PRODUCTS.map((p) => p.application))],
      'There is no application',
    );
  return found;
}

/** Throws when the pair is not in the catalog, and says what was probably meant. */
export function productOf(application: string, licenseType: string): ProductView {
  const applications = [...new Set(PRODUCTS.map((p) => p.application))];
  if (!applications.includes(application))
    throw new UnknownName('application', application, applications, 'There is no application');
  const ofApplication = PRODUCTS.filter((p) => p.application === application);
  const found = ofApplication.find((p) => p.licenseType === licenseType);
  if (!found) {
    const permitted = ofApplication.map((p) => p.licenseType);
    throw new UnknownName('license-type', licenseType, permitted, `${application} has no license type`);
  }
  return found;
}

/** Codes `unknown-application` and `unknown-license-type`. */
export class UnknownName extends AppError {
  constructor(what: 'application' | 'license-type', given: string, permitted: string[], sentence: string) {
    const field = what === 'application' ? 'application' : 'licenseType';
    const shown = given.slice(0, 64);
    const message = `${sentence} '${shown}'.${hintFor(given, permitted)} Permitted: ${permitted.join(', ')}.`;
    super(
      'invalid',
      `unknown-${what}`,
      message,
      { given: shown, permitted },
      { errors: [{ field, rule: `unknown-${what}`, message }] },
    );
  }
}

function hintFor(given: string, permitted: string[]): string {
  const trimmed = given.trimEnd();
  if (trimmed !== given) {
    const withPlus = permitted.find((name) => name === `${trimmed}+`);
    if (withPlus)
      return ` It ends with a space, which is what a form makes of '+': percent-encode '${withPlus}' as '${encodeURIComponent(withPlus)}'.`;
    if (permitted.includes(trimmed))
      return ` It ends with a space; if a '+' was meant there, percent-encode it as %2B, otherwise send '${trimmed}'.`;
  }
  const otherCase = permitted.find((name) => name.toLowerCase() === given.toLowerCase());
  return otherCase ? ` Names are case-sensitive; did you mean '${otherCase}'?` : '';
}
