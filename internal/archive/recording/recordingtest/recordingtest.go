// Package recordingtest gives tests a place with keys, a bucket and a recording
// service, and sound to put into it.
package recordingtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/sound"
	"ringfence/internal/base/actor"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/blob"
	"ringfence/internal/platform/job"
	"ringfence/internal/platform/keyring"
	"ringfence/internal/platform/keyring/keyringtest"
	"ringfence/internal/platform/place"
	"ringfence/internal/platform/place/placetest"
)

// World is one customer's place with all that recordings need.
type World struct {
	Store   *place.Store
	Place   *place.Place
	Keys    *keyring.Keyring
	Bucket  blob.Bucket
	Dir     string // of the bucket; two folders, a and b
	Service *recording.Service
	Source  recording.Source
	Who     actor.Actor
}

// Schemas are those that a recording service needs.
func Schemas(more ...place.Migrations) place.Schemas {
	s := place.Schemas{Place: append(recording.Migrations(), job.Migrations...), Registry: job.Migrations, Housekeeping: append(recording.Housekeeping, job.Housekeeping...)}
	for _, m := range more {
		s.Place = append(s.Place, m...)
	}
	return s
}

// New is a world on SQLite.
func New(t testing.TB, more ...place.Migrations) *World {
	t.Helper()
	return On(t, placetest.New(t, Schemas(more...)), recording.Options{})
}

// On is a world on a store, with one customer, retention "for ever" and one
// folder source. Store and bucket of the options are filled in, and keys that
// are not given.
func On(t testing.TB, store *place.Store, o recording.Options) *World {
	t.Helper()
	if o.Keys == nil {
		o.Keys = keyringtest.New(t)
	}
	w := &World{Store: store, Keys: o.Keys, Dir: t.TempDir(), Who: actor.ForPerson(id.New[id.Person](), id.New[id.Session](), "192.0.2.7")}
	c := keyringtest.Customer(t, w.Keys)
	if err := store.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.Place, err = store.Place(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var halves []blob.Bucket
	for _, half := range []string{"a", "b"} {
		b, err := blob.OpenFolder(w.Dir + "/" + half)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		halves = append(halves, b)
	}
	w.Bucket = blob.Mirror(halves[0], halves[1])
	o.Store, o.Keys, o.Objects = store, w.Keys, w.Bucket
	w.Service = recording.New(o)
	if err := w.Service.SetRetention(t.Context(), w.Place, w.Who, 0); err != nil {
		t.Fatal(err)
	}
	w.Source, err = w.Service.AddSource(t.Context(), w.Place, w.Who, recording.Source{
		Kind: recording.Folder, Name: "drop", Profile: "generic", Folder: "/nowhere", Country: "GB",
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// Tone is a WAV of 8 kHz with one tone per channel; different seeds differ.
func Tone(seed int, channels int, length time.Duration) []byte {
	frames := int64(length.Seconds() * 8000)
	b := bytes.NewBuffer(sound.WAVHeader(channels, 8000, frames))
	for i := range frames {
		for c := range channels {
			v := 8000 * math.Sin(float64(i)*(0.05+float64(seed%97)*0.01+float64(c)*0.2))
			binary.Write(b, binary.LittleEndian, int16(v)+int16(seed/97))
		}
	}
	return b.Bytes()
}

// began is when the calls of tests began: three days ago, so that they are never
// too old for what is about to happen with them.
var began = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3).Add(9 * time.Hour)

// Item is an inbound call from a number to an extension, recorded in one file.
func (w *World) Item(t testing.TB, name string, data []byte) recording.Item {
	t.Helper()
	at := began
	return recording.Item{
		Source: w.Source.ID, Key: name, Sound: recording.Complete, StartedAt: at,
		Call: recording.Call{
			Idents: []string{"id-" + name}, Direction: recording.Inbound, Caller: recording.Party{Number: "+441614960187", Name: "Agnes Canary"},
			Dialled: "+441614960000", Queue: "support", Agents: []recording.Agent{{Extension: "201", Name: "Bertram Canary", Outcome: "answered"}},
			StartedAt: at, EndedAt: at.Add(time.Minute), Disposition: recording.Answered,
		},
		Files: []recording.File{File(t, name, recording.Original, data)},
	}
}

// File is a file of an item.
func File(t testing.TB, name string, kind recording.Kind, data []byte) recording.File {
	t.Helper()
	probed, err := sound.Probe(bytes.NewReader(data), int64(len(data)), name, sound.Hint{})
	if err != nil {
		t.Fatal(err)
	}
	return recording.File{
		Path: name, Kind: kind, Size: int64(len(data)), Probed: probed, ModTime: began.Add(time.Minute),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}
}

// Archive archives a tone and gives its recording.
func (w *World) Archive(t testing.TB, name string, seed int) id.Recording {
	t.Helper()
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, name, Tone(seed, 2, time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	if out.Result != recording.Verified {
		t.Fatal(fmt.Errorf("archived as %s, want verified", out.Result))
	}
	return out.Recording
}
