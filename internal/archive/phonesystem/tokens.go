package phonesystem

import (
	"sync"
	"time"

	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
)

// token opens a system for a while. It is kept in memory only.
type token struct {
	text  secret.Text
	until time.Time
}

type tokens struct {
	mu sync.Mutex
	by map[id.Source]token
}

// spare is how long before its end a token is no longer used: a list may take a while.
const spare = 30 * time.Second

func (t *tokens) of(source id.Source, now time.Time) (secret.Text, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k, ok := t.by[source]
	return k.text, ok && now.Add(spare).Before(k.until)
}

func (t *tokens) keep(source id.Source, k token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.by[source] = k
}

func (t *tokens) forget(source id.Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, source)
}
