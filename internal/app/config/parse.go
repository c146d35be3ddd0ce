package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ringfence/internal/base/fault"
	"ringfence/internal/base/form"
)

// Load reads and checks a file. The error is a fault.Invalid that holds every
// problem of the file.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fault.Wrap(err, fault.Invalid, "the configuration cannot be read; 'ringfence init' writes one")
	}
	c, err := Parse(b)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		f.Text = path + ": " + f.Text
	}
	return c, err
}

// Parse reads and checks a configuration.
func Parse(b []byte) (Config, error) {
	c := Default()
	found, err := form.Read(b, &c)
	if err != nil {
		return c, fault.Wrap(err, fault.Invalid, "the configuration is not YAML")
	}
	p := append(problems(found), c.Validate()...)
	if len(p) > 0 {
		f := fault.New(fault.Invalid, "the configuration has %d problem(s)", len(p))
		f.Details = p
		return c, f
	}
	return c, nil
}

type problems []fault.Detail

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, fault.Detail{Path: path, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) need(path, value string) {
	if value == "" {
		p.add(path, "is missing")
	}
}

func (p *problems) folder(path, value string) {
	if value == "" {
		p.add(path, "is missing")
	} else if !filepath.IsAbs(value) {
		p.add(path, "%q is not an absolute path", value)
	}
}

func (p *problems) together(path, a, va, b, vb string) {
	if va != "" && vb == "" {
		p.add(path+"."+b, "is missing beside %s", a)
	}
	if va == "" && vb != "" {
		p.add(path+"."+a, "is missing beside %s", b)
	}
}

func (p *problems) oneOf(path, value string, of ...string) {
	if !slices.Contains(of, value) {
		p.add(path, "%q is not one of %s", value, strings.Join(of, ", "))
	}
}

func index(path string, i int) string { return form.Index(path, i) }
