import { map, type Observable } from 'rxjs';
import type { Jid } from '../../jid/jid.js';
import * as NS from '../../xml/namespaces.js';
import { xml } from '../../xml/xml.js';
import type { XmlElement } from '../../xml/xml-element.js';
import type { FeatureContext } from '../stream-feature.js';
import { stanzaError } from '../stanza-error-of.js';
import { bounded } from '../within.js';
import type { XmlStream } from '../xml-stream.js';
import { answerTo } from './answer.js';

/**
 * One request to the server while the stream is being negotiated. Before a resource is bound nobody else can reach us (RFC 6120
 * section 7.1), so the id is enough to know the answer by; after that the sender must be the server too, for anybody can guess
 * the id. What comes before the answer waits for whoever reads next.
 */
export function request(
  stream: XmlStream,
  payload: XmlElement,
  phase: 'bind' | 'register',
  stage: FeatureContext,
  type: 'get' | 'set' = 'set',
): Observable<XmlElement> {
  const id = payload.name;
  const isAnswer = ({ name, xmlns, attrs }: XmlElement) =>
    name === 'iq' &&
    xmlns === NS.client &&
    attrs.id === id &&
    /^(result|error)$/.test(attrs.type ?? '') &&
    isFromServer(attrs.from, stage.agreed.jid);
  return answerTo(stream, xml('iq', { type, id }, payload), isAnswer).pipe(
    map((answer) => {
      if (answer.attrs.type === 'error') throw stanzaError(answer, phase, stream.secrets);
      return answer;
    }),
    bounded(phase, stage, 'bind'),
  );
}

/** The server answers for itself or for our account (RFC 6120 section 8.1.2.1). */
export function isFromServer(from: string | undefined, own: Jid | undefined): boolean {
  return !own || [undefined, own.domain, own.bare().toString(), own.toString()].includes(from);
}
