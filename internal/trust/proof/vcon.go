package proof

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"
)

// VConDraft is the draft that vCons here are written after. Where it differs from
// what stands here, docs/evidence.md says so.
const VConDraft = "draft-ietf-vcon-vcon-core-04"

// VCon is a conversation as the IETF's vcon working group writes it, in its
// unsigned form: the evidence file around it is signed.
type VCon struct {
	Syntax    string         `json:"vcon,omitempty"` // deprecated by the draft; readers of earlier ones want it
	UUID      string         `json:"uuid"`
	CreatedAt string         `json:"created_at"`
	Subject   string         `json:"subject,omitempty"`
	Parties   []VConParty    `json:"parties"`
	Dialog    []VConDialog   `json:"dialog"`
	Analysis  []VConAnalysis `json:"analysis,omitempty"`
}

// VConParty is somebody who took part.
type VConParty struct {
	Tel  string `json:"tel,omitempty"`
	Name string `json:"name,omitempty"`
	UUID string `json:"uuid,omitempty"`
	Type string `json:"type,omitempty"`
	Org  string `json:"org,omitempty"`
}

// VConDialog is the sound.
type VConDialog struct {
	Type        string  `json:"type"`
	Start       string  `json:"start"`
	Duration    float64 `json:"duration"`
	Parties     []int   `json:"parties,omitempty"`
	Originator  int     `json:"originator,omitempty"`
	MediaType   string  `json:"mediatype,omitempty"`
	Filename    string  `json:"filename,omitempty"`
	URL         string  `json:"url,omitempty"` // of the file beside
	ContentHash string  `json:"content_hash,omitempty"`
}

// VConAnalysis is what a program made of it.
type VConAnalysis struct {
	Type        string `json:"type"`
	Dialog      int    `json:"dialog"`
	Vendor      string `json:"vendor"`
	Product     string `json:"product,omitempty"`
	MediaType   string `json:"mediatype,omitempty"`
	Filename    string `json:"filename,omitempty"`
	URL         string `json:"url,omitempty"`
	ContentHash string `json:"content_hash,omitempty"`
}

// ContentHash writes a hash as the draft does.
func ContentHash(h hash.Hash) string {
	return "sha512-" + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// ReadVCon reads a vCon, of ours or of somebody else's, and refuses one that does
// not say who took part in what. Members that it does not know are passed over,
// as the draft asks of readers.
func ReadVCon(b []byte) (v VCon, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, err
	}
	if len(v.UUID) != 36 || strings.Count(v.UUID, "-") != 4 {
		return v, fmt.Errorf("its uuid %q is none", v.UUID)
	}
	if _, err := time.Parse(time.RFC3339, v.CreatedAt); err != nil {
		return v, fmt.Errorf("created_at: %w", err)
	}
	for i, d := range v.Dialog {
		if err := d.check(len(v.Parties)); err != nil {
			return v, fmt.Errorf("dialog %d: %w", i, err)
		}
	}
	for i, a := range v.Analysis {
		if a.Type == "" || a.Vendor == "" || a.Dialog < 0 || a.Dialog >= len(v.Dialog) {
			return v, fmt.Errorf("analysis %d is of no dialog, or nobody's", i)
		}
	}
	return v, nil
}

var dialogTypes = map[string]bool{"recording": true, "text": true, "transfer": true, "incomplete": true, "recording-set": true}

func (d VConDialog) check(parties int) error {
	if !dialogTypes[d.Type] || d.Duration < 0 || d.Originator < 0 || d.Originator > 0 && d.Originator >= parties {
		return fmt.Errorf("it is of no known type, has no length, or nobody began it")
	}
	if _, err := time.Parse(time.RFC3339, d.Start); err != nil {
		return err
	}
	for _, p := range d.Parties {
		if p < 0 || p >= parties {
			return fmt.Errorf("there is no party %d", p)
		}
	}
	return nil
}

// refersTo checks that a vCon is about the files beside it.
func (v VCon) refersTo(b *bundle, folder string) error {
	check := func(file, want string) error {
		r := b.open(folder + "/" + file)
		if r == nil {
			return fmt.Errorf("%q is not beside it", file)
		}
		h := sha512.New()
		if _, err := io.Copy(h, r); err != nil {
			return err
		}
		if ContentHash(h) != want {
			return fmt.Errorf("%q is not what it tells of", file)
		}
		return nil
	}
	if len(v.Dialog) == 0 {
		return fmt.Errorf("it tells of no sound")
	}
	for _, d := range v.Dialog {
		if err := check(d.URL, d.ContentHash); err != nil {
			return err
		}
	}
	for _, a := range v.Analysis {
		if err := check(a.URL, a.ContentHash); err != nil {
			return err
		}
	}
	return nil
}
