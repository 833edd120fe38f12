/** One figure. `ratio` is to `floor`, measured in the same run. */
export interface Row {
  metric: string;
  unit: string;
  value: number;
  floor: number | null;
  ratio: number | null;
  /** The goal, as text; and whether it was met. */
  aim?: string;
  met?: boolean;
  [extra: string]: unknown;
}

export interface Aim {
  of: 'ratio' | 'value';
  least?: number;
  most?: number;
}

/** Prints figures as they come, and gathers what went wrong. */
export class Report {
  readonly rows: Row[] = [];
  readonly failures: string[] = [];

  constructor(private readonly json: boolean) {}

  add(
    metric: string,
    unit: string,
    value: number,
    floor: number | null,
    extra: Record<string, unknown> = {},
    aim?: Aim,
  ): void {
    const ratio = floor === null ? null : value / floor;
    const judged = aim?.of === 'ratio' ? (ratio ?? 0) : value;
    const row: Row = {
      metric,
      unit,
      value: round(value),
      floor: floor === null ? null : round(floor),
      ratio: ratio === null ? null : Number(ratio.toFixed(3)),
      ...(aim && {
        aim: `${aim.of} ${aim.least !== undefined ? `≥ ${aim.least}` : `≤ ${aim.most}`}`,
        met: judged >= (aim.least ?? -Infinity) && judged <= (aim.most ?? Infinity),
      }),
      ...Object.fromEntries(
        Object.entries(extra).map(([name, value]) => [name, typeof value === 'number' ? round(value) : value]),
      ),
    };
    this.rows.push(row);
    if (this.json) console.log(JSON.stringify(row));
    else this.note(`${metric}: ${row.value} ${unit}`);
  }

  /** Something broke or was lost. */
  fail(what: string): void {
    this.failures.push(what);
    this.note(`FAILED ${what}`);
  }

  note(text: string): void {
    process.stderr.write(`${text}\n`);
  }

  /** The table, for people. */
  print(): void {
    if (this.json) return;
    const known = new Set(['metric', 'unit', 'value', 'floor', 'ratio', 'aim', 'met']);
    const lines = [
      ['metric', 'value', 'unit', 'floor', 'ratio', 'aim', ''],
      ...this.rows.map((row) => [
        row.metric,
        String(row.value),
        row.unit,
        row.floor === null ? '' : String(row.floor),
        row.ratio === null ? '' : row.ratio.toFixed(2),
        row.aim === undefined ? '' : `${row.aim} ${row.met ? 'met' : 'missed'}`,
        Object.entries(row)
          .filter(([name]) => !known.has(name))
          .map(([name, value]) => `${name} ${String(value)}`)
          .join(', '),
      ]),
    ];
    const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
    const rightAligned = new Set([1, 3, 4]);
    console.log('');
    for (const line of lines)
      console.log(
        line
          .map((cell, column) =>
            rightAligned.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
          )
          .join('  ')
          .trimEnd(),
      );
    for (const failure of this.failures) console.log(`\nFAILED ${failure}`);
  }
}

const round = (value: number): number => Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2));
