package config

import (
	"net"
	"net/url"
)

// Metrics says where figures are given.
type Metrics struct {
	Listen    string `yaml:"listen" doc:"Address and port, for example 127.0.0.1:9464. Beyond loopback it needs TLS as listen does, and a token."`
	TokenFile string `yaml:"token_file" doc:"File with the token that who asks shows as a bearer, mode 0600."`
}

func (m Metrics) validate(p *problems, tls bool) {
	if m.Listen == "" {
		return
	}
	if !ported(m.Listen) {
		p.add("metrics.listen", "want address:port, for example 127.0.0.1:9464")
	} else if !loopback(m.Listen) {
		if !tls {
			p.add("metrics.listen", "%s is not a loopback address: it needs TLS as listen does", m.Listen)
		}
		p.need("metrics.token_file", m.TokenFile)
	}
}

// Traces says where traces go.
type Traces struct {
	Endpoint    string `yaml:"endpoint" doc:"Address of the collector, for example http://127.0.0.1:4318/v1/traces. Plain http is for this machine alone."`
	HeadersFile string `yaml:"headers_file" doc:"File with headers to send along, one a line (Authorization: Bearer …), mode 0600."`
	Percent     int    `yaml:"percent" doc:"How many of a hundred traces are kept."`
}

func (t Traces) validate(p *problems) {
	if t.Endpoint != "" {
		u, err := url.Parse(t.Endpoint)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			p.add("traces.endpoint", "want an address such as http://127.0.0.1:4318/v1/traces")
		case u.Scheme == "http" && !loopback(net.JoinHostPort(u.Hostname(), "1")):
			p.add("traces.endpoint", "%s is not on this machine: it must be reached by https", u.Hostname())
		}
	}
	if t.Percent < 1 || t.Percent > 100 {
		p.add("traces.percent", "want a number from 1 to 100")
	}
}
