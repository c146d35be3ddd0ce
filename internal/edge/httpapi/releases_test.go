package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"aead.dev/minisign"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/upgrade"
	"ringfence/internal/base/release"
	"ringfence/internal/edge/httpapi"
)

// releases is a shelf whose key the world holds.
func (w *world) releases() *upgrade.Shelf {
	public, private, err := minisign.GenerateKey(rand.Reader)
	w.no(err)
	w.shelf, w.signer = w.TempDir(), private
	return upgrade.NewShelf(w.shelf, upgrade.Keys{public})
}

// hold puts a release for this machine on the shelf.
func (w *world) hold(number string) {
	file := []byte("#!/bin/sh\n")
	r := minisign.NewReader(bytes.NewReader(file))
	_, err := io.Copy(io.Discard, r)
	w.no(err)
	path := filepath.Join(w.shelf, "ringfence-"+number+"-"+runtime.GOOS+"-"+runtime.GOARCH)
	w.no(os.WriteFile(path, file, 0o600))
	w.no(os.WriteFile(path+".minisig", r.SignWithComments(w.signer, upgrade.Comment(number, runtime.GOOS, runtime.GOARCH), "a test"), 0o600))
}

// A customer sees what its boxes run and asks one to upgrade; those above see
// which are behind, by counts that never open a customer's place.
func TestReleasesOverHTTP(t *testing.T) {
	w := newWorld(t)
	src := must[recording.Source](t)(w.recordings.AddSource(t.Context(), w.a.p, system, recording.Source{Kind: recording.Collector, Name: "PBX", Profile: "generic", TimeZone: "UTC"}))
	cora := w.as("customer_admin@a.example")
	base := "/api/v1/customers/" + w.a.id.String() + "/devices"
	var made httpapi.NewDevice
	if got := cora.do("POST", base, map[string]string{"name": "Box", "source_id": src.ID.String()}); got.status != 201 {
		t.Fatal(got)
	} else {
		got.into(t, &made)
	}
	state := filepath.Join(t.TempDir(), "state")
	_ = must[collect.Config](t)(collect.Enrol(t.Context(), w.url, made.EnrolmentCode, state, ""))
	w.no(collect.Run(t.Context(), collect.Options{State: state, From: t.TempDir(), Once: true}))
	if got := cora.do("POST", base+"/"+made.ID+"/upgrade", nil); got.status != 409 {
		t.Errorf("an upgrade to nothing: %v", got)
	}
	w.hold("99.0.0")
	one := func() httpapi.Device {
		var list struct{ Items []httpapi.Device }
		cora.do("GET", base, nil).into(t, &list)
		for _, d := range list.Items {
			if d.ID == made.ID {
				return d
			}
		}
		t.Fatal("the box is not listed")
		return httpapi.Device{}
	}
	if d := one(); d.Release != release.Number() || d.Offered != "99.0.0" || d.Upgrades != "ask" || d.TooOld || d.ClockSeconds == nil || d.ClockOff {
		t.Errorf("%+v", d)
	}
	if got := cora.do("PUT", base+"/"+made.ID, map[string]string{"name": "Other box", "upgrades": "always"}); got.status != 204 {
		t.Error(got)
	}
	if got := cora.do("PUT", base+"/"+made.ID, map[string]string{"name": "Other box", "upgrades": "sometimes"}); got.status != 422 {
		t.Error(got)
	}
	if got := cora.do("POST", base+"/"+made.ID+"/upgrade", nil); got.status != 200 {
		t.Error(got)
	}
	if d := one(); d.Name != "Other box" || d.Upgrades != "always" || d.UpgradeTo != "99.0.0" {
		t.Errorf("%+v", d)
	}

	w.no(w.collectors.Push(t.Context(), w.a.p))
	w.no(w.collectors.Push(t.Context(), w.b.p))
	for node, email := range map[string]string{w.provider.ID.String(): "provider@example.com", w.reseller.ID.String(): "reseller@example.com"} {
		var out httpapi.NodeReleases
		w.as(email).do("GET", "/api/v1/nodes/"+node+"/releases", nil).into(t, &out)
		if out.Boxes != 1 || out.Behind != 1 || len(out.Fleet) != 1 || out.Fleet[0].CustomerID != w.a.id.String() || len(out.Held) != 1 || !out.Held[0].Offered {
			t.Errorf("%s: %+v", email, out)
		}
	}
}
