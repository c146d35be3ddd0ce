package identity

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/base/secret"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// Token lets a machine do what its scope names, at one customer, until its end,
// and only as long as the person who made it may do it too.
type Token struct {
	ID         id.Token
	Name       string
	Acts       []access.Act
	Networks   []netip.Prefix // works from there alone; none: from everywhere
	Maker      id.Person
	CreatedAt  time.Time
	Until      time.Time
	LastUsedAt time.Time // to the minute; zero: never
	LastFrom   string    // network of that use
}

// TokenDraft is a token as somebody asks for it.
type TokenDraft struct {
	Name     string
	Acts     []access.Act
	Networks []string // as entry.Network reads them
	Until    time.Time
}

// Machine is who a token's text belongs to.
type Machine struct {
	Token
	Customer id.Customer         // zero for a token of a provider or a reseller
	Node     id.Node             // where it works
	Held     []access.Membership // of the maker; what the token may is within Acts too
	Entry    entry.List          // from where machines are let in there
}

// Longest life of a token: a year and a month to renew it in.
const longestToken = 400 * 24 * time.Hour

// tokenPrefix lets programs that search texts for lost secrets find ours.
const tokenPrefix = "rft_"

type tokenRow struct {
	ID        id.Token  `db:"id"`
	Name      string    `db:"name"`
	Acts      string    `db:"acts"`
	Networks  []byte    `db:"networks"`
	Maker     id.Person `db:"maker"`
	CreatedAt int64     `db:"created_at"`
	Until     int64     `db:"until"`
	SeenAt    int64     `db:"seen_at"`
	SeenFrom  []byte    `db:"seen_from"`
}

const tokenColumns = `SELECT t.id, t.name, t.acts, t.networks, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at, v.seen_from
	FROM tokens t LEFT JOIN token_seen v ON v.token = t.id`

// machineRow is a token with what its maker holds and the place's access lists:
// every request of a machine reads it, so it is one statement.
type machineRow struct {
	tokenRow
	memberRow
	Entry     []byte `db:"entry"`
	Suspended bool   `db:"suspended"`
}

const machineColumns = `SELECT t.id, t.name, t.acts, t.networks, t.maker, t.created_at, t.until, coalesce(v.seen_at, 0) AS seen_at, v.seen_from,
		m.person, m.card, m.roles, m.joined, m.since, (SELECT list FROM entry_lists) AS entry,
		EXISTS (SELECT 1 FROM standing WHERE suspended_at > 0) AS suspended
	FROM tokens t LEFT JOIN token_seen v ON v.token = t.id LEFT JOIN members m ON m.person = t.maker
	WHERE t.secret = ?`

// open reads a row. Networks and origin are sealed: the machine may be somebody's
// computer at home.
func (r tokenRow) open(tx *place.Tx) (Token, error) {
	t := Token{ID: r.ID, Name: r.Name, Maker: r.Maker, CreatedAt: time.UnixMilli(r.CreatedAt).UTC(), Until: time.UnixMilli(r.Until).UTC()}
	for _, a := range strings.Fields(r.Acts) {
		t.Acts = append(t.Acts, access.Act(a))
	}
	if r.SeenAt > 0 {
		t.LastUsedAt = time.UnixMilli(r.SeenAt).UTC()
	}
	if len(r.SeenFrom) > 0 {
		from, err := tx.Unseal(place.FieldTokenSeen, r.ID, r.SeenFrom)
		if err != nil {
			return t, err
		}
		t.LastFrom = string(from)
	}
	if len(r.Networks) == 0 {
		return t, nil
	}
	text, err := tx.Unseal(place.FieldTokenFrom, r.ID, r.Networks)
	for _, n := range strings.Fields(string(text)) {
		p, perr := netip.ParsePrefix(n)
		if perr != nil {
			return t, perr
		}
		t.Networks = append(t.Networks, p)
	}
	return t, err
}

