// SPDX-License-Identifier: LGPL-2.1-or-later
// azurite-resize.js: what an account SAS must permit for a Resize.
//
//   NODE_OPTIONS='--require=.../azurite-resize.js'
//
// Azurite 3.35.0 has no entry for that in its table, and answers 500. It is the
// one for the other thing that Set Blob Properties does to a page blob.
'use strict';

const fs = require('fs');
const path = require('path');

const folder = path.dirname(fs.realpathSync(process.argv[1]));
const load = (name) => require(path.join(folder, name)).default;
const operation = load('generated/artifacts/operation');
const permissions = load('authentication/OperationAccountSASPermission');

if (permissions.has(operation.PageBlob_Resize)) {
  console.error('Azurite has learnt it: azurite-resize.js is needless');
  process.exit(1);
}
permissions.set(operation.PageBlob_Resize,
                permissions.get(operation.PageBlob_UpdateSequenceNumber));
