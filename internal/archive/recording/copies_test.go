package recording_test

import (
	"testing"
	"time"

	"ringfence/internal/archive/recording"
	"ringfence/internal/archive/recording/recordingtest"
	"ringfence/internal/base/fault"
)

// copied is an item that tells of no other call than those under the names.
func copied(it recording.Item, names ...string) recording.Item {
	it.Call.Idents = names
	return it
}

// In two calls of the same length nobody may speak. Each of them happened.
func TestTheSameSoundOfAnotherCallIsAnotherRecording(t *testing.T) {
	silence := make([]byte, len(recordingtest.Tone(1, 1, time.Second)))
	copy(silence, recordingtest.Tone(1, 1, time.Second)[:44])
	later := func(it recording.Item, by time.Duration) recording.Item {
		it.StartedAt, it.Call.StartedAt, it.Call.EndedAt = it.StartedAt.Add(by), it.Call.StartedAt.Add(by), it.Call.EndedAt.Add(by)
		return it
	}
	for name, c := range map[string]struct {
		first, second func(recording.Item) recording.Item
		another       bool
	}{
		"another name of the telephone system": {
			second: func(it recording.Item) recording.Item { return it }, another: true,
		},
		"one of several names in common": {
			second: func(it recording.Item) recording.Item { return copied(it, "id-b", "id-a") },
		},
		"a copy of a file": {
			first:  func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item { return copied(it, "file:b") },
		},
		"another time in the file's name": {
			first:  func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item { return later(copied(it, "file:b"), time.Hour) }, another: true,
		},
		"other people at about the same time": {
			first: func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item {
				it.Call.Caller.Number = "+441614960188"
				return later(copied(it, "file:b"), 30*time.Second)
			}, another: true,
		},
		"renamed to what says the time": {
			first:  func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item { return later(copied(it, "file:b"), 30*time.Second) },
		},
		"copied, with only its own time": {
			first: func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item {
				it = later(copied(it, "file:b"), time.Hour)
				it.Files[0].ModTime = it.StartedAt.Add(time.Second)
				return it
			},
		},
		"told the time, after a copy that tells only its own": {
			first: func(it recording.Item) recording.Item {
				it = later(copied(it, "file:a"), time.Hour)
				it.Files[0].ModTime = it.StartedAt.Add(time.Second)
				return it
			},
			second: func(it recording.Item) recording.Item { return copied(it, "file:b") },
		},
		"the same path, once its name is known": {
			first: func(it recording.Item) recording.Item { return copied(it, "file:a") },
			second: func(it recording.Item) recording.Item {
				it.Key, it.Files[0].Path = "a.wav", "a.wav"
				return copied(it, "id-9")
			},
		},
		"read by another source": {
			second: func(it recording.Item) recording.Item { it.Source[0] ^= 1; return it },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := recordingtest.New(t)
			a, b := copied(w.Item(t, "a.wav", silence), "id-a"), c.second(copied(w.Item(t, "b.wav", silence), "id-b"))
			if c.first != nil {
				a = c.first(a)
			}
			want := map[bool]recording.Result{true: recording.Verified, false: recording.Duplicate}[c.another]
			first, err := w.Service.Archive(t.Context(), w.Place, w.Who, a)
			if err != nil {
				t.Fatal(err)
			}
			second, err := w.Service.Archive(t.Context(), w.Place, w.Who, b)
			if err != nil || second.Result != want || (second.Recording != first.Recording) != c.another {
				t.Errorf("one after the other: %s, %v, want %s", second.Result, err, want)
			}
			again, err := w.Service.Archive(t.Context(), w.Place, w.Who, b)
			if err != nil || again.Result != recording.Duplicate || again.Recording != second.Recording {
				t.Errorf("the second once more: %s, %v", again.Result, err)
			}
		})
	}
}

