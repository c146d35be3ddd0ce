package identity

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"ringfence/internal/base/actor"
	"ringfence/internal/base/fault"
	"ringfence/internal/base/id"
	"ringfence/internal/platform/place"
	"ringfence/internal/tenancy/access"
	"ringfence/internal/tenancy/entry"
	"ringfence/internal/tenancy/org"
)

// Factor is the least that a customer asks for beside the password.
type Factor string

// The factors, from the weakest. What a customer's own identity provider has
// vouched for is enough for each of them: the customer runs it.
const (
	AnyFactor     Factor = "mail"    // a mailed code will do
	StrongFactor  Factor = "strong"  // an authenticator app or a passkey
	PasskeyFactor Factor = "passkey" // a passkey and nothing else
)

// Limit is how long a role stays in without a sign of life, and without
// showing a factor again. Zero: the default.
type Limit struct {
	Idle     time.Duration `json:"idle,omitempty"`
	Absolute time.Duration `json:"absolute,omitempty"`
}

// Policy is how one customer wants people to have signed in.
type Policy struct {
	Factor     Factor                `json:"factor"`
	DeviceDays int                   `json:"device_days"` // how long a browser may be remembered; 0: not at all
	Limits     map[access.Role]Limit `json:"limits,omitempty"`
	Elsewhere  []id.Customer         `json:"elsewhere,omitempty"` // other customers whose identity providers' word is taken here
	SSOOnly    bool                  `json:"sso_only,omitempty"`  // only through this customer's own identity provider
	Recovery   []id.Person           `json:"recovery,omitempty"`  // who still comes in, with a strong factor, when that provider fails
}

// What holds where a customer chose nothing, and the bounds of a choice.
const (
	defaultDeviceDays = 30
	mostDeviceDays    = 90
	leastIdle         = 5 * time.Minute
	leastAbsolute     = 15 * time.Minute
	nodeIdle          = 2 * time.Hour // roles above customers reach many of them
	nodeFor           = 12 * time.Hour
)

// DefaultPolicy is what holds until a customer chooses.
func DefaultPolicy() Policy { return Policy{Factor: AnyFactor, DeviceDays: defaultDeviceDays} }

func (p Policy) check() error {
	f := fault.New(fault.Invalid, "the request is not valid")
	add := func(path, text string) { f.Details = append(f.Details, fault.Detail{Path: path, Text: text}) }
	if !slices.Contains([]Factor{AnyFactor, StrongFactor, PasskeyFactor}, p.Factor) {
		add("factor", "want mail, strong or passkey")
	}
	if p.DeviceDays < 0 || p.DeviceDays > mostDeviceDays {
		add("device_days", "a browser is remembered for 0 to 90 days")
	}
	for r, l := range p.Limits {
		path := "limits." + string(r)
		if !slices.Contains(access.RolesAt("customer"), r) {
			add(path, "there is no such role at a customer")
		}
		if l.Idle != 0 && (l.Idle < leastIdle || l.Idle > sessionIdle) {
			add(path+".idle", "5 minutes to 12 hours")
		}
		if l.Absolute != 0 && (l.Absolute < leastAbsolute || l.Absolute > sessionFor) {
			add(path+".absolute", "15 minutes to 7 days")
		}
	}
	if len(p.Elsewhere) > 50 || len(p.Recovery) > 50 {
		add("elsewhere", "at most 50 are named")
	}
	if p.SSOOnly && len(p.Recovery) == 0 {
		add("recovery", "name at least one administrator who comes in when the identity provider fails")
	}
	if len(f.Details) > 0 {
		return f
	}
	return nil
}

// limit is the strictest of the limits of the roles that are held.
func (p Policy) limit(held []access.Membership) Limit {
	out := Limit{sessionIdle, sessionFor}
	for _, m := range held {
		l := p.Limits[m.Role]
		if l.Idle > 0 {
			out.Idle = min(out.Idle, l.Idle)
		}
		if l.Absolute > 0 {
			out.Absolute = min(out.Absolute, l.Absolute)
		}
	}
	return out
}

