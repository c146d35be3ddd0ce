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
	AND NEW.actor_kind = OLD.actor_kind AND NEW.actor_id = OLD.actor_id AND NEW.on_behalf = OLD.on_behalf AND NEW.subject = OLD.subject AND NEW.facts = OLD.facts
	AND EXISTS (SELECT 1 FROM event_sums WHERE event_sums.pos = OLD.pos))
BEGIN SELECT raise(ABORT, 'events are only added'); END;
CREATE TRIGGER event_sums_erase AFTER INSERT ON event_sums BEGIN UPDATE events SET sealed = NULL, why = '' WHERE pos = NEW.pos; END;
{{end}}
{{postgres}}
CREATE FUNCTION event_sums_erase() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS
	$$ BEGIN UPDATE events SET sealed = NULL, why = '' WHERE pos = NEW.pos; RETURN NEW; END $$;
CREATE TRIGGER event_sums_erase AFTER INSERT ON event_sums FOR EACH ROW EXECUTE FUNCTION event_sums_erase();
{{end}}
