package capture

// remembered are keys of calls that were forgotten, the latest ones: a row that comes late does not bring one back.
type remembered struct {
	keys  map[string]struct{}
	order []string
}

func newRemembered() *remembered { return &remembered{keys: map[string]struct{}{}} }

func (m *remembered) has(k string) bool {
	_, ok := m.keys[k]
	return ok
}

func (m *remembered) add(keys ...string) {
	for _, k := range keys {
		if !m.has(k) {
			m.keys[k] = struct{}{}
			m.order = append(m.order, k)
		}
	}
	if len(m.order) > maxGone {
		for _, k := range m.order[:maxGone/2] {
			delete(m.keys, k)
		}
		m.order = append([]string(nil), m.order[maxGone/2:]...)
	}
}

// list are those that a state keeps.
func (m *remembered) list() []string {
	return append([]string{}, m.order[max(0, len(m.order)-maxGone/5):]...)
}
