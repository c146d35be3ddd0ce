-- Blinded words, one row per recording that has a transcript, under the recording's row number.
{{sqlite}}
CREATE VIRTUAL TABLE spoken_words USING fts5(tokens, content='', contentless_delete=1, detail=none, tokenize='ascii');
{{end}}
{{postgres}}
CREATE TABLE spoken_words (
  n      BIGINT   PRIMARY KEY,
  tokens BIGINT[] NOT NULL
) WITH (toast_tuple_target = 128);
ALTER TABLE spoken_words ALTER COLUMN tokens SET STORAGE EXTERNAL;
CREATE INDEX spoken_words_tokens ON spoken_words USING gin (tokens);
{{end}}