// unmet says what a session lacks to enter, or is nil.
func (p Policy) unmet(ses Session, c id.Customer, held []access.Membership, at time.Time) error {
	here := ses.Proof.Customer == c
	since := ses.StartedAt
	if ses.ProvedAt.After(since) {
		since = ses.ProvedAt
	}
	if here && ses.VouchedAt.After(since) {
		since = ses.VouchedAt
	}
	recovery := slices.Contains(p.Recovery, ses.Person) && ses.Proof.Strong()
	switch {
	case p.SSOOnly && !here && !recovery:
		return StepUp("this customer is entered through its own identity provider only", BySSO)
	case at.Sub(since) >= p.limit(held).Absolute:
		return StepUp("it is too long ago that you showed who you are", p.accepted()...)
	case here:
		return nil
	case p.Factor == PasskeyFactor && !ses.Proof.Has(ByPasskey):
		return StepUp("this customer asks for a passkey", ByPasskey)
	case p.Factor == StrongFactor && !ses.Proof.Strong() && !p.accepts(ses.Proof):
		return StepUp("this customer asks for an authenticator app or a passkey; a mailed code is not enough", p.accepted()...)
	case p.Factor == AnyFactor && !ses.Proof.own() && !p.accepts(ses.Proof):
		return StepUp("this customer does not rely on another one's identity provider", p.accepted()...)
	case p.DeviceDays == 0 && ses.Proof.Has(ByDevice) && ses.ProvedAt.IsZero():
		return StepUp("this customer does not let browsers be remembered", p.accepted()...)
	}
	return nil
}

// accepts reports whether the word of another customer's identity provider is
// taken here: of those named, for they may say what they like about anybody.
func (p Policy) accepts(proof Proof) bool {
	return !proof.Customer.IsZero() && slices.Contains(p.Elsewhere, proof.Customer)
}

// accepted lists which proofs of our own would do here.
func (p Policy) accepted() []Method {
	switch {
	case p.SSOOnly:
		return []Method{BySSO}
	case p.Factor == PasskeyFactor:
		return []Method{ByPasskey}
	case p.Factor == StrongFactor:
		return []Method{ByPasskey, ByTOTP, ByRecovery}
	}
	return []Method{ByPasskey, ByTOTP, ByRecovery, ByMail}
}

func readPolicy(settings string) (Policy, error) {
	p := DefaultPolicy()
	if settings == "" {
		return p, nil
	}
	err := json.Unmarshal([]byte(settings), &p)
	return p, err
}

// policySettings is a customer's choice as text, "" where there is none; made to
// stand within other statements, so that the gate asks once.
const policySettings = `coalesce((SELECT settings FROM sign_in_policy WHERE one = 1), '') AS settings`

func storedPolicy(tx *place.Tx) (Policy, error) {
	settings, err := place.Row[string](tx, `SELECT `+policySettings)
	if err != nil {
		return Policy{}, err
	}
	return readPolicy(settings)
}

// Policy is how a customer wants people to have signed in.
func (s *Service) Policy(ctx context.Context, p *place.Place) (pol Policy, err error) {
	err = p.View(ctx, func(tx *place.Tx) error {
		pol, err = storedPolicy(tx)
		return err
	})
	return pol, err
}

// SetPolicy chooses. Whoever chooses must meet the choice with the session they
// have, so that no slip locks the last administrator out.
func (s *Service) SetPolicy(ctx context.Context, p *place.Place, who actor.Actor, ses Session, pol Policy) error {
	if err := pol.check(); err != nil {
		return err
	}
	if err := s.equipped(ctx, pol); err != nil {
		return err
	}
	return p.Change(ctx, who, func(tx *place.Tx) error {
		held, err := heldBy(tx, ses.Person)
		if err != nil {
			return err
		}
		if err := s.closing(tx, ses.Person, pol); err != nil {
			return err
		}
		if err := pol.unmet(ses, p.Customer(), held, s.now()); err != nil {
			return fault.Field("factor", "with this you would lock yourself out: %s", fault.Of(err).Text)
		}
		if err := recoverable(tx, pol); err != nil {
			return err
		}
		return storePolicy(tx, pol)
	})
}

// recoverable holds that who is named for the way back can go it.
func recoverable(tx *place.Tx, pol Policy) error {
	for _, person := range pol.Recovery {
		m, err := memberByID(tx, person)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err != nil || !slices.Contains(m.Roles, access.CustomerAdmin) {
			return fault.Field("recovery", "only administrators of this customer can be named")
		}
	}
	return nil
}

