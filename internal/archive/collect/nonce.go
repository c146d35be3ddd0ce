package collect

import (
	"crypto/sha256"
	"sync"
	"time"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
)

// nonces remembers which requests were used for as long as their date would
// let them in again. It is in memory: the epoch keeps requests of an earlier
// run out.
type nonces struct {
	mu sync.Mutex
	of map[id.Device]*used
}

type used struct {
	seen  map[[8]byte]int64 // hash of the nonce → date, Unix seconds
	sweep int               // size at which what is out of date is dropped
}

// maxNonces bounds what one device can make the server remember (about 15 MB):
// a thousand requests a second over the whole window.
const maxNonces = 300_000

var errTooMany = fault.New(fault.Limited, "too many requests from this device").After(time.Minute)

// use refuses a nonce that was used. Eight bytes of hash are enough: a chance
// hit refuses one request, which the box then signs anew.
func (n *nonces) use(d id.Device, nonce string, created, at time.Time) error {
	sum := sha256.Sum256([]byte(nonce))
	key := [8]byte(sum[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.of[d]
	if u == nil {
		u = &used{seen: map[[8]byte]int64{}, sweep: 1024}
		n.of[d] = u
	}
	if _, ok := u.seen[key]; ok {
		return errReplay
	}
	if len(u.seen) >= u.sweep {
		oldest := at.Add(-window).Unix()
		for k, t := range u.seen {
			if t < oldest {
				delete(u.seen, k)
			}
		}
		u.sweep = max(1024, 2*len(u.seen))
	}
	if len(u.seen) >= maxNonces {
		return errTooMany
	}
	u.seen[key] = created.Unix()
	return nil
}
