// zone.js, without what it would patch in all spec files of a worker: these classes are shared between them.
Object.assign(globalThis, {
  __Zone_disable_EventTarget: true,
  __Zone_disable_on_property: true,
  __Zone_disable_XHR: true,
});
jest.requireActual('zone.js');
