-- Where recordings come from. Folder, logs, patterns and names are sealed in settings.
CREATE TABLE sources (
  id               {{id}}    PRIMARY KEY,
  kind             {{text}}  NOT NULL,
  profile          {{text}}  NOT NULL,
  after_capture    {{text}}  NOT NULL,
  time_zone        {{text}}  NOT NULL,
  language         {{text}}  NOT NULL,
  country          {{text}}  NOT NULL,
  state            {{text}}  NOT NULL,
  note             {{text}}  NOT NULL,
  settings         {{bytes}} NOT NULL,
  created_at       {{int}}   NOT NULL,
  last_captured_at {{int}},
  removed_at       {{int}}
);

-- Where the reading of a source goes on after a restart, sealed.
CREATE TABLE source_states (
  source {{id}}    PRIMARY KEY,
  sealed {{bytes}} NOT NULL
);

CREATE TABLE calls (
  id          {{id}}    PRIMARY KEY,
  source      {{id}}    NOT NULL,
  started_at  {{int}}   NOT NULL,
  answered_at {{int}},
  ended_at    {{int}}   NOT NULL,
  direction   {{text}}  NOT NULL,
  queue       {{text}}  NOT NULL,
  disposition {{text}}  NOT NULL,
  digest      {{bytes}} NOT NULL
);
CREATE INDEX calls_time ON calls (started_at, id);

-- The telephone system's own names of a call, blinded.
CREATE TABLE call_idents (
  token   {{bytes}} PRIMARY KEY,
  call_id {{id}}    NOT NULL
);
CREATE INDEX call_idents_call ON call_idents (call_id);

CREATE TABLE recordings (
  n                   {{int}}   PRIMARY KEY,
  id                  {{id}}    NOT NULL UNIQUE,
  call_id             {{id}}    NOT NULL,
  source              {{id}}    NOT NULL,
  ident               {{bytes}} NOT NULL UNIQUE,
  content_key         {{id}}    NOT NULL,
  card_key            {{id}}    NOT NULL,
  card                {{bytes}} NOT NULL,
  started_at          {{int}}   NOT NULL,
  ended_at            {{int}}   NOT NULL,
  millis              {{int}}   NOT NULL,
  direction           {{text}}  NOT NULL,
  queue               {{text}}  NOT NULL,
  disposition         {{text}}  NOT NULL,
  sound               {{text}}  NOT NULL,
  layout              {{text}}  NOT NULL,
  withheld            {{int}}   NOT NULL,
  transcript_state    {{text}}  NOT NULL,
  transcript_reason   {{text}}  NOT NULL,
  transcript_language {{text}}  NOT NULL,
  transcript_engine   {{text}}  NOT NULL,
  transcript_quality  {{text}}  NOT NULL,
  sentiment           {{int}},
  sentiment_label     {{text}}  NOT NULL,
  bytes               {{int}}   NOT NULL,
  captured_at         {{int}}   NOT NULL,
  verified_at         {{int}},
  stored_receipt      {{id}}    NOT NULL,
  verified_receipt    {{id}}
);
-- The list walks this one backwards and tests its filters on it, without touching rows that do not fit.
CREATE INDEX recordings_time ON recordings (started_at, n, millis, direction, queue, disposition, sound, transcript_state, sentiment_label, source);
CREATE INDEX recordings_length ON recordings (millis, n, queue, direction, sentiment_label);
CREATE INDEX recordings_sentiment ON recordings (sentiment, n, queue, direction);
CREATE INDEX recordings_queue ON recordings (queue, started_at, n, millis, direction, sentiment_label, transcript_state);
-- Those without a transcript are few, and looked for.
CREATE INDEX recordings_untold ON recordings (transcript_state, started_at, n) WHERE transcript_state <> 'done';
CREATE INDEX recordings_unverified ON recordings (n) WHERE verified_at IS NULL;
CREATE INDEX recordings_call ON recordings (call_id);

-- Who took part, blinded: telephone numbers and extensions are different fields, so their tokens never meet.
CREATE TABLE parties (
  token      {{bytes}} NOT NULL,
  started_at {{int}}   NOT NULL,
  n          {{int}}   NOT NULL,
  PRIMARY KEY (token, started_at, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX parties_n ON parties (n);

-- Stored forms of a recording: sound, transcript, outline. Each is one object in the bucket.
CREATE TABLE renditions (
  id       {{id}}    PRIMARY KEY,
  n        {{int}}   NOT NULL,
  object   {{id}}    NOT NULL UNIQUE,
  ordinal  {{int}}   NOT NULL,
  kind     {{text}}  NOT NULL,
  format   {{text}}  NOT NULL,
  millis   {{int}}   NOT NULL,
  plain    {{int}}   NOT NULL,
  bytes    {{int}}   NOT NULL,
  digest   {{text}}  NOT NULL,
  token    {{bytes}} NOT NULL
);
CREATE INDEX renditions_n ON renditions (n);

-- Which bytes were ever archived, by their blinded hash. Rows of destroyed recordings stay: they are why destroyed
-- bytes are not captured again, and why row numbers are not used twice.
CREATE TABLE contents (
  token     {{bytes}} NOT NULL,
  n         {{int}}   NOT NULL,
  erased_at {{int}},
  PRIMARY KEY (token, n)
){{sqlite}} WITHOUT ROWID{{end}};
CREATE INDEX contents_n ON contents (n);

-- What became of each source file. The path is sealed here only while there is no recording whose card holds it.
CREATE TABLE files (
  id          {{id}}    PRIMARY KEY,
  source      {{id}}    NOT NULL,
  path        {{bytes}} NOT NULL,
  n           {{int}},
  size        {{int}}   NOT NULL,
  modified_at {{int}}   NOT NULL,
  state       {{text}}  NOT NULL,
  reason      {{text}}  NOT NULL,
  todo        {{text}}  NOT NULL,
  since       {{int}}   NOT NULL,
  sealed      {{bytes}},
  UNIQUE (source, path)
);
CREATE INDEX files_n ON files (n);
CREATE INDEX files_state ON files (state, since);

-- Destroyed recordings, without anything that was in them.
CREATE TABLE tombstones (
  id           {{id}}   PRIMARY KEY,
  destroyed_at {{int}}  NOT NULL,
  reason       {{text}} NOT NULL
);

CREATE TABLE archive_receipts (
  id        {{id}}    PRIMARY KEY,
  kind      {{text}}  NOT NULL,
  at        {{int}}   NOT NULL,
  body      {{bytes}} NOT NULL,
  signature {{bytes}} NOT NULL
);

CREATE TABLE retention (
  one       {{int}}  PRIMARY KEY CHECK (one = 1),
  days      {{int}},
  chosen_at {{int}}  NOT NULL,
  chosen_by {{text}} NOT NULL
);
