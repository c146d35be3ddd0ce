package destruction

import (
	"testing"

	"ringfence/internal/archive/collect"
	"ringfence/internal/archive/recording"
)

// What is said of files beside collectors follows from who removes them, and when.
func TestFilesBesideCollectors(t *testing.T) {
	of := func(k recording.SourceKind, a recording.After, verified bool, others ...recording.Elsewhere) recording.Destroyed {
		return recording.Destroyed{Kind: k, After: a, Verified: verified, Others: others}
	}
	aside := of(recording.Folder, recording.Move, true)
	aside.Moved = []recording.Moved{{Source: aside.Source}}
	kept := recording.Elsewhere{Kind: recording.Folder, After: recording.Keep}
	for name, c := range map[string]struct {
		of   recording.Destroyed
		two  bool
		want AtSource
	}{
		"deleted once verified":            {of(recording.Folder, recording.Delete, true), true, SourceGone},
		"never verified":                   {of(recording.Folder, recording.Delete, false), true, SourceUnknown},
		"one place keeps what is watched":  {of(recording.Folder, recording.Delete, true), false, SourceRemains},
		"one place keeps what was fetched": {of(recording.Pickup, recording.Delete, true), false, SourceRemains},
		"a drop is our own":                {of(recording.Drop, recording.Delete, true), false, SourceGone},
		"kept":                             {of(recording.Folder, recording.Keep, true), true, SourceRemains},
		"moved, and nobody looks":          {of(recording.Folder, recording.Move, true), true, SourceRemains},
		"moved, and the watcher is asked":  {aside, true, SourceGone},
		"kept at another":                  {of(recording.Folder, recording.Delete, true, kept), true, SourceRemains},
		"kept beside a collector":          {of(recording.Collector, recording.Delete, true, kept), true, SourceRemains},
		"over the wire":                    {of(recording.Siprec, recording.Keep, true), true, SourceNever},
	} {
		if got := beside(c.of, c.two); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Where several boxes serve a source, one that knows the recording suffices; what
// one has not said is waited for, and what remains on one remains.
func TestWhatBoxesSayTogether(t *testing.T) {
	for _, c := range []struct {
		want AtSource
		of   []collect.Fate
	}{
		{SourceUnknown, nil},
		{SourceUnknown, []collect.Fate{collect.FateForgotten}},
		{SourceGone, []collect.Fate{collect.FateForgotten, collect.FateRemoved}},
		{SourceRemains, []collect.Fate{collect.FateKept, collect.FateForgotten, collect.FateAbsent}},
		{SourceRemains, []collect.Fate{collect.FateStuck}},
		{SourceRemains, []collect.Fate{collect.FateAltered, collect.FateRemoved}},
		{SourceWaiting, []collect.Fate{collect.FateRemoved, collect.FateWaiting}},
		{SourceWaiting, []collect.Fate{collect.FateForgotten, collect.FateWaiting}},
		{SourceUnknown, []collect.Fate{collect.FateRemoved, collect.FateRevoked}},
		{SourceUnknown, []collect.Fate{collect.FateOld, collect.FateKept}},
	} {
		var words []collect.Word
		for _, f := range c.of {
			words = append(words, collect.Word{Fate: f})
		}
		if got := ofBoxes(words); got != c.want {
			t.Errorf("%v: %q, want %q", c.of, got, c.want)
		}
	}
}
