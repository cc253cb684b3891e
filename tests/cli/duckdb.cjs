// SPDX-License-Identifier: GPL-2.0-or-later
// duckdb.cjs FOLDER: runs the SQL on standard input there; rows as JSON, one a line.
const { DuckDBInstance } = require("../npm/node_modules/@duckdb/node-api");
const fs = require("fs");

async function main() {
  const sql = fs.readFileSync(0, "utf8");
  process.chdir(process.argv[2]);
  const db = await DuckDBInstance.create(":memory:");
  const connection = await db.connect();
  const reader = await connection.runAndReadAll(sql);
  for (const row of reader.getRowsJson()) console.log(JSON.stringify(row));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
