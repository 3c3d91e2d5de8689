import config from '../jest.config.js';

/** The specs that a change in the layers below is to be noticed by: those without processes and servers. */
export default {
  ...config,
  rootDir: '..',
  setupFilesAfterEnv: ['<rootDir>/.ci/mutation-setup.cjs'],
  testMatch: ['<rootDir>/spec/{stream,sasl,session,xml,transport,client}/**/*-spec.ts'],
};
