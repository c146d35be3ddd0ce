package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// deb writes the format of deb(5): an archive of a version, the control files
// and the files.
func (p *pack) deb(w what) ([]byte, error) {
	var size int
	var sums strings.Builder
	for _, f := range p.files {
		size += len(f.body)
		fmt.Fprintf(&sums, "%x  %s\n", md5.Sum(f.body), f.name) // as dpkg --verify wants them; they protect from nothing
	}
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Ringfence <ringfence@localhost>\nInstalled-Size: %d\nDepends: passwd\nRecommends: %s\nConflicts: %s\nSection: net\nPriority: optional\nDescription: %s\n %s\n",
		p.name, w.release, w.arch, (size+1023)/1024, strings.Join(p.recommends, ", "), strings.Join(p.conflicts, ", "), p.summary, p.description)
	about, err := tarred([]file{
		{name: "control", mode: 0o644, body: []byte(control)},
		{name: "md5sums", mode: 0o644, body: []byte(sums.String())},
		{name: "preinst", mode: 0o755, body: []byte(shell + "upgrade=no\n[ \"$1\" != upgrade ] || upgrade=yes\n" + p.coming)},
		{name: "postinst", mode: 0o755, body: []byte(shell + "[ \"$1\" = configure ] || exit 0\nupgrade=no\n[ -z \"${2:-}\" ] || upgrade=yes\n" + p.installed)},
		{name: "postrm", mode: 0o755, body: []byte(shell + "case \"$1\" in\npurge) " + call(p.purged) + " ;;\nremove) " + call(p.gone) + " ;;\nesac\n")},
		{name: "prerm", mode: 0o755, body: []byte(shell + "[ \"$1\" = remove ] || exit 0\n" + p.leaving)},
	}, w.epoch)
	if err != nil {
		return nil, err
	}
	data, err := tarred(p.files, w.epoch)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.WriteString("!<arch>\n")
	for _, part := range []file{{name: "debian-binary", body: []byte("2.0\n")}, {name: "control.tar.gz", body: about}, {name: "data.tar.gz", body: data}} {
		fmt.Fprintf(&out, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", part.name, w.epoch.Unix(), 0, 0, "100644", len(part.body))
		out.Write(part.body)
		if len(part.body)%2 == 1 {
			out.WriteByte('\n')
		}
	}
	return out.Bytes(), nil
}

const shell = "#!/bin/sh\nset -e\n"

// call puts a body where the shell wants one command.
func call(body string) string { return "{\n" + body + "}" }

// tarred is files and their folders, compressed, all of one time and of root.
func tarred(files []file, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, 6)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	add := func(h tar.Header, body []byte) {
		h.ModTime, h.Uname, h.Gname, h.Format = at, "root", "root", tar.FormatGNU
		if err == nil {
			err = t.WriteHeader(&h)
		}
		if err == nil {
			_, err = t.Write(body)
		}
	}
	add(tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755}, nil)
	for _, dir := range folders(files) {
		add(tar.Header{Typeflag: tar.TypeDir, Name: "./" + dir + "/", Mode: 0o755}, nil)
	}
	for _, f := range files {
		add(tar.Header{Typeflag: tar.TypeReg, Name: "./" + f.name, Mode: f.mode, Size: int64(len(f.body))}, f.body)
	}
	if err != nil {
		return nil, err
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

// folders are all that files lie in, the outer ones first.
func folders(files []file) (all []string) {
	for _, f := range files {
		for dir := path.Dir(f.name); dir != "."; dir = path.Dir(dir) {
			all = append(all, dir)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
