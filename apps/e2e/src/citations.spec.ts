import { filesAt, textOf } from './repository.fixtures.js';

/**
 * Sources cite pages of docs: "carrier-restcomm §4.2", "messaging-rules §3", "design §6". A bare section belongs to the page
 * that the same file named last, else to the page of its folder. Each must lead to a heading that exists.
 */

const PAGES = new Map(
  [...filesAt('docs/reference/*-*.md'), 'docs/design.md'].map((path) => [
    path.slice(path.lastIndexOf('/') + 1, -'.md'.length),
    new Set([...textOf(path).matchAll(/^#{2,4} (\d+(?:\.\d+)*)\.? /gm)].map(([, section]) => section!)),
  ]),
);
const ALSO_CALLED: Record<string, string> = {
  restcomm: 'carrier-restcomm',
  'message exchange': 'carrier-message-exchange',
};
/** What a folder is about, so that its files need not say so each time. */
const PAGE_OF_FOLDER: Record<string, string> = {
  'libs/cpaas/src/restcomm/': 'carrier-restcomm',
  'tools/carrier-twins/src/restcomm/': 'carrier-restcomm',
  'tools/carrier-twins/src/exchange/': 'carrier-message-exchange',
  'tools/verify/soap/': 'provisioning-soap-api',
};
/** Standards of others, whose sections are not ours to check. */
const OUTSIDE = ['RFC \\d+', 'NIST SP [\\w-]+', 'SOAP 1\\.2 part 1', 'Trace Context', '3GPP TS [\\d.]+'];

const named = [...PAGES.keys(), ...Object.keys(ALSO_CALLED)].join('|');
/** A page's name or a standard's, or the sections of a citation. */
const TOKEN = new RegExp(
  `(?<page>\\b(?:${named})\\b)|(?<outside>${OUTSIDE.join('|')})|§(?<sections>\\d[\\d.]*\\d|\\d)`,
  'gi',
);

interface Citation {
  where: string;
  page: string | undefined;
  section: string;
}

function citationsIn(path: string, text: string): Citation[] {
  const citations: Citation[] = [];
  const folder = Object.keys(PAGE_OF_FOLDER).find((each) => path.startsWith(each));
  let page = folder && PAGE_OF_FOLDER[folder];
  for (const [index, line] of text.split('\n').entries()) {
    // The name of a page counts where sections follow; elsewhere the word is a word.
    for (const { groups } of line.includes('§') ? line.matchAll(TOKEN) : []) {
      const name = groups!['page']?.toLowerCase();
      if (groups!['outside']) page = 'outside';
      else if (name) page = ALSO_CALLED[name] ?? name;
      else if (page !== 'outside')
        citations.push({ where: `${path}:${index + 1}`, page, section: groups!['sections']! });
    }
  }
  return citations;
}

const broken = (citations: Citation[]): string[] =>
  citations
    .filter(({ page, section }) => !page || !PAGES.get(page)?.has(section))
    .map(({ where, page, section }) => `${where}: ${page ?? 'no page is named for'} §${section}`);

/** This file's examples lead nowhere on purpose. */
const OWN = 'apps/e2e/src/citations.spec.ts';
const SOURCES = filesAt(
  '{apps,libs,tools,docker}/**/*.{ts,mjs,sh,sql,md,py,yaml}',
  'docs/*.md',
  'docs/adr/*.md',
  '*.md',
).filter((path) => path !== OWN);

it('every citation in the sources leads to a page and a heading', () => {
  const citations = SOURCES.flatMap((path) => citationsIn(path, textOf(path)));
  expect(citations.length).toBeGreaterThan(150);
  expect(broken(citations)).toEqual([]);
});

it('finds a citation that leads nowhere', () => {
  const text = ['/** (carrier-restcomm §4.2, §99) */', '// §4.3', '// RFC 9562 §5.7, §6.2', '// Design §6'].join('\n');
  expect(broken(citationsIn('libs/kernel/src/x.ts', text))).toEqual(['libs/kernel/src/x.ts:1: carrier-restcomm §99']);
  expect(broken(citationsIn('libs/kernel/src/x.ts', '// as §3 says'))).toEqual([
    'libs/kernel/src/x.ts:1: no page is named for §3',
  ]);
  expect(broken(citationsIn('tools/verify/soap/x.mjs', '// §2.1, §9.9'))).toEqual([
    'tools/verify/soap/x.mjs:1: provisioning-soap-api §9.9',
  ]);
});

it('pages refer to pages that exist', () => {
  const links = filesAt('docs/**/*.md').flatMap((path) =>
    [...textOf(path).matchAll(/`(?:reference\/)?((?:carrier-)?[a-z-]+)\.md`/g)].map(
      ([, page]) => [path, page!] as const,
    ),
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter(([, page]) => !PAGES.has(page) && page !== 'design')).toEqual([]);
});
