// Command packaging makes the packages of Ringfence: .deb and .rpm of the server
// and of the collector, for one architecture. It is a module of its own, so that
// what it needs does not weigh on the product.
//
// Limits: the same inputs give the same bytes. No time but that of --epoch, no
// name of a machine and no order but the alphabet's goes into a package. They are
// not signed here: a repository signs its index.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// what is what one run makes packages of.
type what struct {
	root    string // of the sources
	server  string // the whole program, for arch
	box     string // the collector alone
	release string
	arch    string // as Go calls it
	epoch   time.Time
	out     string
}

func main() {
	var w what
	var epoch int64
	flag.StringVar(&w.root, "root", "..", "folder of the sources")
	flag.StringVar(&w.server, "server", "", "the whole program")
	flag.StringVar(&w.box, "collector", "", "the collector alone")
	flag.StringVar(&w.release, "release", "", "its number")
	flag.StringVar(&w.arch, "arch", "amd64", "what it is built for: amd64 or arm64")
	flag.Int64Var(&epoch, "epoch", 0, "time of everything in the packages, in seconds (SOURCE_DATE_EPOCH)")
	flag.StringVar(&w.out, "out", "../dist", "folder for the packages")
	flag.Parse()
	w.epoch = time.Unix(epoch, 0).UTC()
	if err := w.run(); err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

// run writes all packages of the architecture.
func (w what) run() error {
	if w.server == "" || w.box == "" || w.release == "" || w.epoch.Unix() == 0 {
		return errors.New("--server, --collector, --release and --epoch are needed")
	}
	if err := os.MkdirAll(w.out, 0o755); err != nil {
		return err
	}
	for _, p := range kinds() {
		if err := p.load(w); err != nil {
			return err
		}
		deb, err := p.deb(w)
		if err != nil {
			return err
		}
		rpm, err := p.rpm(w)
		if err != nil {
			return err
		}
		for name, b := range map[string][]byte{
			fmt.Sprintf("%s_%s_%s.deb", p.name, w.release, w.arch):            deb,
			fmt.Sprintf("%s-%s-1.%s.rpm", p.name, w.release, rpmArch[w.arch]): rpm,
		} {
			if err := os.WriteFile(filepath.Join(w.out, name), b, 0o644); err != nil {
				return err
			}
			fmt.Println(filepath.Join(filepath.Base(w.out), name))
		}
	}
	return nil
}
