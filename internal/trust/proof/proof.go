// Package proof reads files that prove something, without a server and without
// trusting who made them: exports of the change log and evidence files. It says
// of each claim whether it holds, in words for a person; docs/verify.md and
// docs/evidence.md describe the files for those who write a verifier of their own.
//
// A file is a zip of one exact form (Writer): from the names and contents of its
// files every other byte follows, so there is no place where something could be
// altered, added or hidden. Its last two files are a manifest, which names all
// others with their sums and in their order, and a signature over the manifest.
//
// Limits: who has the installation's key can sign anything. What he cannot do is
// change the log unnoticed by who keeps an older checkpoint; and without the key
// from somewhere else (the portal, a checkpoint that came by mail) a file made
// whole by somebody else under his own key looks as good as a true one. Verify
// says so.
package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"ringfence/internal/platform/journal"
)

// The forms of files.
const (
	LogFormat      = "ringfence change log v1"
	EvidenceFormat = "ringfence evidence v1"
)

// File is a file as a manifest names it.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Manifest says what is in a file.
type Manifest struct {
	Format     string      `json:"format"`
	ID         string      `json:"id"` // of the export
	Origin     string      `json:"origin"`
	Customer   string      `json:"customer"`
	Key        string      `json:"key"` // that signed; compare it with the one you know
	MadeAt     string      `json:"made_at"`
	MadeBy     string      `json:"made_by"`
	Purpose    string      `json:"purpose"`
	Size       int64       `json:"size"` // of the log, at the checkpoint beside
	Whole      bool        `json:"whole,omitempty"`
	Recordings []Recording `json:"recordings,omitempty"`
	Files      []File      `json:"files"`
}

// Recording is one recording of an evidence file.
type Recording struct {
	ID         string `json:"id"`
	Folder     string `json:"folder"`
	Sound      string `json:"sound"`
	Transcript string `json:"transcript,omitempty"`
	VCon       string `json:"vcon"`
	Receipt    string `json:"receipt"` // of the opening for this file, which stands in the custody
}

// The names of files that both forms have.
const (
	ManifestName   = "manifest.json"
	SignatureName  = "signature.txt"
	CheckpointName = "log/checkpoint.txt"
	ProofsName     = "log/proofs.jsonl"
	OlderName      = "log/older.jsonl"
	EventsName     = "log/events.jsonl"
	OpeningsName   = "log/openings.jsonl"
	CountName      = "log/openings.txt"
)

// Proof is the way from a leaf to the root.
type Proof struct {
	Position int64    `json:"position"`
	Path     []string `json:"path"` // base64
}

// Older is an older checkpoint, and the proof that the log has grown from it.
type Older struct {
	Note string   `json:"note"`
	Size int64    `json:"size"`
	Path []string `json:"path"`
}

// Opening is a line of the key store's own list.
type Opening struct {
	Receipt string `json:"receipt"`
	At      int64  `json:"at_ms"`
	What    string `json:"what"`
	Keys    int64  `json:"keys"`
}

// Finding is one claim and whether it holds.
type Finding struct {
	Claim string `json:"claim"`
	Holds bool   `json:"holds"`
	Text  string `json:"text"`
}

// Report is what was found of one file, or of several against each other.
type Report struct {
	File     string    `json:"file"`
	Kind     string    `json:"kind"`
	Key      string    `json:"key"`
	Pinned   bool      `json:"pinned"` // the key was known beforehand
	Findings []Finding `json:"findings"`

	checkpoints []signedPoint
	grows       func(size int64) (string, bool) // the root of a whole log when it had a size
}

type signedPoint struct {
	c    journal.Checkpoint
	text string
}

// Holds reports whether nothing was found that does not.
func (r *Report) Holds() bool {
	for _, f := range r.Findings {
		if !f.Holds {
			return false
		}
	}
	return len(r.Findings) > 0
}

func (r *Report) good(claim, format string, args ...any) {
	r.Findings = append(r.Findings, Finding{claim, true, fmt.Sprintf(format, args...)})
}

// bad notes what does not hold, and is false.
func (r *Report) bad(claim, format string, args ...any) bool {
	r.Findings = append(r.Findings, Finding{claim, false, fmt.Sprintf(format, args...)})
	return false
}

// SignatureText is what is signed of a manifest.
func SignatureText(origin, format, id string, manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return fmt.Sprintf("%s/file\n%s\n%s\n%s\n", origin, format, id, base64.StdEncoding.EncodeToString(sum[:]))
}

// CountText is the signed statement of the key store's count.
func CountText(origin string, size, count int64, list []byte) string {
	sum := sha256.Sum256(list)
	return fmt.Sprintf("%s/openings\n%d\n%d\n%s\n", origin, size, count, base64.StdEncoding.EncodeToString(sum[:]))
}

// opened gives a note's text, and refuses a note that has any byte beside the
// text and the one signature: what the signature does not cover could say anything.
func opened(signed, key string) (string, error) {
	text, err := journal.OpenNote(signed, key)
	if err != nil {
		return "", err
	}
	name, _, _ := strings.Cut(key, "+")
	rest := strings.TrimPrefix(signed, text+"\n— "+name+" ")
	b, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(b) != 68 || rest != base64.StdEncoding.EncodeToString(b)+"\n" {
		return "", fmt.Errorf("there is more than the text and one signature")
	}
	return text, nil
}

// strict reads JSON that has nothing but what is known, and nothing after it.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something stands after the end")
	}
	return nil
}

// maxLine is the longest line of a list: an event with all its facts is far below.
const maxLine = 1 << 20

// eachLine reads a list of JSON lines.
func eachLine[T any](r io.Reader, fn func(T) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for s.Scan() {
		var v T
		if err := strict(s.Bytes(), &v); err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
	}
	return s.Err()
}
