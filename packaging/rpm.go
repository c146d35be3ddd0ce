package main

import (
	"bytes"
	"strings"

	"github.com/google/rpmpack"
)

var rpmArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// rpm writes the other format. Its scripts learn from a number what is done: 0
// the last one goes, 1 the first one comes, 2 one follows another.
func (p *pack) rpm(w what) ([]byte, error) {
	m := rpmpack.RPMMetaData{
		Name: p.name, Summary: p.summary, Description: strings.ReplaceAll(p.description, "\n ", "\n"), Version: w.release, Release: "1",
		Arch: rpmArch[w.arch], Licence: "Apache-2.0", BuildHost: "localhost", BuildTime: w.epoch, Compressor: "gzip:6",
		Requires: rpmpack.Relations{{Name: "shadow-utils"}},
	}
	for _, other := range p.conflicts {
		m.Conflicts = append(m.Conflicts, &rpmpack.Relation{Name: other})
	}
	for _, other := range p.recommends {
		m.Recommends = append(m.Recommends, &rpmpack.Relation{Name: other})
	}
	r, err := rpmpack.NewRPM(m)
	if err != nil {
		return nil, err
	}
	for _, f := range p.files {
		kind := rpmpack.GenericFile
		if strings.HasPrefix(f.name, "usr/share/doc/") {
			kind = rpmpack.DocFile
		}
		r.AddFile(rpmpack.RPMFile{
			Name: "/" + f.name, Body: f.body, Mode: uint(f.mode), Owner: "root", Group: "root", MTime: uint32(w.epoch.Unix()), Type: kind,
		})
	}
	r.AddPrein("set -e\nupgrade=no\n[ \"$1\" -lt 2 ] || upgrade=yes\n" + p.coming)
	r.AddPostin("set -e\nupgrade=no\n[ \"$1\" -lt 2 ] || upgrade=yes\n" + p.installed)
	r.AddPreun("[ \"$1\" = 0 ] || exit 0\n" + p.leaving)
	r.AddPostun("[ \"$1\" = 0 ] || exit 0\n" + p.gone + p.purged)
	var out bytes.Buffer
	err = r.Write(&out)
	return out.Bytes(), err
}
