// Package service lets a program run as a service of the operating system:
// systemd on Linux, the service manager on Windows. It writes what the system
// reads and asks the system to start, stop and forget; what the program does is
// none of its business.
//
// A Plan is complete before anything is touched: it can be shown instead of
// carried out, and it can be carried out below another root.
package service

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Unit is the text of the packaged unit. The packages carry the same file.
//
//go:embed ringfence-collector.service
var Unit string

// Name is the service's name under systemd; Windows knows it as disk.ServiceName.
const Name = "ringfence-collector"

// The places that the packaged unit names.
const (
	packagedProgram = "/usr/bin/ringfence"
	packagedState   = "/var/lib/ringfence-collector"
	packagedUser    = "ringfence-collector"
)

// Wanted is the service as somebody wants it.
type Wanted struct {
	Program string   // the program to run, absolute
	State   string   // its folder, absolute
	User    string   // that it runs as; "" is the packaged one
	Groups  []string // that let it read what it collects
	Reads   []string // folders that it reads
	Writes  []string // folders that it moves or deletes in
	Hosts   string   // what is shown beside the name: where it sends to
	// Ready is called when the account is there and before the service starts:
	// to give it its folder. Nil: nothing.
	Ready func(user string) error
}

// Step is one thing that an installation does: a file that it writes, or a
// command that it has the system carry out.
type Step struct {
	File string      `json:"file,omitempty"`
	Text string      `json:"text,omitempty"`
	Mode os.FileMode `json:"mode,omitempty"`
	Run  []string    `json:"run,omitempty"`
	Why  string      `json:"why"`
}

// Show is the step for a person.
func (s Step) Show() string {
	if s.File == "" {
		return fmt.Sprintf("run    %s\n       (%s)\n", strings.Join(s.Run, " "), s.Why)
	}
	return fmt.Sprintf("write  %s\n       (%s)\n%s\n", s.File, s.Why, indent(s.Text))
}

func indent(text string) string {
	return "       | " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n       | ")
}

// State is how the system sees the service.
type State struct {
	Installed bool   `json:"installed"`
	Running   bool   `json:"running"`
	Text      string `json:"text"` // in the system's own words
}

// Manager installs and removes one service.
type Manager interface {
	// Plan is what Install would do, in order.
	Plan(w Wanted) ([]Step, error)
	// Install carries the plan out and starts the service. Repeated, it changes
	// what differs and starts it anew.
	Install(ctx context.Context, w Wanted) error
	// Stop ends the service; one that does not run is no error.
	Stop(ctx context.Context) error
	// Remove stops the service and takes out what Install wrote. Of a package it
	// takes nothing.
	Remove(ctx context.Context) error
	State(ctx context.Context) (State, error)
}

// Account is who the service runs as on a Linux machine.
func (w Wanted) Account() string {
	if w.User == "" {
		return packagedUser
	}
	return w.User
}

// below puts an absolute path under another root.
func below(root, path string) string {
	if root == "" {
		return path
	}
	return filepath.Join(root, path)
}

// write puts a text where the system reads it, whole or not at all.
func write(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(text); err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
