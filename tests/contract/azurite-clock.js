// SPDX-License-Identifier: LGPL-2.1-or-later
// azurite-clock.js: makes the emulator's clock one that tests can move.
//
//   NODE_OPTIONS='--require=.../azurite-clock.js'
//   LEASEHOLD_AZURITE_CLOCK=FILE   with the milliseconds to add, as text
'use strict';

const fs = require('fs');
const SystemDate = Date;
const file = process.env.LEASEHOLD_AZURITE_CLOCK;

let reading = false; // a patched fs may ask for the time meanwhile

function offset() {
  if (reading) {
    return 0;
  }
  reading = true;
  try {
    return Number(fs.readFileSync(file, 'utf8')) || 0;
  } catch (error) {
    return 0; // not there yet
  } finally {
    reading = false;
  }
}

if (file) {
  global.Date = class Date extends SystemDate {
    constructor(...parts) {
      if (parts.length === 0) {
        super(SystemDate.now() + offset());
      } else {
        super(...parts);
      }
    }

    static now() {
      return SystemDate.now() + offset();
    }
  };
}
