package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"ringfence/internal/edge/httpapi"
	"ringfence/internal/trust/proof"
)

// taken has an export made that was asked for, and gives its bytes.
func (w *world) taken(c *client, base string, e httpapi.Export) []byte {
	w.Helper()
	w.makeExports()
	var o httpapi.ExportOpening
	c.do("POST", base+"/exports/"+e.ID+"/openings", nil).into(w, &o)
	return []byte(c.do("GET", o.DownloadURL, nil).body)
}

// The change log and evidence, asked for and taken by the API, hold offline.
func TestProofsByTheAPI(t *testing.T) {
	w := newWorld(t)
	base := "/api/v1/customers/" + w.a.id.String()
	admin, superuser := w.as("customer_admin@a.example"), w.as("superuser@a.example")
	var point httpapi.Checkpoint
	admin.do("POST", base+"/checkpoints", nil).into(w, &point)
	var state httpapi.LogState
	admin.do("GET", base+"/log", nil).into(w, &state)
	if state.Last == nil || state.Last.Size != point.Size || !strings.HasPrefix(point.Note, state.Origin+"\n") || state.Key == "" {
		t.Fatalf("%+v", state)
	}
	var list httpapi.CheckpointPage
	admin.do("GET", base+"/checkpoints?limit=1", nil).into(w, &list)
	if len(list.Items) != 1 || list.Items[0].Size != point.Size {
		t.Fatalf("%+v", list)
	}
	var one httpapi.Witness
	admin.do("POST", base+"/witnesses", map[string]any{"email": "eve@example.com", "every_hours": 24}).into(w, &one)
	if got := admin.do("GET", base+"/witnesses", nil); !strings.Contains(got.body, "eve@example.com") {
		t.Error(got)
	}
	if got := admin.do("DELETE", base+"/witnesses/"+one.ID, nil); got.status != 204 {
		t.Error(got)
	}
	if got := admin.do("POST", base+"/cosignatures", map[string]any{"size": point.Size, "key": "x", "signature": "y"}); got.status != 422 {
		t.Error(got)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "bank.example")
	w.no(err)
	text, _, _ := strings.Cut(point.Note, "\n\n")
	both, err := note.Sign(&note.Note{Text: text + "\n"}, must[note.Signer](w)(note.NewSigner(skey)))
	w.no(err)
	_, line, _ := strings.Cut(string(both), "\n\n")
	if got := admin.do("POST", base+"/cosignatures", map[string]any{"size": point.Size, "key": vkey, "signature": line}); got.status > 299 || !strings.Contains(got.body, "bank.example") {
		t.Error(got)
	}
	var e httpapi.Export
	admin.do("POST", base+"/log/exports", map[string]any{"whole": true, "purpose": "audit"}).into(w, &e)
	log := w.taken(admin, base, e)
	superuser.do("POST", base+"/evidence", map[string]any{"recordings": []string{w.a.mine.String()}, "purpose": "court"}).into(w, &e)
	evidence := w.taken(superuser, base, e)
	all := []*proof.Report{}
	for name, b := range map[string][]byte{"log": log, "evidence": evidence, "kept": []byte(point.Note)} {
		r := proof.Verify(name, bytes.NewReader(b), int64(len(b)), state.Key)
		if !r.Holds() {
			t.Errorf("%s: %+v", name, r.Findings)
		}
		all = append(all, r)
	}
	if r := proof.Compare(all); !r.Holds() {
		t.Errorf("%+v", r.Findings)
	}
	if got := superuser.do("POST", base+"/evidence", map[string]any{"recordings": []string{w.b.mine.String()}, "purpose": "court"}); got.status != 404 {
		t.Errorf("another customer's recording: %d %s", got.status, got.body)
	}
	if got := w.browser().do("GET", "/verify.html", nil); got.status != 200 || !strings.Contains(got.body, "verifyBundle") {
		t.Error(got.status)
	}
}
