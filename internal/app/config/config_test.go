package config_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
)

func TestSampleParsesToTheDefaults(t *testing.T) {
	c, err := config.Parse(config.Sample())
	if err != nil {
		t.Fatal(err)
	}
	// An empty list in a file is an empty list, not none.
	c.TrustedProxies, c.Egress.AllowPrivate, c.Watch, c.TLS.ACME.Hosts, c.Releases.PublicKeys = nil, nil, nil, nil, nil
	if !reflect.DeepEqual(c, config.Default()) {
		t.Fatalf("the sample means %+v", c)
	}
}

// Every commented-out key of the sample must be a key that exists: take the
// comment signs away and only values may be missing.
func TestSampleHoldsNoUnknownKey(t *testing.T) {
	open := regexp.MustCompile(`(?m)^( *)# ([a-z0-9_]+:)$`).ReplaceAll(config.Sample(), []byte("$1$2"))
	_, err := config.Parse(open)
	if err != nil && strings.Contains(err.Error(), "no such key") {
		t.Fatal(err)
	}
	if strings.Count(string(open), "postgres_file:") < 2 {
		t.Fatal("the sample lacks keys")
	}
}

func TestCommittedSampleIsCurrent(t *testing.T) {
	b, err := os.ReadFile("../../../ringfence.sample.yaml")
	if err != nil || string(b) != string(config.Sample()) {
		t.Fatalf("ringfence.sample.yaml differs from the type: run make generate (%v)", err)
	}
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	_, err := config.Parse([]byte(`
listen: 0.0.0.0:443
colour: red
data: relative/path
tls: {certificate: a.pem, kye: b.pem}
keys: {root: /etc/root.key, store: /k, mirror: /k/}
objects:
  first: {folder: /a, s3_bucket: b}
  second: {s3_region: eu}
speech: {workers: many}
trusted_proxies: [10.0.0.0/8, here]
nightly: noon
log: {level: loud}
`))
	if !fault.Is(err, fault.Invalid) {
		t.Fatalf("err = %v", err)
	}
	got := map[string]bool{}
	for _, d := range fault.Of(err).Details {
		got[d.Path] = true
	}
	for _, want := range []string{
		"colour", "data", "tls.kye", "tls.key", "keys.mirror", "objects.first", "objects.second",
		"speech.workers", "trusted_proxies[1]", "nightly", "log.level",
	} {
		if !got[want] {
			t.Errorf("no word about %s in %v", want, err)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct{ yaml, path string }{
		{"listen: 0.0.0.0:8443", "tls.certificate"},
		{"listen: '8443'", "listen"},
		{"listen: 127.0.0.1:99999", "listen"},
		{"sftp: {listen: '0.0.0.0:-1'}", "sftp.listen"},
		{"metrics: {listen: '127.0.0.1:figures'}", "metrics.listen"},
		{"url: calls.example.com", "url"},
		{"keys: {root: /var/lib/ringfence/root.key, store: /k}", "keys.root"},
		{"objects: {first: {azure_container: 'https://a/b'}}", "objects.first.secret_file"},
		{"objects: {first: {s3_bucket: b, secret_file: /s}}", "objects.first.s3_region"},
		{"mail: {smtp: mail.example.com, from: a@b}", "mail.smtp"},
		{"mail: {smtp: 'mail.example.com:', from: a@b}", "mail.smtp"},
		{"mail: {smtp: 'mail.example.com:465'}", "mail.from"},
		{"egress: {allow_private: [whisper]}", "egress.allow_private[0]"},
		{"watch: [recordings]", "watch[0]"},
		{"data: [a]", "data"},
		{"tls: x", "tls"},
		{"tls: {acme: {email: a@example.com}}", "tls.acme.hosts"},
		{"tls: {acme: {hosts: [calls.example.com]}}", "tls.acme.email"},
		{"tls: {acme: {hosts: ['*.example.com'], email: a@b}}", "tls.acme.hosts[0]"},
		{"tls: {acme: {hosts: [203.0.113.7], email: a@b}}", "tls.acme.hosts[0]"},
		{"url: https://calls.example.com\ntls: {acme: {hosts: [www.example.com], email: a@b}}", "tls.acme.hosts"},
		{"tls: {certificate: /c, key: /k, acme: {hosts: [calls.example.com], email: a@b}}", "tls.acme.hosts"},
		{"tls: {acme: {hosts: [calls.example.com], email: a@b, directory: 'http://ca'}}", "tls.acme.directory"},
		{"sip: {listen: '0.0.0.0:5060'}", "sip.plain"},
		{"sip: {listen: '5060'}", "sip.listen"},
		{"sip: {tls_listen: '0.0.0.0:5061'}", "sip.tls_listen"},
		{"sip: {address: here}", "sip.address"},
		{"sip: {ports: '10-20'}", "sip.ports"},
		{"sip: {max_calls: -1}", "sip.max_calls"},
		{"administration: {listen: '8444'}", "administration.listen"},
		{"administration: {listen: '127.0.0.1:8443'}", "administration.listen"},
		{"administration: {listen: '10.0.0.5:8444'}", "administration.listen"},
		{"listen: 127.0.0.1:1\nlisten: 127.0.0.1:2", ""},
	} {
		_, err := config.Parse([]byte(c.yaml))
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: accepted", c.yaml)
			continue
		}
		if c.path != "" && !strings.Contains(err.Error(), "; "+c.path+": ") {
			t.Errorf("%s: %v does not name %s", c.yaml, err, c.path)
		}
	}
}

func TestWhichFoldersMayBeWatched(t *testing.T) {
	c := config.Config{Watch: []string{"/srv/recordings/{customer}", "/srv/shared"}}
	for folder, want := range map[string]bool{
		"/srv/recordings/org_a":           true,
		"/srv/recordings/org_a/pbx/2026":  true,
		"/srv/shared/x":                   true,
		"/srv/recordings":                 false,
		"/srv/recordings/org_b":           false,
		"/srv/recordings/org_ab":          false,
		"/srv/recordings/org_a/../org_b":  false,
		"/etc":                            false,
		"srv/shared":                      false,
		"":                                false,
		"/srv/shared/../../etc/ringfence": false,
	} {
		if got := c.MayWatch("org_a", folder); got != want {
			t.Errorf("%q: %v", folder, got)
		}
	}
}
