package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"ringfence/internal/app/cli"
	"ringfence/internal/app/config"
	"ringfence/internal/base/fault"
)

const healthUsage = `
ringfence health asks a server on this machine whether it is ready. The exit code
is 0 when it is, and 1 when it is not or does not answer; what does not work is
named. It is what packages and containers ask.

Usage: ringfence health --config FILE [--wait 60s]`

// Health is `ringfence health`.
func Health(ctx context.Context, args []string, p cli.Process) error {
	f := cli.Flags("health", healthUsage, p)
	path := f.String("config", cli.UsualConfig, "the configuration of the server")
	wait := f.Duration("wait", 0, "`duration` to wait until it is ready, such as 60s")
	if err := cli.Parse(f, args); err != nil {
		return err
	}
	c, err := config.Load(*path)
	if err != nil {
		return err
	}
	for until := time.Now().Add(*wait); ; {
		err := AskReady(ctx, c)
		if err == nil {
			fmt.Fprintln(p.Stdout, "ready")
			return nil
		}
		if time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Second, time.Until(until)+time.Millisecond)):
		}
	}
}

// AskReady asks the server at its own address, by loopback where it listens to
// all. The certificate's name is not looked at: it is for those outside.
func AskReady(ctx context.Context, c config.Config) error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fault.Field("listen", "want address:port")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	scheme := "http"
	if c.TLS.On() {
		scheme = "https"
	}
	client := &http.Client{Timeout: 8 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, ServerName: serverName(c), // it talks to itself on this machine
	}}}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(r)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "no server answers at %s", net.JoinHostPort(host, port))
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	var problem struct {
		Detail string `json:"detail"`
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 64<<10)).Decode(&problem); err != nil || problem.Detail == "" {
		return fault.New(fault.Unavailable, "the server answers %s", res.Status)
	}
	return fault.New(fault.Unavailable, "%s", problem.Detail)
}

// serverName is what the server is called outside, so that one with certificates
// for several names picks one.
func serverName(c config.Config) string {
	if len(c.TLS.ACME.Hosts) > 0 {
		return c.TLS.ACME.Hosts[0]
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
