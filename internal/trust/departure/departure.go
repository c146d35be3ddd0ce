// Package departure lets a customer leave: with everything, to another
// installation, and then for good.
//
//	Write ──▶ bundle: rows, blinded words, objects as they are, keys wrapped to the receiver, signed manifest
//	Open, Check, Fill, Objects, Compare ──▶ the same customer elsewhere, on either engine, ids and journal kept
//	Service.Ask ── second person ── 72 hours ──▶ keys destroyed, then objects, rows, place; a certificate remains
//
// A bundle is a zip of JSON lines, one file a table, and is as readable as a copy
// of the database: times, queues and figures are open, what is personal stays
// sealed, and only the receiving installation's root key opens the customer's
// keys. docs/deletion.md describes it for programs of others.
//
// What does not go along is what belongs to the installation and not to the
// customer: accounts of people (members stay listed by their ids), tokens, and
// identity providers. Whoever receives invites the first administrator.
package departure

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"ringfence/internal/platform/place"
)

// Version of the form of bundles.
const Version = 1

// The files of a bundle.
const (
	fileManifest  = "manifest.json"
	fileSignature = "manifest.sig"
	fileKeys      = "keys.jsonl"
	fileWords     = "words.jsonl"
	fileObjects   = "objects.zip" // stored, named by their ids
	tables        = "tables/"
)

// Manifest says what is in a bundle. It is signed by the installation that wrote
// it (PKCS #7, detached, over the bytes of manifest.json).
type Manifest struct {
	What        string           `json:"what"` // "ringfence customer"
	Version     int              `json:"version"`
	Customer    string           `json:"customer"`
	Name        string           `json:"name"`
	Program     string           `json:"program"`
	Engine      string           `json:"engine"`
	At          time.Time        `json:"at"`
	Migrations  []int            `json:"migrations"` // the schema of the tables: numbers of the program's migrations
	Rows        map[string]int64 `json:"rows"`
	Words       int64            `json:"words"` // recordings with blinded words
	Position    int64            `json:"journal_position"`
	Journal     string           `json:"journal_sha256"`
	Objects     int64            `json:"objects"`
	ObjectBytes int64            `json:"object_bytes"`
	Receiver    string           `json:"receiver"` // fingerprint of the key that the customer key is wrapped to
	Files       []File           `json:"files"`
}

// File is one file of the bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const whatItIs = "ringfence customer"

// stays are tables of a place that belong to the installation: accounts, what
// signs in, and exports themselves.
var stays = map[string]bool{
	"members": true, "member_seen": true, "parcels": true, "repeated": true, "departures": true,
	"tokens": true, "token_seen": true, "scim_tokens": true, "scim_token_seen": true,
	"identity_providers": true, "sso_links": true, "sso_link_seen": true, "sso_under_way": true, "sso_used": true, "sso_health": true, "sso_domains": true,
	"support_grants": true,
}

// goes reports whether a row is carried: of jobs, those that belong to recordings.
func goes(t place.Carried, row []any) bool {
	if t.Table != "jobs" {
		return true
	}
	for i, c := range t.Columns {
		if c == "kind" {
			kind, _ := row[i].(string)
			return kind == "transcribe"
		}
	}
	return false
}

// Fingerprint names the key of a receiving installation.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Export is what the bundle is called among exports, and Order what it is made by.
const Export = "customer"

// Order names the receiver: its key as 'ringfence customer receive-key' writes it.
type Order struct {
	ReceiveKey string `json:"receive_key"`
}
