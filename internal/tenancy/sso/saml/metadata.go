package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"strings"

	"ringfence/internal/tenancy/sso/vouch"
)

type described struct {
	XMLName  xml.Name
	EntityID string `xml:"entityID,attr"`
	IDP      []struct {
		Keys []struct {
			Use   string   `xml:"use,attr"`
			Certs []string `xml:"KeyInfo>X509Data>X509Certificate"`
		} `xml:"KeyDescriptor"`
		SignOn []struct {
			Binding  string `xml:"Binding,attr"`
			Location string `xml:"Location,attr"`
		} `xml:"SingleSignOnService"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
}

// ReadMetadata takes from a provider's metadata what we need. All certificates
// for signing are taken: a provider that is about to change its key lists two.
// The failure is a *vouch.Failure with a text for whoever uploaded it.
func ReadMetadata(raw []byte) (Peer, error) {
	if len(raw) > MaxMetadata {
		return Peer{}, vouch.Fail(vouch.Broken, "the metadata are larger than 1 MiB")
	}
	upper := bytes.ToUpper(raw)
	if bytes.Contains(upper, []byte("<!DOCTYPE")) || bytes.Contains(upper, []byte("<!ENTITY")) {
		return Peer{}, vouch.Fail(vouch.Broken, "the metadata hold a document type, which is not read")
	}
	one, err := find(raw)
	if err != nil {
		return Peer{}, err
	}
	if one.EntityID == "" || len(one.EntityID) > 1024 {
		return Peer{}, vouch.Fail(vouch.Broken, "the metadata name no entity id")
	}
	p := Peer{EntityID: one.EntityID}
	for _, s := range one.IDP[0].SignOn {
		if s.Binding == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" {
			p.SignOn = s.Location
		}
	}
	u, err := url.Parse(p.SignOn)
	if p.SignOn == "" || err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return Peer{}, vouch.Fail(vouch.Broken, "the metadata give no address to sign in at by HTTP-Redirect")
	}
	for _, k := range one.IDP[0].Keys {
		if k.Use != "" && k.Use != "signing" {
			continue
		}
		for _, text := range k.Certs {
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if err == nil {
				_, err = x509.ParseCertificate(der)
			}
			if err != nil {
				return Peer{}, vouch.Fail(vouch.Broken, "a certificate in the metadata cannot be read").Because(err)
			}
			p.Signers = append(p.Signers, der)
		}
	}
	if len(p.Signers) == 0 || len(p.Signers) > 10 {
		return Peer{}, vouch.Fail(vouch.Broken, "the metadata hold %d certificates for signing; want 1 to 10", len(p.Signers))
	}
	return p, nil
}

// find reads an EntityDescriptor, or the one provider in an EntitiesDescriptor.
func find(raw []byte) (described, error) {
	var one described
	if err := xml.Unmarshal(raw, &one); err != nil {
		return one, vouch.Fail(vouch.Broken, "the metadata are no XML").Because(err)
	}
	if one.XMLName.Local == "EntitiesDescriptor" {
		var many struct {
			Each []described `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
		}
		if err := xml.Unmarshal(raw, &many); err != nil {
			return one, vouch.Fail(vouch.Broken, "the metadata are no XML").Because(err)
		}
		found := 0
		for _, e := range many.Each {
			if len(e.IDP) == 1 {
				one, found = e, found+1
			}
		}
		if found != 1 {
			return one, vouch.Fail(vouch.Broken, "the metadata describe %d identity providers; want the file of one", found)
		}
	}
	if len(one.IDP) != 1 {
		return one, vouch.Fail(vouch.Broken, "the metadata describe no identity provider: is this the file for the other side?")
	}
	return one, nil
}