// from reports whether the token works from an address.
func (t Token) from(a netip.Addr) bool {
	return len(t.Networks) == 0 || a.IsValid() && slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// check reads a draft but for its acts, which only a transaction can judge.
func (d TokenDraft) check(now time.Time) (name string, networks []netip.Prefix, err error) {
	name, unnamed := checkName(d.Name)
	networks, nowhere := entry.Networks("networks", d.Networks)
	var endless error
	if !d.Until.After(now) || d.Until.Sub(now) > longestToken {
		endless = fault.Field("expires_at", "a token ends in the future, at most 400 days ahead")
	}
	return name, networks, fault.Together(unnamed, nowhere, endless)
}

// sealNetworks gives the column of a token's networks: nothing where there are none.
func sealNetworks(tx *place.Tx, t Token) ([]byte, error) {
	if len(t.Networks) == 0 {
		return nil, nil
	}
	return tx.Seal(place.FieldTokenFrom, t.ID, []byte(joinNetworks(t.Networks)))
}

func joinNetworks(list []netip.Prefix) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// recordToken is the event of a token's making.
func recordToken(tx *place.Tx, t Token, facts map[string]string) {
	facts["name"], facts["acts"], facts["until"] = t.Name, joinActs(t.Acts), t.Until.Format(time.RFC3339)
	e := place.Event{Code: "token.created", Subject: t.ID.String(), Facts: facts}
	if len(t.Networks) > 0 {
		e.Personal = map[string]string{"networks": joinNetworks(t.Networks)}
	}
	tx.Record(e)
}

// CreateToken makes a token and gives its text, which is not stored. A scope
// beyond what the maker may do is fault.Invalid: a token is no way up.
func (s *Service) CreateToken(ctx context.Context, p *place.Place, who actor.Actor, maker id.Person, d TokenDraft) (Token, secret.Text, error) {
	now := s.now()
	name, networks, wrong := d.check(now)
	text, hash := newSecret()
	_, body, _ := strings.Cut(p.Customer().String(), "_")
	var t Token
	err := p.Change(ctx, who, func(tx *place.Tx) error {
		held, err := heldBy(tx, maker)
		if err != nil {
			return err
		}
		acts, err := scope(held, d.Acts, access.Thing{Place: p.Customer()}, now)
		if err := fault.Together(wrong, err); err != nil {
			return err
		}
		t = Token{ID: id.At[id.Token](tx.At()), Name: name, Acts: acts, Networks: networks, Maker: maker, CreatedAt: tx.At(), Until: d.Until.UTC()}
		recordToken(tx, t, map[string]string{})
		sealed, err := sealNetworks(tx, t)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`INSERT INTO tokens (id, secret, name, acts, networks, maker, created_at, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			t.ID, hash, name, joinActs(acts), sealed, maker, tx.At().UnixMilli(), d.Until.UnixMilli())
		return err
	})
	return t, secret.NewText(tokenPrefix + body + "_" + text), err
}

func scope(held []access.Membership, acts []access.Act, at access.Thing, now time.Time) ([]access.Act, error) {
	acts = slices.Clone(acts)
	slices.Sort(acts)
	acts = slices.Compact(acts)
	if len(acts) == 0 {
		return nil, fault.Field("acts", "choose at least one act")
	}
	var wrong []error
	for _, a := range acts {
		switch {
		case !access.ForMachines(a):
			wrong = append(wrong, fault.Field("acts", "a token cannot carry %q", a))
		case access.ExtentOf(held, a, at, now).None():
			wrong = append(wrong, fault.Field("acts", "you may not do %q yourself", a))
		}
	}
	return acts, fault.Together(wrong...)
}

func joinActs(acts []access.Act) string {
	var b strings.Builder
	for i, a := range acts {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(a))
	}
	return b.String()
}

// Tokens lists the tokens of a customer, the ended ones too, newest first.
func (s *Service) Tokens(ctx context.Context, p *place.Place) (list []Token, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		list, err = openTokens(tx, tokenColumns+` ORDER BY t.id DESC`)
		return err
	})
	return list, err
}

func openTokens(tx *place.Tx, statement string, args ...any) (list []Token, err error) {
	rows, err := place.Rows[tokenRow](tx, statement, args...)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		t, err := r.open(tx)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

// RemoveToken ends a token, from the next request on.
func (s *Service) RemoveToken(ctx context.Context, p *place.Place, who actor.Actor, t id.Token) error {
	return p.Change(ctx, who, func(tx *place.Tx) error {
		n, err := tx.Exec(`DELETE FROM tokens WHERE id = ?`, t)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such token")
		}
		tx.Record(place.Event{Code: "token.removed", Subject: t.String()})
		tx.Notify("tokens")
		_, err = tx.Exec(`DELETE FROM token_seen WHERE token = ?`, t)
		return err
	})
}

// Machine finds who a token's text belongs to; fault.Unauthenticated if it is
// none, has ended, or does not work from there: whoever found a token learns
// nothing of where it would.
func (s *Service) Machine(ctx context.Context, text secret.Text, from Origin) (Machine, error) {
	if key, ok := strings.CutPrefix(text.Reveal(), nodeTokenPrefix); ok {
		return s.nodeMachine(ctx, key, from)
	}
	body, ok := strings.CutPrefix(text.Reveal(), tokenPrefix)
	customer, key, _ := strings.Cut(body, "_")
	c, err := id.Parse[id.Customer]("org_" + customer)
	if !ok || err != nil {
		return Machine{}, errSession
	}
	p, err := s.store.Place(ctx, c)
	if fault.Is(err, fault.NotFound) {
		return Machine{}, errSession
	}
	if err != nil {
		return Machine{}, err
	}
	m := Machine{Customer: c, Node: c}
	suspended := false
	err = p.View(ctx, func(tx *place.Tx) error {
		r, err := place.Often[machineRow](tx, machineColumns, hashOf(key))
		if err != nil {
			return err
		}
		if m.Token, err = r.tokenRow.open(tx); err != nil {
			return err
		}
		suspended = r.Suspended
		if m.Entry, err = entry.Sealed(tx, c, r.Entry); err != nil || r.Person.IsZero() {
			return err // its maker may never have been a member here: then nothing is held
		}
		maker, err := r.memberRow.open(tx)
		m.Held = held(tx, maker)
		return err
	})
	if err = s.usable(m.Token, from, err); err == nil && suspended {
		err = org.ErrSuspended
	}
	if err != nil || s.now().Sub(m.LastUsedAt) < seenEvery {
		return m, err
	}
	return m, p.Keep(ctx, func(tx *place.Tx) error {
		return seenToken(tx, `INSERT INTO token_seen (token, seen_at, seen_from) VALUES (?, ?, ?)
			ON CONFLICT (token) DO UPDATE SET seen_at = excluded.seen_at, seen_from = excluded.seen_from`, m.ID, s.now(), from)
	})
}

// usable turns what was read of a token into an answer.
func (s *Service) usable(t Token, from Origin, err error) error {
	if fault.Is(err, fault.NotFound) || err == nil && (!s.now().Before(t.Until) || !t.from(from.Address)) {
		return errSession
	}
	return err
}

func seenToken(tx *place.Tx, statement string, t id.Token, at time.Time, from Origin) error {
	sealed, err := tx.Seal(place.FieldTokenSeen, t, []byte(from.network()))
	if err != nil {
		return err
	}
	_, err = tx.Exec(statement, t, at.UnixMilli(), sealed)
	return err
}