// Several at once are told apart as one after the other, also in the very batch
// in which two names turn out to be of one call.
func TestTheSameSoundWithinABatch(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		data := recordingtest.Tone(1, 1, time.Second)
		out, err := w.Service.ArchiveBatch(t.Context(), w.Place, w.Who, []recording.Item{
			copied(w.Item(t, "a.wav", data), "1"), copied(w.Item(t, "b.wav", data), "2"), copied(w.Item(t, "c.wav", recordingtest.Tone(2, 1, time.Second)), "1", "2"),
			copied(w.Item(t, "d.wav", data), "1"), copied(w.Item(t, "e.wav", data), "3"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []recording.Result{recording.Verified, recording.Verified, recording.Verified, recording.Duplicate, recording.Verified} {
			if out[i].Result != want {
				t.Errorf("item %d is %s, want %s", i, out[i].Result, want)
			}
		}
		wantObjects(t, w, 4)
		// One of them is destroyed: the others, of other calls, stay, and what is left is not taken for it.
		if err := w.Service.Destroy(t.Context(), w.Place, w.Who, out[4].Recording, "asked by the caller"); err != nil {
			t.Fatal(err)
		}
		wantObjects(t, w, 3)
		if again, err := w.Service.Archive(t.Context(), w.Place, w.Who, copied(w.Item(t, "e.wav", data), "3")); again.Result != recording.Erased || !fault.Is(err, fault.Gone) {
			t.Errorf("the destroyed one came back: %s, %v", again.Result, err)
		}
	})
}

// Of two calls that turn out to be one in this very batch, both recordings are that one's.
func TestTheSameSoundOfACallThatWasTwo(t *testing.T) {
	both(t, func(t *testing.T, w *recordingtest.World) {
		first, second, third := recordingtest.Tone(1, 1, time.Second), recordingtest.Tone(2, 1, time.Second), recordingtest.Tone(3, 1, time.Second)
		out, err := w.Service.ArchiveBatch(t.Context(), w.Place, w.Who, []recording.Item{
			copied(w.Item(t, "a.wav", first), "1"), copied(w.Item(t, "b.wav", second), "2"), copied(w.Item(t, "c.wav", third), "1", "2"),
			copied(w.Item(t, "d.wav", first), "2"), copied(w.Item(t, "e.wav", second), "1"),
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []recording.Result{recording.Verified, recording.Verified, recording.Verified, recording.Duplicate, recording.Duplicate} {
			if out[i].Result != want {
				t.Errorf("item %d is %s, want %s", i, out[i].Result, want)
			}
		}
	})
}

// Destroyed bytes are not captured again, but a call of days later is another one.
func TestTheSameSoundDaysAfterItWasDestroyed(t *testing.T) {
	w := recordingtest.New(t)
	data := recordingtest.Tone(1, 1, time.Second)
	out, err := w.Service.Archive(t.Context(), w.Place, w.Who, w.Item(t, "a.wav", data))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Service.Destroy(t.Context(), w.Place, w.Who, out.Recording, "asked by the caller"); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, c := range []struct {
		name, path     string
		begun, written time.Duration // from now
		want           recording.Result
	}{
		{"begun within a day", "c.wav", 23 * time.Hour, 49 * time.Hour, recording.Erased},
		{"written before", "d.wav", 48 * time.Hour, -time.Hour, recording.Erased},
		{"nothing tells its start", "e.wav", 48 * time.Hour, 48*time.Hour + time.Second, recording.Erased},
		{"the very path, clock off", "a.wav", 48 * time.Hour, 49 * time.Hour, recording.Erased},
		{"written and begun later", "b.wav", 48 * time.Hour, 49 * time.Hour, recording.Verified},
	} {
		it := w.Item(t, c.path, data)
		it.StartedAt, it.Files[0].ModTime = now.Add(c.begun), now.Add(c.written)
		if out, _ := w.Service.Archive(t.Context(), w.Place, w.Who, it); out.Result != c.want {
			t.Errorf("%s: %s, want %s", c.name, out.Result, c.want)
		}
	}
}
