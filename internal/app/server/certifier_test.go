package server

import (
	"testing"

	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/trust/destruction"
)

// Where something was destroyed, or became known, certificates are signed within
// minutes, not with the next night.
func TestWhereCertificatesAreDue(t *testing.T) {
	one, other := id.New[id.Customer](), id.New[id.Customer]()
	c := &certifier{due: map[id.Customer]bool{}}
	c.watch(place.Commit{Customer: one, Topics: []string{"recordings", destruction.Topic}})
	c.watch(place.Commit{Customer: other, Topics: []string{"recordings"}})
	c.watch(place.Commit{Topics: []string{destruction.Topic}}) // the registry's
	if len(c.due) != 1 || !c.due[one] {
		t.Errorf("%v", c.due)
	}
}
