-- Boxes beside telephone systems. The code is a keyed hash; once used, it works for the same key only.
CREATE TABLE collect_devices (
  id          {{id}}    PRIMARY KEY,
  source      {{id}}    NOT NULL,
  name        {{bytes}} NOT NULL,
  code        {{bytes}},
  code_until  {{int}}   NOT NULL,
  public_key  {{bytes}},
  created_at  {{int}}   NOT NULL,
  enrolled_at {{int}},
  revoked_at  {{int}},
  seen_at     {{int}},
  waiting     {{int}}   NOT NULL,
  spooled     {{int}}   NOT NULL
);

-- Uploads that are under way or have ended lately. The manifest is emptied when they end.
CREATE TABLE collect_uploads (
  id         {{id}}    PRIMARY KEY,
  device     {{id}}    NOT NULL,
  state      {{text}}  NOT NULL,
  bytes      {{int}}   NOT NULL,
  digest     {{bytes}} NOT NULL,
  manifest   {{bytes}},
  receipt    {{bytes}},
  touched_at {{int}}   NOT NULL
);
CREATE INDEX collect_uploads_state ON collect_uploads (device, state);
CREATE INDEX collect_uploads_touched ON collect_uploads (touched_at);
