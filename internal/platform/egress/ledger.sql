-- What left the host for this customer, never its content. A line is written before the first byte leaves.
CREATE TABLE egress_ledger (
  id       {{id}}    PRIMARY KEY,
  at       {{int}}   NOT NULL,
  engine   {{text}}  NOT NULL,
  host     {{text}}  NOT NULL,
  purpose  {{text}}  NOT NULL,
  region   {{text}}  NOT NULL,
  subject  {{text}}  NOT NULL,
  sent     {{int}}   NOT NULL,
  sha256   {{bytes}} NOT NULL,
  received {{int}}   NOT NULL,
  status   {{int}}   NOT NULL,
  answer   {{text}}  NOT NULL,
  millis   {{int}}   NOT NULL
);
