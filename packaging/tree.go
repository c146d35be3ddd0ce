package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// pack is one package, whatever its format.
type pack struct {
	name, summary, description string
	conflicts                  []string
	recommends                 []string // by Debian's names
	files                      []file
	scripts                    // what its parts hold
}

// file is one file of a package; folders follow from the names.
type file struct {
	name string // from the root, without a slash before
	mode int64
	from string // in the sources; or one of the programs
	body []byte
}

// The programs, which are built before.
const (
	wholeProgram     = "(server)"
	collectorProgram = "(collector)"
)

// scripts run at installation and removal. Each is the body of a shell script
// that finds in $upgrade whether it is an upgrade (yes or no).
type scripts struct {
	folder                   string
	coming                   string // before the files are there
	installed, leaving, gone string
	purged                   string // Debian only: a package is purged after it was removed
}

// kinds are the packages. Neither holds a setting or a folder with data: what
// `ringfence init` and the server write belongs to the operator and is touched
// by no upgrade and no removal.
func kinds() []*pack {
	return []*pack{
		{
			name: "ringfence", summary: "archive for call recordings, the server",
			description: "Keeps each customer's calls inside a fence of its own: collected, encrypted,\n listened to with a receipt, transcribed, found and destroyed on time.",
			conflicts:   []string{"ringfence-collector"},
			recommends:  []string{"ca-certificates", "ffmpeg", "pocketsphinx", "pocketsphinx-en-us"},
			scripts:     scripts{folder: "packaging/server"},
			files: []file{
				{name: "usr/bin/ringfence", mode: 0o755, from: wholeProgram},
				{name: "usr/lib/systemd/system/ringfence.service", from: "packaging/ringfence.service"},
				{name: "usr/lib/sysusers.d/ringfence.conf", from: "packaging/server/sysusers.conf"},
				{name: "usr/lib/tmpfiles.d/ringfence.conf", from: "packaging/server/tmpfiles.conf"},
				{name: "usr/share/doc/ringfence/copyright", from: "LICENSE"},
				{name: "usr/share/doc/ringfence/ringfence.sample.yaml", from: "ringfence.sample.yaml"},
				{name: "usr/share/doc/ringfence/install.md", from: "docs/install.md"},
				{name: "usr/share/doc/ringfence/keys.md", from: "docs/keys.md"},
			},
		},
		{
			name: "ringfence-collector", summary: "collector of call recordings, beside a telephone system",
			description: "Encrypts recordings beside the telephone system and brings them to a Ringfence\n server. On a machine that has the server, use `ringfence collect install`.",
			conflicts:   []string{"ringfence"},
			recommends:  []string{"ca-certificates"},
			scripts:     scripts{folder: "packaging/collector"},
			files: []file{
				{name: "usr/bin/ringfence", mode: 0o755, from: collectorProgram}, // its commands are those of the whole program
				{name: "usr/lib/systemd/system/ringfence-collector.service", from: "internal/platform/service/ringfence-collector.service"},
				{name: "usr/lib/sysusers.d/ringfence-collector.conf", from: "packaging/collector/sysusers.conf"},
				{name: "usr/lib/tmpfiles.d/ringfence-collector.conf", from: "packaging/collector/tmpfiles.conf"},
				{name: "usr/share/doc/ringfence-collector/copyright", from: "LICENSE"},
				{name: "usr/share/doc/ringfence-collector/collector.md", from: "docs/collector.md"},
			},
		},
	}
}

// load reads what the package is made of.
func (p *pack) load(w what) (err error) {
	for i := range p.files {
		f := &p.files[i]
		from := filepath.Join(w.root, f.from)
		switch f.from {
		case wholeProgram:
			from = w.server
		case collectorProgram:
			from = w.box
		}
		f.mode = cmp.Or(f.mode, 0o644)
		if f.body, err = os.ReadFile(from); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	slices.SortFunc(p.files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	for name, into := range map[string]*string{"coming.sh": &p.coming, "installed.sh": &p.installed, "leaving.sh": &p.leaving, "gone.sh": &p.gone, "purged.sh": &p.purged} {
		b, err := os.ReadFile(filepath.Join(w.root, p.folder, name))
		if err != nil {
			return err
		}
		*into = string(b)
	}
	return nil
}
