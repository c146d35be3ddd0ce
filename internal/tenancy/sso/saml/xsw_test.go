package saml_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"ringfence/internal/tenancy/sso/saml"
	"ringfence/internal/tenancy/sso/vouch"
)

// evil is a copy of an element that says that mallory is alice's superior.
func evil(of *etree.Element, newID string) *etree.Element {
	e := of.Copy()
	for _, sig := range e.FindElements(".//Signature") {
		sig.Parent().RemoveChild(sig)
	}
	for _, n := range e.FindElements(".//NameID") {
		n.SetText("mallory")
	}
	if newID != "" {
		e.CreateAttr("ID", newID)
	}
	return e
}

// wraps are the ways to show one assertion to who checks the signature and
// another to who reads it (Somorovsky and others, "On Breaking SAML", 2012).
var wraps = map[string]func(doc *etree.Document, response, good *etree.Element) *etree.Element{
	"evil first": func(_ *etree.Document, r, g *etree.Element) *etree.Element {
		r.InsertChildAt(g.Index(), evil(g, "evil"))
		return nil
	},
	"evil last":             func(_ *etree.Document, r, g *etree.Element) *etree.Element { r.AddChild(evil(g, "evil")); return nil },
	"evil with the same id": func(_ *etree.Document, r, g *etree.Element) *etree.Element { r.AddChild(evil(g, "")); return nil },
	"evil inside": func(_ *etree.Document, _, g *etree.Element) *etree.Element {
		g.AddChild(evil(g, "evil"))
		return nil
	},
	"good inside evil": func(_ *etree.Document, r, g *etree.Element) *etree.Element {
		e := evil(g, "evil")
		r.RemoveChild(g)
		e.AddChild(g)
		r.AddChild(e)
		return nil
	},
	"good inside the signature of evil": func(_ *etree.Document, r, g *etree.Element) *etree.Element {
		e := evil(g, "evil")
		sig := g.FindElement("./Signature")
		if sig == nil {
			return e
		}
		g.RemoveChild(sig)
		r.RemoveChild(g)
		sig.CreateElement("Object").AddChild(g)
		e.AddChild(sig)
		r.AddChild(e)
		return nil
	},
	"good in extensions": func(_ *etree.Document, r, g *etree.Element) *etree.Element {
		r.RemoveChild(g)
		x := etree.NewElement("Extensions")
		x.CreateAttr("xmlns", "urn:oasis:names:tc:SAML:2.0:protocol")
		x.AddChild(g)
		r.InsertChildAt(0, x)
		r.AddChild(evil(g, "evil"))
		return nil
	},
	"the whole response within another": func(doc *etree.Document, r, _ *etree.Element) *etree.Element {
		e := evil(r, "evil")
		e.AddChild(r.Copy())
		doc.SetRoot(e)
		return nil
	},
	"another namespace": func(_ *etree.Document, r, g *etree.Element) *etree.Element {
		e := evil(g, "evil")
		e.CreateAttr("xmlns:saml", "urn:other")
		r.InsertChildAt(0, e)
		return nil
	},
	"the name changed": func(_ *etree.Document, _, g *etree.Element) *etree.Element {
		g.FindElement(".//NameID").SetText("mallory")
		return nil
	},
	"the name in two parts": func(_ *etree.Document, _, g *etree.Element) *etree.Element {
		n := g.FindElement(".//NameID")
		n.SetText("mallory")
		n.CreateComment("x")
		n.CreateText("-1")
		return nil
	},
	"the signature taken out": func(_ *etree.Document, r, _ *etree.Element) *etree.Element {
		for _, sig := range r.FindElements(".//Signature") {
			sig.Parent().RemoveChild(sig)
		}
		return nil
	},
	"a time later": func(_ *etree.Document, _, g *etree.Element) *etree.Element {
		g.FindElement("./Conditions").CreateAttr("NotOnOrAfter", time.Now().Add(24*time.Hour).UTC().Format("2006-01-02T15:04:05Z"))
		return nil
	},
}

