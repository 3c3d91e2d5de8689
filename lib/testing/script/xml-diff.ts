import type { XmlElement } from '../../xml/index.js';

/**
 * An element over several lines, attributes in alphabetical order: two that mean the same print the same. Declarations are left
 * out where an element has the namespace of its parent.
 */
export function prettyXml(element: XmlElement, parentNs = '', indent = ''): string[] {
  const xmlns = element.xmlns || parentNs;
  const attrs = Object.entries(element.attrs)
    .filter(([name]) => name !== 'xmlns' && !name.startsWith('xmlns:'))
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => ` ${name}=${quoted(value!)}`)
    .join('');
  const declaration = xmlns !== parentNs && xmlns !== 'jabber:client' ? ` xmlns=${quoted(xmlns)}` : '';
  const start = `${indent}<${element.name}${declaration}${attrs}`;
  const children = element.children.filter((child) => typeof child !== 'string' || child.trim() !== '');
  if (element.children.length === 0) return [`${start}/>`];
  // Text as it is, where nothing else is.
  if (children.every((child) => typeof child === 'string')) {
    return [`${start}>${escaped(element.children.join(''))}</${element.name}>`];
  }
  const inner = children.flatMap((child) =>
    typeof child === 'string' ? [`${indent}  ${escaped(child.trim())}`] : prettyXml(child, xmlns, `${indent}  `),
  );
  return [`${start}>`, ...inner, `${indent}</${element.name}>`];
}

/** What differs, line by line: `-` is expected, `+` received, as Jest and Git have it. */
export function xmlDiff(expected: readonly string[], received: readonly string[], indent = ''): string {
  // The longest common subsequence; stanzas are short.
  const common: number[][] = Array.from({ length: expected.length + 1 }, () =>
    Array<number>(received.length + 1).fill(0),
  );
  for (let i = expected.length - 1; i >= 0; i--) {
    for (let j = received.length - 1; j >= 0; j--) {
      common[i]![j] =
        expected[i] === received[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < expected.length || j < received.length) {
    if (i < expected.length && j < received.length && expected[i] === received[j]) {
      lines.push(`  ${expected[i++]}`);
      j++;
    } else if (i < expected.length && (j >= received.length || common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push(`- ${expected[i++]}`);
    } else lines.push(`+ ${received[j++]}`);
  }
  return lines.map((line) => indent + line).join('\n');
}

const escaped = (text: string): string =>
  text.replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character]!);
const quoted = (value: string): string => `'${escaped(value).replaceAll("'", '&apos;')}'`;
