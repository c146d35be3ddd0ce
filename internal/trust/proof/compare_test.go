package proof

import (
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"ringfence/internal/platform/journal"
)

// A kept checkpoint is proven by the files that hold it, and by no other: not by
// one that follows in the list, nor by one of another customer, nor by a file that
// holds another history of the same length.
func TestAKeptCheckpointIsProvenByWhatHoldsIt(t *testing.T) {
	kept := journal.Checkpoint{Origin: "a", Size: 7, Root: tlog.Hash{1}}
	file := func(name string, c journal.Checkpoint) *Report {
		return &Report{File: name, Kind: EvidenceFormat, checkpoints: []signedPoint{{c: c}}}
	}
	holds, shorter := file("holds", kept), file("shorter", journal.Checkpoint{Origin: "a", Size: 6, Root: tlog.Hash{2}})
	others := file("others", journal.Checkpoint{Origin: "b", Size: 7, Root: tlog.Hash{1}})
	forked := file("forked", journal.Checkpoint{Origin: "a", Size: 7, Root: tlog.Hash{3}})
	for name, c := range map[string]struct {
		files  []*Report
		proven []string
		bad    bool
	}{
		"one holds it, others follow": {[]*Report{holds, shorter, others}, []string{"holds"}, false},
		"nothing holds it":            {[]*Report{shorter, others}, nil, true},
		"another history":             {[]*Report{forked}, nil, false},
		"another history beside":      {[]*Report{holds, forked}, []string{"holds"}, false},
	} {
		r := &Report{}
		r.keptAgainst("kept", kept, c.files)
		var proven []string
		for _, f := range r.Findings {
			if f.Holds {
				proven = append(proven, strings.Fields(f.Text)[1])
			}
		}
		if strings.Join(proven, " ") != strings.Join(c.proven, " ") || r.Holds() == (c.bad || len(c.proven) == 0) {
			t.Errorf("%s: %+v", name, r.Findings)
		}
	}
	r := &Report{}
	if r.forks([]*Report{{checkpoints: []signedPoint{{c: kept}}}, forked}); r.Holds() {
		t.Error("another history is no fork")
	}
}
