// SPDX-License-Identifier: GPL-2.0-or-later
// sarif-schema.cjs FILE...: each against the JSON Schema of SARIF 2.1.0, by ajv.
"use strict";
const fs = require("fs");
const path = require("path");
const Ajv = require("ajv/dist/2020");
const addFormats = require("ajv-formats");

const schema = path.join(path.dirname(require.resolve("@microsoft/sarif-multitool-linux")),
			 "sarif-2.1.0.json");
const ajv = new Ajv({ allErrors: true, strict: false });
addFormats(ajv);
const validate = ajv.compile(JSON.parse(fs.readFileSync(schema, "utf8")));
let failed = 0;

for (const file of process.argv.slice(2)) {
	if (validate(JSON.parse(fs.readFileSync(file, "utf8"))))
		continue;
	failed = 1;
	for (const error of validate.errors.slice(0, 20))
		console.log(`${file}: ${error.instancePath}: ${error.message}`);
}
process.exit(failed);
