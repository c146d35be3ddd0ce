-- Who is told of what. Name, address and secrets are sealed: an address may hold a key of the receiver's.
CREATE TABLE webhooks (
  id         {{id}}    PRIMARY KEY,
  state      {{text}}  NOT NULL,
  reason     {{text}}  NOT NULL,
  events     {{text}}  NOT NULL,
  sealed     {{bytes}} NOT NULL,
  created_at {{int}}   NOT NULL
);
-- How a receiver has answered lately.
CREATE TABLE webhook_health (
  endpoint      {{id}}   PRIMARY KEY,
  failing_since {{int}}  NOT NULL,
  tried_at      {{int}}  NOT NULL,
  delivered_at  {{int}}  NOT NULL,
  answer        {{text}} NOT NULL
);
-- What happened, as it is sent: ids, times and figures.
CREATE TABLE webhook_messages (
  id      {{id}}   PRIMARY KEY,
  kind    {{text}} NOT NULL,
  subject {{text}} NOT NULL,
  at      {{int}}  NOT NULL,
  body    {{text}} NOT NULL
);
CREATE INDEX webhook_messages_at ON webhook_messages (at);
CREATE TABLE webhook_deliveries (
  endpoint {{id}}   NOT NULL,
  message  {{id}}   NOT NULL,
  state    {{text}} NOT NULL,
  attempts {{int}}  NOT NULL,
  due_at   {{int}}  NOT NULL,
  tried_at {{int}}  NOT NULL,
  status   {{int}}  NOT NULL,
  answer   {{text}} NOT NULL,
  PRIMARY KEY (endpoint, message)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at) WHERE state = 'waiting';
