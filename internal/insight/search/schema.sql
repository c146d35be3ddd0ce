-- Blinded words, one row per recording that has a transcript, under the recording's row number.
{{sqlite}}
CREATE VIRTUAL TABLE spoken_words USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii');
{{end}}
{{postgres}}
CREATE TABLE spoken_words (
  n      BIGINT   PRIMARY KEY,
  tokens BIGINT[] NOT NULL
);
CREATE INDEX spoken_words_tokens ON spoken_words USING gin (tokens) WITH (gin_pending_list_limit = 64);
{{end}}

-- The highest row number that was ever indexed, and how many rows left the index since it was tidied last.
CREATE TABLE spoken_words_state (
  one     {{int}} PRIMARY KEY CHECK (one = 1),
  newest  {{int}} NOT NULL,
  removed {{int}} NOT NULL
);
