package monitor

import "ringfence/internal/platform/place"

// Migrations are the tables of a place and of the registry alike: in a place the
// one node is the customer, in the registry there are provider and resellers.
// alerts_below is used in the registry only.
func Migrations() place.Migrations {
	return place.Migrations{{Number: 901, Name: "alerts", SQL: `
		CREATE TABLE alerts (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			kind {{text}} NOT NULL,
			subject {{text}} NOT NULL,
			severity {{text}} NOT NULL,
			facts {{text}} NOT NULL,
			since {{int}} NOT NULL,
			raised_at {{int}} NOT NULL,
			gone_at {{int}} NOT NULL,
			ended_at {{int}} NOT NULL,
			flaps {{int}} NOT NULL,
			owner {{text}} NOT NULL,
			acked_at {{int}} NOT NULL,
			acked_by {{text}} NOT NULL,
			snoozed_until {{int}} NOT NULL
		);
		CREATE UNIQUE INDEX alerts_open ON alerts (node, kind, subject) WHERE ended_at = 0;
		CREATE INDEX alerts_time ON alerts (node, raised_at, id);
		CREATE TABLE alert_history (
			id {{id}} PRIMARY KEY,
			alert {{id}} NOT NULL,
			at {{int}} NOT NULL,
			what {{text}} NOT NULL,
			who {{text}} NOT NULL,
			detail {{text}} NOT NULL,
			note {{bytes}}
		);
		CREATE INDEX alert_history_alert ON alert_history (alert, id);
		CREATE TABLE alert_contacts (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			person {{text}} NOT NULL,
			card {{bytes}} NOT NULL,
			kinds {{text}} NOT NULL,
			urgent_only {{int}} NOT NULL,
			below {{int}} NOT NULL,
			after_minutes {{int}} NOT NULL,
			quiet_from {{int}} NOT NULL,
			quiet_to {{int}} NOT NULL,
			zone {{text}} NOT NULL,
			created_at {{int}} NOT NULL,
			mailed_at {{int}} NOT NULL,
			failed_at {{int}} NOT NULL,
			failure {{text}} NOT NULL
		);
		CREATE INDEX alert_contacts_node ON alert_contacts (node, id);
		CREATE TABLE alert_mails (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			alert {{id}} NOT NULL,
			contact {{text}} NOT NULL,
			what {{text}} NOT NULL,
			due_at {{int}} NOT NULL,
			attempts {{int}} NOT NULL
		);
		CREATE INDEX alert_mails_due ON alert_mails (due_at, id);
		CREATE TABLE alert_settings (
			node {{id}} PRIMARY KEY,
			owners {{text}} NOT NULL,
			closed_days {{text}} NOT NULL,
			admins_mailed_at {{int}} NOT NULL
		);
		CREATE TABLE alert_rhythms (
			subject {{text}} PRIMARY KEY,
			seen_at {{int}} NOT NULL,
			pauses {{text}} NOT NULL
		);
		CREATE TABLE alerts_below (
			id {{id}} PRIMARY KEY,
			node {{id}} NOT NULL,
			kind {{text}} NOT NULL,
			severity {{text}} NOT NULL,
			figures {{text}} NOT NULL,
			since {{int}} NOT NULL,
			raised_at {{int}} NOT NULL,
			ended_at {{int}} NOT NULL,
			acked_at {{int}} NOT NULL
		);
		CREATE INDEX alerts_below_node ON alerts_below (node, ended_at, raised_at);`}}
}

// Housekeeping are the tables that need no event: the facts of an alert that is
// known, what waits to be mailed, and the figures that are pushed upwards. That
// an alert was raised, ended, or dealt with by somebody is journalled.
func Housekeeping() []string {
	return []string{"alerts", "alert_history", "alert_mails", "alerts_below", "alert_settings", "alert_contacts", "alert_rhythms"}
}
