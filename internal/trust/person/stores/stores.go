// Package stores says where in Ringfence a person can be kept: each store with
// its tables, how somebody is found in it, and how that is erased or why it is
// not. It is the one place in which all wings are known to package person.
//
// Whoever adds a table with something sealed in it adds it here, to a store or to
// Apart; a test in app compares both with the tables that there are.
package stores

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"ringfence/internal/archive/bulk"
	"ringfence/internal/archive/coverage"
	"ringfence/internal/archive/recording"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/sso"
	"ringfence/internal/trust/monitor"
	"ringfence/internal/trust/person"
)

// Services are what erases in the stores of others.
type Services struct {
	Recordings *recording.Service
	Coverage   *coverage.Service
	Monitor    *monitor.Service
	SSO        *sso.Service
}

// All are the stores beside recordings, the change log and requests, which
// package person knows itself.
func All(s Services) []person.Store {
	return []person.Store{
		members(), directory(), pushed(), links(s), supports(), reviews(), rules(),
		expectations(s), attention(s), sources(), imports(), contacts(s), witnesses(), webhooks(), labels(),
	}
}

// Apart are tables with sealed or opaque bytes that hold nothing by which a person
// would be found, or that are reached by another way; each with its reason.
var Apart = map[string]string{
	"source_states":            "positions in logs: offsets and digests",
	"files":                    "claimed by the attention list; paths of archived files stand on the recording's card",
	"archive_receipts":         "ids, sizes and blinded digests, signed",
	"files_moved":              "blinded names of what was destroyed",
	"objects_aside":            "names of objects",
	"tombstones":               "ids of what was destroyed",
	"collect_devices":          "names of boxes and keys of machines",
	"collect_removals":         "ids of what was destroyed, and what boxes signed of it",
	"collect_farewells":        "counts of what boxes had of a customer who leaves, signed",
	"collect_uploads":          "digests of ciphertext that travels; gone once it is taken in",
	"phone_systems":            "address and credentials of a telephone system",
	"phone_items":              "what a telephone system calls recordings that were not fetched yet; opened when they are fetched, and then found on their cards",
	"siprec_sources":           "networks and certificates of machines",
	"siprec_sessions":          "keys of sound that is being received; the recording is found once it is archived, within minutes",
	"drops":                    "settings of a way in; what waits is taken in within minutes and then found",
	"pickups":                  "settings of a way in",
	"pickup_files":             "blinded names of files that were fetched",
	"import_dirs":              "folders of an import",
	"speech_settings":          "key of an engine",
	"egress_ledger":            "hashes of what left",
	"jobs":                     "leases",
	"redo":                     "the log before it is shipped; sealed, and expires with the backups",
	"repeated":                 "answers kept for repeated requests: gone after 24 hours",
	"entry_lists":              "networks, as the gate reads them",
	"expectation_idents":       "blinded names of calls",
	"coverage_base":            "counts",
	"coverage_statements":      "signed statements: counts and blinded names",
	"tokens":                   "hashes and networks of machines' tokens",
	"token_seen":               "networks that a token was used from",
	"scim_emails":              "blind indexes of pushed users, which are found by their cards",
	"scim_groups":              "groups of an identity provider",
	"scim_tokens":              "hashes of tokens",
	"sso_domains":              "domains, no persons",
	"sso_domain_holders":       "domains, no persons",
	"identity_providers":       "settings of identity providers",
	"sso_under_way":            "a sign-in that is under way: gone within minutes",
	"sso_used":                 "marks of assertions that were used",
	"sso_health":               "why an identity provider last failed",
	"sso_tests":                "what a test sign-in brought: gone within a day, or with the provider",
	"review_papers":            "signed results: who held which role; part of the proof of access, and found by its lines",
	"paper_keys":               "keys that sign",
	"approvals":                "reasons of acts for a second person: about acts, kept as their proof",
	"parcels":                  "orders of exports: sealed, and destroyed with them within days",
	"destroyed":                "ids of keys and blinded names of what was destroyed",
	"destruction_certificates": "signed certificates: ids and counts",
	"opening_purposes":         "settings",
	"original_renditions":      "blinded digests of sound that was redacted",
	"log_tiles":                "hashes of the change log's tree",
	"event_sums":               "hashes of what was taken out of events",
	"log_checkpoints":          "signed roots of the change log",
	"key_servers_set":          "address and credentials of a customer's key server",
	"retention_policies":       "rules on how long recordings are kept, and why they were chosen",
	"holds":                    "matters of legal holds: kept as their proof, also after they are lifted; article 17(3)(e)",
	"pseudonym_marks":          "originals sealed under keys of their own, opened with a receipt by who may look somebody up; found by nobody else, or they would lead back",
	"pauses":                   "blinded extensions and calls; gone 31 days after they were told of",
	"breaches":                 "claimed by package breach: about sessions, keys and machines; whom they reached is counted anew each time",
}