// No wrapped, changed or stripped response is believed, whichever part is
// signed; and none is believed to be mallory even where the good part stands.
func TestWrappedSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, how := range []map[string]any{{"signAssertion": true, "signResponse": false}, {"signAssertion": false, "signResponse": true}, {"signAssertion": true, "signResponse": true}} {
		w.peer.Control(t, how)
		begun, raw := w.respond()
		for name, wrap := range wraps {
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(raw); err != nil {
				t.Fatal(err)
			}
			if e := wrap(doc, doc.Root(), doc.FindElement("./Response/Assertion")); e != nil {
				doc.Root().AddChild(e)
			}
			forged, err := doc.WriteToBytes()
			if err != nil || bytes.Equal(forged, raw) {
				t.Fatal(name, err)
			}
			out, err := w.party.Finish(begun, forged)
			if f := vouch.Of(err); f == nil || !slices.Contains([]vouch.Cause{vouch.Broken, vouch.Keys}, f.Cause) || out.Statement != nil {
				t.Errorf("%v, %s: %v %+v", how, name, err, out.Statement)
			}
		}
	}
}

// What no honest response holds is refused before any parser sees it.
func TestDocumentsThatAreNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, raw := w.respond()
	good := string(raw)
	body := good[strings.Index(good, "<samlp:Response"):]
	deep := strings.Repeat("<a>", 60) + strings.Repeat("</a>", 60)
	for name, text := range map[string]string{
		"a document type":          `<!DOCTYPE r [<!ENTITY x "y">]>` + body,
		"in small letters":         `<!doctype r>` + body,
		"an outer entity":          `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.Replace(body, "alice-1", "&x;", 1),
		"a billion laughs":         `<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>` + body,
		"a comment in the name":    strings.Replace(body, "alice-1", "alice<!-- -->-1", 1),
		"CDATA":                    strings.Replace(body, "alice-1", "<![CDATA[alice-1]]>", 1),
		"a processing instruction": strings.Replace(body, "alice-1", "<?x y?>alice-1", 1),
		"an unknown entity":        strings.Replace(body, "alice-1", "&eacute;", 1),
		"a zero byte":              body + "\x00",
		"UTF-16":                   "\xff\xfe<\x00r\x00/\x00>\x00",
		"another encoding":         `<?xml version="1.0" encoding="ISO-8859-1"?>` + body,
		"too deep":                 strings.Replace(body, "</samlp:Response>", deep+"</samlp:Response>", 1),
		"too many":                 strings.Replace(body, "</samlp:Response>", strings.Repeat("<a/>", 12_000)+"</samlp:Response>", 1),
		"two documents":            body + body,
		"something else":           "<html></html>",
		"nothing":                  "",
		"encrypted":                strings.Replace(body, "</samlp:Response>", `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/></samlp:Response>`, 1),
	} {
		out, err := w.party.Finish(begun, []byte(text))
		want(t, name, vouch.Broken, out, err)
	}
}

// A status that is no success is told as what it is.
func TestStatus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const response = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="a" InResponseTo="b"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:%s"/></samlp:StatusCode><samlp:StatusMessage>why</samlp:StatusMessage></samlp:Status></samlp:Response>`
	for code, cause := range map[string]vouch.Cause{"AuthnFailed": vouch.Denied, "RequestDenied": vouch.Client, "InvalidNameIDPolicy": vouch.Client, "PartialLogout": vouch.Down} {
		out, err := w.party.Finish(saml.Begun{Request: "b"}, fmt.Appendf(nil, response, code))
		want(t, code, cause, out, err)
	}
}

func FuzzResponse(f *testing.F) {
	w := newWorld(f)
	begun, raw := w.respond()
	f.Add(raw)
	f.Add([]byte(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"/>`))
	f.Add(bytes.Replace(raw, []byte("<saml:Conditions"), []byte("<saml:Conditionz"), 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := w.party.Finish(begun, b)
		saml.Answers(b)
		switch {
		case err == nil && out.Statement.Subject != "alice-1":
			t.Fatalf("somebody else came through: %q", b)
		case err != nil && vouch.Of(err) == nil:
			t.Fatal(err)
		}
	})
}

func FuzzMetadata(f *testing.F) {
	f.Add([]byte(`<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x"><IDPSSODescriptor><KeyDescriptor/></IDPSSODescriptor></EntityDescriptor>`))
	mine, err := saml.Metadata(us, acs)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(mine)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := saml.ReadMetadata(b)
		if err == nil && (p.EntityID == "" || len(p.Signers) == 0) || err != nil && vouch.Of(err) == nil {
			t.Fatal(err)
		}
	})
}
