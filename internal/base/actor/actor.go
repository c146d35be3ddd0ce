// Package actor says who does something: a person, a machine with a token, a
// collector beside a telephone system, or Ringfence itself. Every change and
// every opening carries one; there is no way to act as nobody.
package actor

import "ringfence/internal/base/id"

// Kind is what sort of actor it is.
type Kind string

const (
	Person Kind = "person"
	Token  Kind = "token"
	Device Kind = "device"
	System Kind = "system"
)

// Actor is who acts, on whose behalf, from where and for which purpose.
type Actor struct {
	Kind     Kind
	ID       string     // text form of the person's, token's or device's id; for System the part of the program
	OnBehalf string     // text form of the id of whom it is done for, or empty
	Session  id.Session // zero unless a signed-in person acts
	From     string     // network address as seen by the server; personal data, sealed before it is stored
	Purpose  string     // why, in the actor's words, where the act asks for it
}

// ForPerson is a signed-in person.
func ForPerson(p id.Person, s id.Session, from string) Actor {
	return Actor{Kind: Person, ID: p.String(), Session: s, From: from}
}

// ForToken is a machine that shows an API token.
func ForToken(t id.Token, from string) Actor {
	return Actor{Kind: Token, ID: t.String(), From: from}
}

// ForProvisioner is an identity provider that pushes people.
func ForProvisioner(t id.Provisioner, from string) Actor {
	return Actor{Kind: Token, ID: t.String(), From: from}
}

// ForDevice is a collector.
func ForDevice(d id.Device, from string) Actor {
	return Actor{Kind: Device, ID: d.String(), From: from}
}

// ForSystem is Ringfence itself; part says which, for example "retention".
func ForSystem(part string) Actor { return Actor{Kind: System, ID: part} }

// For gives the same actor with a purpose.
func (a Actor) For(purpose string) Actor {
	a.Purpose = purpose
	return a
}

// IsZero reports whether nobody is named.
func (a Actor) IsZero() bool { return a.Kind == "" || a.ID == "" }
