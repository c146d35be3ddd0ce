CREATE TABLE log_tiles (
	level  {{int}} NOT NULL,
	n      {{int}} NOT NULL,
	hashes {{bytes}} NOT NULL,
	PRIMARY KEY (level, n)
);
CREATE TABLE log_state (
	one  {{int}} NOT NULL PRIMARY KEY,
	size {{int}} NOT NULL
);
CREATE TABLE event_sums (
	pos      {{int}} NOT NULL PRIMARY KEY,
	why      {{bytes}} NOT NULL,
	personal {{bytes}} NOT NULL
);
{{sqlite}}
DROP TRIGGER events_stay;
CREATE TRIGGER events_stay BEFORE UPDATE ON events
WHEN NOT (NEW.sealed IS NULL AND NEW.why = '' AND NEW.pos = OLD.pos AND NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.code = OLD.code
	AND NEW.actor_kind = OLD.actor_kind AND NEW.actor_id = OLD.actor_id AND NEW.on_behalf = OLD.on_behalf AND NEW.subject = OLD.subject AND NEW.facts = OLD.facts)
BEGIN SELECT raise(ABORT, 'events are only added'); END;
{{end}}