func storePolicy(tx *place.Tx, pol Policy) error {
	text, err := json.Marshal(pol)
	if err != nil {
		return err
	}
	tx.Record(place.Event{Code: "signin.set", Subject: tx.Place().Customer().String(), Facts: map[string]string{
		"factor": string(pol.Factor), "device_days": strconv.Itoa(pol.DeviceDays), "sso_only": strconv.FormatBool(pol.SSOOnly),
		"elsewhere": strconv.Itoa(len(pol.Elsewhere)), "settings": string(text),
	}})
	tx.Notify("members") // who no longer meets it loses the live connection
	_, err = tx.Exec(`INSERT INTO sign_in_policy (one, settings) VALUES (1, ?)
		ON CONFLICT (one) DO UPDATE SET settings = excluded.settings`, string(text))
	return err
}

// Entered is what a session's person finds at one customer.
type Entered struct {
	Held  []access.Membership
	Unmet error      // what the session lacks by the customer's policy: a fault.StepUp, or nil
	Entry entry.List // from where the customer lets anybody in; to be asked before anything else is told
}

// Enter reads what a session's person holds at one customer and what the session
// lacks by that customer's policy to make use of it. Members of a suspended one
// get org.ErrSuspended. One statement reads all of it, so that no request sees an
// older policy and none pays for a second one.
func (s *Service) Enter(ctx context.Context, p *place.Place, ses Session) (e Entered, err error) {
	var st standingRow
	var pol Policy
	err = p.View(ctx, func(tx *place.Tx) error {
		if st, err = place.Often[standingRow](tx, standingColumns, ses.Person); err != nil {
			return err
		}
		if pol, err = readPolicy(st.Settings); err != nil {
			return err
		}
		if e.Entry, err = entry.Sealed(tx, p.Customer(), st.Entry); err != nil {
			return err
		}
		if st.Person.IsZero() || st.Roles == "" {
			// Who is let in from above has no account with the customer's identity provider, and no word of it counts.
			pol.SSOOnly, pol.Elsewhere = false, nil
			e.Held, err = visiting(tx, ses.Person)
			return err
		}
		m, err := st.open(tx)
		e.Held = held(tx, m)
		return err
	})
	switch {
	case err != nil || len(e.Held) == 0:
		return Entered{}, err
	case st.Suspended: // members may know; to everybody else the place is not there
		e.Held = nil
		return e, org.ErrSuspended
	}
	if e.Unmet = pol.unmet(ses, p.Customer(), e.Held, s.now()); e.Unmet == nil && !e.Held[0].Grant.IsZero() {
		e.Unmet = s.NodeReady(ses) // who reaches many customers shows as much as at the own node
	}
	if e.Unmet != nil {
		return e, nil
	}
	if idle := pol.limit(e.Held).Idle; idle < ses.Idle {
		err = s.tighten(ctx, ses.ID, idle)
	}
	return e, err
}

type standingRow struct {
	memberRow
	Settings  string `db:"settings"`
	Suspended bool   `db:"suspended"`
	Entry     []byte `db:"entry"`
}

const standingColumns = `SELECT person, card, roles, joined, since, ` + policySettings + `,
	EXISTS (SELECT 1 FROM standing WHERE suspended_at > 0) AS suspended, (SELECT list FROM entry_lists) AS entry
	FROM (SELECT 1 AS one) AS one LEFT JOIN members ON person = ?`

// tighten makes a session end after a shorter idleness: it is as short-lived as
// the strictest of the customers that were entered with it.
func (s *Service) tighten(ctx context.Context, ses id.Session, idle time.Duration) error {
	return s.store.Registry().Keep(ctx, func(tx *place.Tx) error {
		_, err := tx.Exec(`UPDATE session_seen SET idle = ? WHERE session = ? AND (idle = 0 OR idle > ?)`, idle.Milliseconds(), ses, idle.Milliseconds())
		return err
	})
}

// NodeReady refuses acts above customers to a session that has shown only what
// the reader of a mailbox has, unless this installation lets it. Such a session
// can do one thing about it: set up a factor.
func (s *Service) NodeReady(ses Session) error {
	switch {
	case ses.Proof.Strong() && !(ses.Proof.Has(ByDevice) && ses.ProvedAt.IsZero()):
		return nil
	case s.o.MailedCodeForNodes && ses.Proof.own():
		return nil
	}
	return StepUp("administrators of the provider and of resellers use an authenticator app or a passkey; set one up under “Your account”", ByPasskey, ByTOTP, ByRecovery)
}