// members are people with roles here, and those who were let in for support.
func members() person.Store {
	return person.Store{
		Name: "members", Title: "Members", Tables: []string{"members"},
		Find: func(ctx context.Context, p *place.Place, who actor.Actor, q *person.Query) ([]person.Hit, error) {
			hits, err := person.Scan("Member", person.Table{
				Table: "members", Field: place.FieldMember, Label: namedIn("name", "email"),
				Query: `SELECT person AS id, since AS at, card AS sealed FROM members WHERE person > ? ORDER BY person LIMIT ?`,
			})(ctx, p, who, q)
			for i, h := range hits {
				if b, err := hex.DecodeString(strings.TrimPrefix(h.Ref, "members/")); err == nil && len(b) == 16 {
					hits[i].Ref = id.Person(b).String()
				}
			}
			return hits, err
		},
		Kept: "somebody who has, or had, a role here: who heard what has to stay provable; article 17(3)(b) and (e). End their access on the page Members; rectify their name there",
	}
}

func directory() person.Store {
	return person.Store{
		Name: "directory", Title: "Whose an extension was", Tables: []string{"directory", "directory_adopted"},
		Find: person.Scan("Directory", person.Table{
			Table: "directory", Field: place.FieldAssignment, Label: namedIn("extension", "name"),
			Query: `SELECT id, from_at AS at, card AS sealed FROM directory WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "who may hear old calls follows from whose an extension was; article 17(3)(b). It can be withdrawn on the page Directory where it was never true",
	}
}

func pushed() person.Store {
	return person.Store{
		Name: "pushed", Title: "Users that an identity provider pushed", Tables: []string{"scim_users"},
		Find: person.Scan("Pushed user", person.Table{
			Table: "scim_users", Field: place.FieldScimUser, Label: namedIn("userName", "displayName"),
			Query: `SELECT id, created_at AS at, card AS sealed FROM scim_users WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "the identity provider would push it again: remove the user there, and it goes here",
	}
}

func links(s Services) person.Store {
	st := person.Store{
		Name: "links", Title: "Who an identity provider vouches for", Tables: []string{"sso_links", "sso_link_seen"},
		Find: person.Scan("Link to an identity provider", person.Table{
			Table: "sso_links", Field: place.FieldLink, Label: namedIn("name", "email"),
			Query: `SELECT id, since AS at, card AS sealed FROM sso_links WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "it goes with the identity provider",
	}
	if s.SSO != nil {
		st.Erase = func(ctx context.Context, p *place.Place, who actor.Actor, ref string, _ person.By) error {
			row, err := person.Row(ref, "sso_links")
			if err != nil {
				return err
			}
			return gone(s.SSO.Unlink(ctx, p, who, id.Link(row)))
		}
	}
	return st
}

func supports() person.Store {
	return person.Store{
		Name: "support", Title: "Support access", Tables: []string{"support_grants"},
		Find: person.Scan("Support access", person.Table{
			Table: "support_grants", Field: place.FieldSupport, Label: namedIn("name", "email"),
			Query: `SELECT id, started_at AS at, card AS sealed FROM support_grants WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "who was let in, by whom and why, has to stay provable; article 17(3)(b) and (e)",
	}
}

func reviews() person.Store {
	return person.Store{
		Name: "reviews", Title: "Access reviews", Tables: []string{"review_lines"},
		Find: person.Scan("Access review", person.Table{
			Table: "review_lines", Field: place.FieldReviewLine, Label: namedIn("name", "email"),
			Query: `SELECT id, decided_at AS at, card AS sealed FROM review_lines WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "that access was reviewed has to stay provable; article 17(3)(b) and (e)",
	}
}

// rules are free words of administrators: owners and reasons.
func rules() person.Store {
	return person.Store{
		Name: "rules", Title: "Rules with an owner", Tables: []string{"entry_rules", "excuses", "alert_history"},
		Find: person.Scan("Rule or note",
			person.Table{
				Table: "entry_rules", Field: place.FieldEntryRule, Label: fixed("access list"),
				Query: `SELECT id, created_at AS at, card AS sealed FROM entry_rules WHERE id > ? ORDER BY id LIMIT ?`,
			},
			person.Table{
				Table: "excuses", Field: place.FieldExcuse, Label: fixed("rule that excuses calls"),
				Query: `SELECT id, created_at AS at, card AS sealed FROM excuses WHERE id > ? ORDER BY id LIMIT ?`,
			},
			person.Table{
				Table: "alert_history", Field: place.FieldAlertNote, Label: fixed("note on an alert"),
				Query: `SELECT id, at, note AS sealed FROM alert_history WHERE id > ? ORDER BY id LIMIT ?`,
			},
		),
		Kept: "it is a rule, or part of an alert's history, and names who is answerable: change it on its page",
	}
}

func expectations(s Services) person.Store {
	st := person.Store{
		Name: "expectations", Title: "Calls without a recording", Tables: []string{"expectations"},
		Find: person.Scan("Call without a recording", person.Table{
			Table: "expectations", Field: place.FieldExpectation, Label: namedIn("caller", "dialled"),
			Query: `SELECT id, started_at AS at, card AS sealed FROM expectations WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "its names go by themselves after the days chosen on the page Coverage",
	}
	if s.Coverage != nil {
		st.Erase = func(ctx context.Context, p *place.Place, who actor.Actor, ref string, _ person.By) error {
			row, err := person.Row(ref, "expectations")
			if err != nil {
				return err
			}
			return gone(s.Coverage.Forget(ctx, p, who, id.Expectation(row)))
		}
	}
	return st
}

// attention is files that could not be taken in: their names often have numbers.
func attention(s Services) person.Store {
	st := person.Store{
		Name: "attention", Title: "Files that need attention", Tables: []string{"files"},
		Find: person.Scan("File that needs attention", person.Table{
			Table: "files", Field: place.FieldFile,
			Query: `SELECT id, since AS at, sealed FROM files WHERE id > ? AND state = 'attention' ORDER BY id LIMIT ?`,
		}),
		Kept: "the file lies where it came from: remove it there",
	}
	if s.Recordings != nil {
		st.Erase = func(ctx context.Context, p *place.Place, who actor.Actor, ref string, _ person.By) error {
			row, err := person.Row(ref, "files")
			if err != nil {
				return err
			}
			return gone(s.Recordings.Retry(ctx, p, who, id.File(row)))
		}
	}
	return st
}

func sources() person.Store {
	return person.Store{
		Name: "sources", Title: "Sources", Tables: []string{"sources"},
		Find: person.Scan("Source", person.Table{
			Table: "sources", Field: place.FieldSource, Label: namedIn("name", "folder"),
			Query: `SELECT id, created_at AS at, settings AS sealed FROM sources WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "it is a setting: change its name on the page Sources",
	}
}

func imports() person.Store {
	settings := person.Scan("Import", person.Table{
		Table: "imports", Field: place.FieldImport, Label: namedIn("name", "folder"),
		Query: `SELECT id, 0 AS at, settings AS sealed FROM imports WHERE id > ? ORDER BY id LIMIT ?`,
	})
	return person.Store{
		Name: "imports", Title: "Lists of imports", Tables: []string{"imports", "import_files"},
		Find: func(ctx context.Context, p *place.Place, who actor.Actor, q *person.Query) ([]person.Hit, error) {
			hits, err := settings(ctx, p, who, q)
			if err != nil {
				return nil, err
			}
			const batch = 1000
			for last, more := (bulk.Path{N: -1}), true; more; {
				err := p.View(ctx, func(tx *place.Tx) error {
					list, err := bulk.Paths(tx, last, batch)
					more = len(list) == batch
					for _, f := range list {
						last = f
						if why := q.In(f.Path); len(why) > 0 {
							hits = append(hits, person.Hit{Ref: "import_files/" + f.Import.String() + "/" + strconv.FormatInt(f.N, 10), Label: f.Path, Why: why})
						}
					}
					return err
				})
				if err != nil {
					return nil, err
				}
			}
			return hits, nil
		},
		Kept: "names of files that were looked at lie in the list of an import, and go when the list is removed on its page",
	}
}

func contacts(s Services) person.Store {
	st := person.Store{
		Name: "contacts", Title: "Who is told of alerts", Tables: []string{"alert_contacts"},
		Find: person.Scan("Contact for alerts", person.Table{
			Table: "alert_contacts", Field: place.FieldContact, Label: namedIn("name", "email"),
			Query: `SELECT id, created_at AS at, card AS sealed FROM alert_contacts WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "remove the contact on the page Alerts",
	}
	if s.Monitor != nil {
		st.Erase = func(ctx context.Context, p *place.Place, who actor.Actor, ref string, _ person.By) error {
			row, err := person.Row(ref, "alert_contacts")
			if err != nil {
				return err
			}
			return gone(s.Monitor.RemoveContact(ctx, monitor.In(p), who, id.Contact(row)))
		}
	}
	return st
}

func webhooks() person.Store {
	return person.Store{
		Name: "webhooks", Title: "Webhooks", Tables: []string{"webhooks"},
		Find: person.Scan("Webhook", person.Table{
			Table: "webhooks", Field: place.FieldWebhook, Label: namedIn("name", "url"),
			Query: `SELECT id, created_at AS at, sealed FROM webhooks WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "it is a setting: change its name or address on the page Webhooks",
	}
}

func witnesses() person.Store {
	return person.Store{
		Name: "witnesses", Title: "Who receives checkpoints", Tables: []string{"log_witnesses"},
		Find: person.Scan("Witness", person.Table{
			Table: "log_witnesses", Field: place.FieldWitness, Label: fixed("who receives checkpoints of the change log"),
			Query: `SELECT id, 0 AS at, sealed FROM log_witnesses WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "remove the witness on the page Verification",
	}
}

// labels are what people call tags.
func labels() person.Store {
	return person.Store{
		Name: "tags", Title: "Tags", Tables: []string{"tags"},
		Find: person.Scan("Tag", person.Table{
			Table: "tags", Field: place.FieldTag,
			Query: `SELECT id, 0 AS at, name AS sealed FROM tags WHERE id > ? ORDER BY id LIMIT ?`,
		}),
		Kept: "it is a label of the customer's own: rename it",
	}
}

// gone takes what is not there any more for erased.
func gone(err error) error {
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Gone) {
		return nil
	}
	return err
}

func fixed(label string) func([]byte) string { return func([]byte) string { return label } }

// namedIn shows the first of some fields of a card that say something.
func namedIn(fields ...string) func([]byte) string {
	return func(plain []byte) string {
		var card map[string]any
		if json.Unmarshal(plain, &card) != nil {
			return ""
		}
		var parts []string
		for _, f := range fields {
			if text, ok := card[f].(string); ok && text != "" {
				parts = append(parts, text)
			}
		}
		return strings.Join(parts, " ")
	}
}
