import * as NS from '../xml/namespaces.js';
import { xml } from '../xml/xml.js';
import type { XmlElement } from '../xml/xml-element.js';

/** One field of a form. */
export interface FormField {
  /** What to answer it by. */
  readonly name: string;
  /** `text-single`, `text-private`, `list-single`, `boolean` ... (XEP-0004 section 3.3). */
  readonly type: string;
  /** For people. */
  readonly label: string | undefined;
  readonly required: boolean;
  /** What is filled in already. */
  readonly values: readonly string[];
  /** What can be chosen from, if not anything. */
  readonly options: readonly { readonly value: string; readonly label: string | undefined }[];
}

/** A form as a server sends it. */
export interface DataForm {
  readonly title: string | undefined;
  readonly instructions: string | undefined;
  readonly fields: readonly FormField[];
}

/** What was filled in, by the names of the fields. */
export type FormValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Reads an `<x xmlns='jabber:x:data'/>` (XEP-0004). Fields without a name, which only explain, are left out. */
export function dataForm(x: XmlElement): DataForm {
  const said = (name: string) =>
    x
      .childrenOf(name, NS.dataForms)
      .map((child) => child.text())
      .join('\n') || undefined;
  const fields = x.childrenOf('field', NS.dataForms).flatMap((field): FormField[] => {
    const { var: name, type = 'text-single', label } = field.attrs;
    if (name === undefined || name === '' || type === 'fixed') return [];
    const options = field.childrenOf('option', NS.dataForms).map((option) => ({
      value: option.child('value', NS.dataForms)?.text() ?? '',
      label: option.attrs.label,
    }));
    const values = valuesOf(field);
    return [{ name, type, label, required: field.child('required', NS.dataForms) !== undefined, values, options }];
  });
  return { title: said('title'), instructions: said('instructions'), fields };
}

/**
 * The answer to a form: what was filled in, and of the rest what the server had filled in itself, as hidden fields must be.
 *
 * @returns An `<x xmlns='jabber:x:data' type='submit'/>`.
 */
export function submitForm({ fields }: Pick<DataForm, 'fields'>, values: FormValues): XmlElement {
  const answers = fields.flatMap(({ name, type, values: given }) => {
    // A boolean is 0 or 1, and never empty (XEP-0004 section 3.3).
    const texts = [values[name] ?? given].flat().map((one) => (typeof one === 'boolean' ? `${+one}` : one));
    if (texts.length === 0) return [];
    const attrs = type === 'hidden' ? { var: name, type } : { var: name };
    return xml('field', attrs, ...texts.map((text) => xml('value', {}, text)));
  });
  return xml('x', { xmlns: NS.dataForms, type: 'submit' }, ...answers);
}

function valuesOf(field: XmlElement): string[] {
  return field.childrenOf('value', NS.dataForms).map((value) => value.text());
}
