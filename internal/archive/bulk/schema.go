package bulk

import "ringfence/internal/platform/place"

// Migrations make the tables of this package in a customer's place.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 690, Name: "imports", SQL: `
-- Folder and settings are sealed; so is the path of each file.
CREATE TABLE imports (
  id         {{id}}    PRIMARY KEY,
  source     {{id}}    NOT NULL,
  state      {{text}}  NOT NULL,
  goes       {{text}}  NOT NULL,
  note       {{text}}  NOT NULL,
  settings   {{bytes}} NOT NULL,
  created_at {{int}}   NOT NULL,
  created_by {{text}}  NOT NULL,
  started_at {{int}},
  ended_at   {{int}},
  listed     {{int}}   NOT NULL,
  others     {{int}}   NOT NULL,
  next       {{int}}   NOT NULL,
  yielding   {{int}}   NOT NULL,
  report     {{bytes}},
  signature  {{bytes}}
);

-- Folders to list, and files that are no sound but may name some.
CREATE TABLE import_dirs (
  import {{id}}    NOT NULL,
  token  {{bytes}} NOT NULL,
  n      {{int}}   NOT NULL,
  list   {{int}}   NOT NULL,
  done   {{int}}   NOT NULL,
  path   {{bytes}} NOT NULL,
  PRIMARY KEY (import, token)
);

-- One row for each file. verdict is what the preview says, outcome what became of it; '' while neither is known.
CREATE TABLE import_files (
  import      {{id}}    NOT NULL,
  n           {{int}}   NOT NULL,
  token       {{bytes}} NOT NULL,
  part        {{bytes}} NOT NULL,
  day         {{int}}   NOT NULL,
  size        {{int}}   NOT NULL,
  modified_at {{int}}   NOT NULL,
  path        {{bytes}} NOT NULL,
  verdict     {{text}}  NOT NULL,
  outcome     {{text}}  NOT NULL,
  reason      {{text}}  NOT NULL,
  call        {{bytes}},
  sketch      {{bytes}},
  millis      {{int}}   NOT NULL,
  PRIMARY KEY (import, n)
);
CREATE UNIQUE INDEX import_files_token ON import_files (import, token);
CREATE INDEX import_files_look ON import_files (import, verdict, day, part, n);
CREATE INDEX import_files_run ON import_files (import, outcome, day, part, n);
CREATE INDEX import_files_sketch ON import_files (import, sketch) WHERE sketch IS NOT NULL;
`}}
}

// Housekeeping are the tables that are written without an event: how far an import has come, and what became of each file. That it was
// prepared, begun, told to wait and ended is written with events.
var Housekeeping = []string{"imports", "import_dirs", "import_files"}
