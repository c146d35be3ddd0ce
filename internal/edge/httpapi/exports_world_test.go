package httpapi_test

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/edge/httpapi"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/identity"
	"ringfence/internal/trust/evidence"
	"ringfence/internal/trust/parcel"
	"ringfence/internal/trust/witness"
)

// exports builds what makes exports, with a kind that anybody who takes exports
// may take.
func (w *world) exports() {
	w.parcels = parcel.New(parcel.Options{Store: w.store, Keys: w.keyring, Objects: w.objects})
	w.witness = witness.New(witness.Options{Store: w.store, Keys: w.keyring, Mail: w.box})
	w.parcels.Register(evidence.Kind, evidence.New(w.recordings, w.witness, time.Now).Maker(string(access.RecordingDownload)))
	w.parcels.Register(witness.ExportKind, w.witness.Maker(string(access.JournalExport)))
	w.parcels.Register("test", parcel.Maker{
		Act:      string(access.ExportTake),
		Estimate: func(context.Context, *place.Place, json.RawMessage) (int64, error) { return 10, nil },
		Make: func(_ context.Context, _ *place.Place, b *parcel.Box) error {
			return b.Add("readme.txt", []byte("what was asked for"))
		},
	})
}

// makeExports runs the jobs that make exports.
func (w *world) makeExports() {
	w.Helper()
	r := job.NewRunner(w.store, w.parcels.Kinds(), job.Options{})
	for range 3 {
		must[int](w)(r.RunDue(w.Context(), time.Now().Add(time.Second)))
	}
}

// exported is an export of a customer's administrator.
func (w *world) exported(c *customer, who actor.Actor) id.Parcel {
	w.Helper()
	p, err := w.parcels.Ask(w.Context(), c.p, who, parcel.Order{Kind: "test", Name: "test.zip", Purpose: "a test"})
	w.no(err)
	w.makeExports()
	return p.ID
}

// ownExport gives somebody an export of their own, for routes that are about one.
func (w *world) ownExport(c *client, email string, rt httpapi.RouteInfo, own things) {
	w.Helper()
	if !strings.Contains(rt.Path, "{export}") {
		return
	}
	own["export"] = w.exported(w.a, w.memberNamed(w.a, email)).String()
	if rt.ID == "takeExport" {
		var o httpapi.ExportOpening
		if got := c.do("POST", "/api/v1/customers/"+w.a.id.String()+"/exports/"+own["export"]+"/openings", nil); got.status == 201 {
			got.into(w, &o)
			own["opening"] = o.ID
		}
	}
}

// memberNamed is a member of a customer as an actor; nobody's, where there is none.
func (w *world) memberNamed(c *customer, email string) actor.Actor {
	w.Helper()
	for _, m := range must[[]identity.Member](w)(w.people.Members(w.Context(), c.p)) {
		if m.Email == email {
			return actor.ForPerson(m.Person, id.New[id.Session](), "")
		}
	}
	return system
}

// aWitness is somebody who is sent a customer's checkpoints.
func (w *world) aWitness(c *customer) string {
	w.Helper()
	for _, old := range must[[]witness.Witness](w)(w.witness.Witnesses(w.Context(), c.p)) {
		w.no(w.witness.Remove(w.Context(), c.p, system, old.ID))
	}
	return must[witness.Witness](w)(w.witness.Add(w.Context(), c.p, system, "witness@"+c.canary+".example", 24*time.Hour)).ID.String()
}
