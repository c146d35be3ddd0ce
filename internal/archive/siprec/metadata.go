package siprec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"time"

	"ringfence/internal/base/fault"
)

// Metadata is what one document of metadata says (RFC 7865), whatever dialect
// it was written in. Identifiers are without white space.
type Metadata struct {
	Partial      bool // only what has changed; else all that holds now
	Sessions     []Conversation
	Participants []Participant
	Streams      []Stream
}

// Conversation is a communication session: the call that is recorded.
type Conversation struct {
	ID    string
	SIP   []string // the system's own names of the call: session ids, call ids
	Group string
	From  time.Time // zero: not said
	To    time.Time
	Extra map[string]string // extension data, by name in small letters
}

// Participant is somebody in the call.
type Participant struct {
	ID       string
	AOR      string // sip:, sips: or tel: URI, or a bare number
	Name     string
	Sends    []string // ids of streams
	Receives []string
	Linked   bool // it was said here what it sends and receives
	From     time.Time
	To       time.Time
	Calling  bool // the system says that it is the caller
	Extra    map[string]string
}

// Stream is one media stream, found in the description by its label.
type Stream struct {
	ID    string
	Label string
	Mixed bool
	To    time.Time
}

// Limits of a document. The depth of what is seen in the field is 6.
const (
	maxDepth = 32
	maxNodes = 4000
	maxText  = 1000 // of one value
	maxExtra = 64
)

// element is one element of a document, by its local name in small letters:
// namespaces are wrong in the field too often to go by them.
type element struct {
	name string
	attr map[string]string
	text string
	kids []*element
}

// ParseMetadata reads a document. It takes both namespaces of the RFC and none,
// both spellings of dataMode, associations as elements of their own (RFC 7865)
// or within participants (its drafts, which Oracle and AudioCodes still send),
// and identifiers that were wrapped. A document type is refused: it can bring
// entities, and no recording client has a reason to send one.
func ParseMetadata(text []byte) (Metadata, error) {
	if len(text) > MaxMetadata {
		return Metadata{}, fault.New(fault.TooLarge, "the metadata has more than %d bytes", MaxMetadata)
	}
	root, err := readTree(text)
	if err != nil {
		return Metadata{}, err
	}
	r := root.find("recording")
	if r == nil {
		return Metadata{}, fault.New(fault.Invalid, "the metadata holds no recording")
	}
	return r.metadata(), nil
}

func readTree(text []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimLeft(text, "\ufeff \t\r\n")))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &element{}
	stack, nodes := []*element{root}, 0
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root, nil
		}
		if err != nil {
			if nodes > 1 {
				return root, nil // what came before the fault still counts
			}
			return nil, fault.Wrap(err, fault.Invalid, "the metadata is not XML")
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.Directive:
			return nil, fault.New(fault.Invalid, "the metadata has a document type; it is not read")
		case xml.StartElement:
			if nodes++; nodes > maxNodes || len(stack) > maxDepth {
				return nil, fault.New(fault.TooLarge, "the metadata has too many elements, or they lie too deep")
			}
			e := &element{name: strings.ToLower(t.Name.Local), attr: map[string]string{}}
			for _, a := range t.Attr {
				e.attr[strings.ToLower(a.Name.Local)] = a.Value
			}
			top.kids = append(top.kids, e)
			stack = append(stack, e)
		case xml.EndElement:
			if len(stack) > 1 {
				top.text = strings.TrimSpace(top.text)
				stack = stack[:len(stack)-1]
			}
		case xml.CharData:
			if len(top.text) < maxText {
				top.text += string(t[:min(len(t), maxText-len(top.text))])
			}
		}
	}
}

// find gives the first element of a name, at most two levels down.
func (e *element) find(name string) *element {
	for _, k := range e.kids {
		if k.name == name {
			return k
		}
	}
	for _, k := range e.kids {
		for _, l := range k.kids {
			if l.name == name {
				return l
			}
		}
	}
	return nil
}

// child gives the text of a child, or "".
func (e *element) child(names ...string) string {
	for _, k := range e.kids {
		for _, n := range names {
			if k.name == n && k.text != "" {
				return k.text
			}
		}
	}
	return ""
}

// ident gives the first of the attributes that is there, without white space.
func (e *element) ident(names ...string) string {
	for _, n := range names {
		if v := strings.Map(dropSpace, e.attr[n]); v != "" {
			return v[:min(len(v), maxText)]
		}
	}
	return ""
}

func (e *element) at(names ...string) time.Time { return readTime(e.child(names...)) }

// readTime takes RFC 3339 and what is written in its place: without a zone
// (Oracle; taken for UTC), with a blank, with fractions of any length.
func readTime(s string) time.Time {
	s = strings.Replace(strings.TrimSpace(s), " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 2000 && t.Year() < 2200 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// extras gathers what a system adds of its own, with a limit.
func (e *element) extras(into map[string]string, depth int) map[string]string {
	for _, k := range e.kids {
		if depth > maxDepth || len(into) >= maxExtra {
			break
		}
		if len(k.kids) > 0 {
			into = k.extras(into, depth+1)
			continue
		}
		if k.text == "" {
			continue
		}
		if into == nil {
			into = map[string]string{}
		}
		into[k.name] = k.text
	}
	return into
}
