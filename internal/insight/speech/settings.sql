-- Which engine the customer chose. The key is sealed.
CREATE TABLE speech_settings (
  one      {{int}}   PRIMARY KEY CHECK (one = 1),
  engine   {{text}}  NOT NULL,
  url      {{text}}  NOT NULL,
  model    {{text}}  NOT NULL,
  language {{text}}  NOT NULL,
  purpose  {{text}}  NOT NULL,
  region   {{text}}  NOT NULL,
  secret   {{bytes}},
  set_at   {{int}}   NOT NULL
);
