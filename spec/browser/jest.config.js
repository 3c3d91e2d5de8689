import config from '../../jest.config.js';

/** What needs a browser and a built app has a run of its own: `npm run test:browser`. */
export default {
  ...config,
  rootDir: '../..',
  testMatch: ['<rootDir>/spec/browser/*-in-chromium.ts'],
  // Building the app and starting a browser take their time where the machine is busy.
  testTimeout: 60_000,
};
