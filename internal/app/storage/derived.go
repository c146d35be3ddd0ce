package storage

import "ringfence/internal/trust/destruction"

// derivedData is everything in a place that was made from recordings or names
// one, and what ends it.
func derivedData() []destruction.Derived {
	const with = "in the Change that ends the recording"
	return []destruction.Derived{
		{Name: "recordings, calls, parties", Tables: []string{"recordings", "calls", "call_idents", "parties"}, Goes: with},
		{Name: "forms of sound, transcripts, findings", Tables: []string{"renditions", "recording_originals", "original_renditions", "recording_redacted", "recording_pseudonymised", "redactions"}, Goes: with + "; their objects and keys before it; that there were redactions, in the night after"},
		{Name: "search words", Tables: []string{"spoken_words", "spoken_words_state"}, Goes: with + "; the index is rewritten minutes later"},
		{Name: "labels, marks, holds", Tables: []string{"recording_tags", "recording_marks", "recording_holds", "recording_restrictions", "recording_doomed"}, Goes: with},
		{Name: "hashes of bytes and names", Tables: []string{"contents", "files", "tombstones"}, Goes: "kept, keyed and without content: so that nothing destroyed is captured again"},
		{Name: "what was destroyed", Tables: []string{"destructions", "destroyed", "destruction_certificates", "collect_removals", "collect_farewells", "parting", "parting_folders", "departing"}, Goes: "kept: ids, counts, keyed hashes, signed"},
		{Name: "figures", Tables: []string{"recording_figures", "meters", "compacted", "compact_mark", "compact_queue", "coverage_base"}, Goes: "kept as numbers of a day, or emptied by their own round: nobody is named"},
		{Name: "expectations", Tables: []string{"expectations", "expectation_idents", "coverage_gaps", "coverage_hours", "coverage_statements"}, Goes: "names go with the recording or after the customer's coverage period; signed statements hold ids"},
		{Name: "objects kept for backups", Tables: []string{"objects_aside"}, Goes: "with the oldest backup that names them, and never with a key"},
		{Name: "files that sources moved aside", Tables: []string{"files_moved"}, Goes: "when whoever watches the folder has said what became of them; blinded names"},
		{Name: "receipts", Tables: []string{"archive_receipts"}, Goes: "kept: ids and keyed hashes, signed"},
		{Name: "uploads and imports", Tables: []string{"collect_uploads", "imports", "import_dirs", "import_files", "phone_items", "siprec_sessions"}, Goes: "emptied when they end, removed by the nightly round; names in them are blinded or sealed"},
		{Name: "files fetched from elsewhere", Tables: []string{"pickup_files"}, Goes: "kept: blinded names and sizes, so that nothing is fetched twice"},
		{Name: "exports", Tables: []string{"parcels", "parcel_subjects"}, Goes: "their time comes when one of their recordings is destroyed; else after the stated days"},
		{Name: "requests of persons and breaches", Tables: []string{"person_requests", "person_items", "person_objections", "person_certificates", "breaches"}, Goes: "by the nightly round, so many days after they were closed as the customer chose (three years, unless they did)"},
		{Name: "pseudonyms", Tables: []string{"pseudonyms", "pseudonym_requests", "pseudonym_marks", "pseudonym_in", "pseudonym_runs", "pseudonym_items"}, Goes: "in which recording they stood goes with the recording; the ways there and back by two persons; what is left says nothing of anybody"},
		{Name: "pauses and scans", Tables: []string{"pauses", "pauses_applied", "payment_scans", "personal_counts"}, Goes: with + "; pauses by the nightly round, 31 days after they were told of"},
		{Name: "change log", Tables: []string{"events", "event_sums", "log_state", "log_tiles", "log_checkpoints", "log_cosignatures"}, Goes: "kept: ids; what is personal is sealed and can be erased, the leaf stays"},
		{Name: "ledger of what left", Tables: []string{"egress_ledger"}, Goes: "kept: that something was sent, not what"},
		{Name: "messages to others", Tables: []string{"webhook_messages", "webhook_deliveries"}, Goes: "after their days of delivery; they hold ids"},
		{Name: "work", Tables: []string{"jobs", "intents"}, Goes: "when it is done; it holds ids"},
	}
}

// apartData are the tables that hold nothing of any recording, and whose they are.
func apartData() map[string]string {
	const settings, people, installation = "settings", "accounts of people and programs", "the program's own bookkeeping"
	out := map[string]string{}
	for why, tables := range map[string][]string{
		settings: {
			"retention", "retention_policies", "holds", "tags", "sources", "source_states", "speech_settings", "sound_storage", "redaction_settings", "pseudonym_rule", "case_retention", "coverage_settings", "coverage_sources", "excuses",
			"webhooks", "webhook_health", "pickups", "pickup_contacts", "phone_systems", "siprec_sources", "drops", "drop_logins", "collect_devices", "collect_releases", "standing", "sign_in_policy",
			"entry_lists", "entry_rules", "review_rules", "alert_settings", "alert_contacts", "alert_rhythms", "key_rhythms", "key_servers_set", "scim_settings", "scim_mapping", "log_witnesses", "opening_purposes",
		},
		people: {
			"members", "member_seen", "tokens", "token_seen", "support_grants", "directory", "directory_adopted", "scim_users", "scim_emails", "scim_groups", "scim_members", "scim_tokens", "scim_token_seen",
			"identity_providers", "sso_domains", "sso_links", "sso_link_seen", "sso_under_way", "sso_used", "sso_health", "sso_tests", "sso_domain_holders", "reviews", "review_lines", "review_papers", "approvals",
		},
		installation: {"migrations", "redo", "repeated", "alerts", "alert_history", "alert_mails", "alerts_below", "pseudonym_keys", "pseudonym_doomed", "key_rotations", "keys_held", "key_machines"},
	} {
		for _, t := range tables {
			out[t] = why
		}
	}
	return out
}
