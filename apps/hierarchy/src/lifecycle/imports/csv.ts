/** A record of the file, numbered as a spreadsheet shows it: the first is row 1, blank ones count. */
export interface CsvRecord {
  row: number;
  fields: string[];
}

/** The file can't be read from here on. */
export class CsvUnreadable extends Error {
  constructor(
    readonly row: number,
    what: string,
  ) {
    super(`Row ${row} can't be read: ${what}`);
  }
}

type At = 'start' | 'plain' | 'quoted' | 'quote';

/**
 * Reads CSV (RFC 4180) given in pieces of any size: quoted fields with line breaks and doubled quotes, lines that end in
 * CRLF, LF or CR, a byte order mark, and as separator a comma, or a semicolon or tab where the first line has no comma
 * outside quotes. Nothing is trimmed. A quote inside a field that did not begin with one is a character like others.
 */
export class CsvReader {
  private at: At = 'start';
  private field = '';
  private fields: string[] = [];
  private row = 1;
  private separator?: string;
  private begun = false;
  private afterReturn = false;
  private head = '';

  /** The records that this piece completes; blank ones are left out. */
  push(piece: string): CsvRecord[] {
    let text = piece;
    if (!this.begun && text !== '') {
      this.begun = true;
      if (text.startsWith('\uFEFF')) text = text.slice(1);
    }
    if (this.separator === undefined) {
      this.head += text;
      if (!/[\r\n]/.test(this.head)) return [];
      text = this.head;
      this.separator = separatorOf(text);
    }
    return this.read(text);
  }

  /** What is left when the last line has no end. */
  end(): CsvRecord[] {
    this.separator ??= separatorOf(this.head);
    const records = this.row === 1 && this.fields.length === 0 && this.field === '' ? this.read(this.headOnce()) : [];
    if (this.at === 'quoted') throw new CsvUnreadable(this.row, 'a quote that was opened there is never closed.');
    if (this.at !== 'start' || this.fields.length > 0) this.endRecord(records);
    return records;
  }

  /** A file of one line was only kept so far, for its separator. */
  private headOnce(): string {
    const { head } = this;
    this.head = '';
    return /[\r\n]/.test(head) ? '' : head;
  }

  private read(text: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    const separator = this.separator!;
    let from = 0;
    const keep = (to: number): void => {
      if (to > from) this.field += text.slice(from, to);
    };
    for (let i = 0; i < text.length; i++) {
      const character = text[i]!;
      if (this.at === 'quoted') {
        if (character !== '"') continue;
        keep(i);
        from = i + 1;
        this.at = 'quote';
        continue;
      }
      const isReturn = character === '\r';
      if (character === '\n' && this.afterReturn) {
        from = i + 1;
      } else if (isReturn || character === '\n') {
        keep(i);
        from = i + 1;
        this.endRecord(records);
      } else if (character === separator) {
        keep(i);
        from = i + 1;
        this.endField();
        this.at = 'plain';
      } else if (
        character === '"' &&
        (this.at === 'start' || (this.at === 'plain' && this.field === '' && from === i))
      ) {
        from = i + 1;
        this.at = 'quoted';
      } else if (this.at === 'quote') {
        if (character !== '"')
          throw new CsvUnreadable(
            this.row,
            'after a closing quote, only a separator or the end of the line may follow.',
          );
        // A doubled quote stands for one, which begins what is kept next.
        from = i;
        this.at = 'quoted';
      } else {
        this.at = 'plain';
      }
      this.afterReturn = isReturn;
    }
    if (this.at !== 'quote') keep(text.length);
    return records;
  }

  private endField(): void {
    this.fields.push(this.field);
    this.field = '';
  }

  private endRecord(records: CsvRecord[]): void {
    const blank = this.at === 'start' && this.fields.length === 0;
    this.endField();
    if (!blank) records.push({ row: this.row, fields: this.fields });
    this.fields = [];
    this.row += 1;
    this.at = 'start';
  }
}

function separatorOf(text: string): string {
  const firstLine = /^(?:"[^"]*"|[^\r\n"])*/.exec(text)![0].replaceAll(/"[^"]*"/g, '');
  return [',', ';', '\t'].find((separator) => firstLine.includes(separator)) ?? ',';
}
