import { isName } from './characters.js';
import { restricted, unexpected } from './xml-fault.js';

/** XML 1.0 section 2.8, in ASCII: of white space, the four characters that XML has. */
const DECLARATION =
  /^(?=[\t\n\r -~]*\?>)<\?xml\s+version\s*=\s*(['"])1\.\d+\1(?:\s+encoding\s*=\s*(['"])([A-Za-z][-.\w]*)\2)?(?:\s+standalone\s*=\s*(['"])(?:yes|no)\4)?\s*\?>/;

/** How long the XML declaration is that a text begins with. Anything else that begins with `<?` is a fault. */
export function declarationLength(text: string): number {
  const match = DECLARATION.exec(text);
  if (!match) {
    const target = text.slice(2).split(/[\t\n\r ?]/, 1)[0]!;
    throw target === 'xml' || !isName(target) ? unexpected('<?') : restricted('<?');
  }
  const encoding = match[3];
  if (encoding && encoding.toLowerCase() !== 'utf-8') throw unexpected(encoding, 'unsupported-encoding');
  return match[0].length;
}
